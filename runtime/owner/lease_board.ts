// All leases of an owner and the queues of tasks that run on them: leads what
// the node and the executors say of a lease to its queue.

import type { LeaseId, WorkerId } from "../base/ids.ts";
import { LEASE_LINGER_MS } from "../base/limits.ts";
import { type Lease, LeaseQueue } from "./lease_queue.ts";
import type { OwnerPorts } from "./ports.ts";
import type { Pushing } from "./pushing.ts";
import type { TaskRecord, TaskTemplate } from "./task_record.ts";

/** A lease that was granted, and the queue whose tasks it is for. */
interface Granted {
  readonly lease: Lease;
  readonly queue: LeaseQueue;
}

/** See the head of the file. */
export class LeaseBoard {
  readonly #ports: OwnerPorts;
  readonly #pushing: Pushing;
  /** By the key of the scheduling class. */
  readonly #queues = new Map<string, LeaseQueue>();
  /** Granted leases, also those whose thread's link is not open yet. */
  readonly #granted = new Map<LeaseId, Granted>();
  /** Queues with new tasks since the last flush. */
  readonly #dirty = new Set<LeaseQueue>();
  /** Queues that had tasks end since the last flush. */
  readonly #settling = new Set<LeaseQueue>();

  constructor(ports: OwnerPorts, pushing: Pushing) {
    this.#ports = ports;
    this.#pushing = pushing;
  }

  submit(task: TaskRecord): void {
    const queue = this.#queueOf(task.template);
    queue.submit(task);
    this.#dirty.add(queue);
  }

  /** A task runs again: before those that have not run at all. */
  resubmit(task: TaskRecord): void {
    const queue = this.#queueOf(task.template);
    queue.resubmit(task);
    this.#dirty.add(queue);
  }

  /** Forgets a task that was not pushed. */
  withdraw(task: TaskRecord): void {
    const queue = this.#queueOf(task.template);
    queue.withdraw(task);
    // Nobody waits for its lease any more.
    this.#dirty.add(queue);
    this.#ports.scheduleFlush();
  }

  /** A task that was pushed on a lease is over. */
  ended(task: TaskRecord, { threadId, pace }: Lease): void {
    this.#pushing.release(threadId, task);
    pace.ended();
    const queue = this.#queueOf(task.template);
    queue.ended(task);
    this.#settling.add(queue);
    this.#ports.scheduleFlush();
  }

  /** Pushes what is ready. */
  flush(): void {
    // Clearing costs, and most flushes have nothing here.
    if (this.#dirty.size > 0) {
      for (const queue of this.#dirty) queue.dispatch();
      this.#dirty.clear();
    }
    if (this.#settling.size > 0) {
      for (const queue of this.#settling) queue.settle();
      this.#settling.clear();
    }
  }

  granted(classKey: string, lease: Lease): void {
    const { id: leaseId, threadId } = lease;
    if (this.#granted.has(leaseId)) return;
    const queue = this.#queues.get(classKey);
    const peer = this.#ports.peer(threadId);
    if (!queue || peer.closed) return this.#ports.node.returnLease(leaseId);
    this.#granted.set(leaseId, { lease, queue });
    peer.whenOpen(() => {
      if (!this.#granted.has(leaseId)) return;
      queue.granted(lease);
      this.#ports.scheduleFlush();
    });
  }

  /** The scheduler wants the lease for somebody else. */
  reclaimed(leaseId: LeaseId): void {
    this.#granted.get(leaseId)?.queue.reclaim(leaseId);
    this.#ports.scheduleFlush();
  }

  /** The lease is gone; gives the tasks that were on it. */
  revoked(leaseId: LeaseId): TaskRecord[] {
    const tasks = this.#granted.get(leaseId)?.queue.lost(leaseId) ?? [];
    this.#granted.delete(leaseId);
    return tasks;
  }

  /** No node can ever run this class; gives the tasks that waited. */
  refused(classKey: string): TaskRecord[] {
    return this.#queues.get(classKey)?.refused() ?? [];
  }

  /** The lease's task waits; `returned` were not begun and come back. */
  blocked(leaseId: LeaseId, returned: readonly TaskRecord[]): void {
    const queue = this.#granted.get(leaseId)?.queue;
    if (!queue) return;
    for (const task of returned) {
      this.#pushing.release((task.place as Lease).threadId, task);
    }
    queue.blocked(leaseId, returned);
    this.#ports.scheduleFlush();
  }

  resumed(leaseId: LeaseId): void {
    this.#granted.get(leaseId)?.queue.resumed(leaseId);
    this.#ports.scheduleFlush();
  }

  /** A thread is gone; gives the tasks that its leases had. */
  workerEnded(worker: WorkerId): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    for (const [leaseId, { lease, queue }] of [...this.#granted]) {
      if (lease.threadId !== worker) continue;
      this.#granted.delete(leaseId);
      tasks.push(...queue.lost(leaseId));
      this.#dirty.add(queue);
    }
    return tasks;
  }

  #queueOf(template: TaskTemplate): LeaseQueue {
    const schedulingClass = template.schedulingClass!;
    let queue = this.#queues.get(schedulingClass.key);
    if (!queue) {
      queue = new LeaseQueue(schedulingClass, {
        demand: (wanted, count) => this.#ports.node.demand(wanted, count),
        room: (lease) => this.#roomOf(lease),
        push: (lease, tasks) => this.#push(lease, tasks),
        revoke: (lease, task) => this.#pushing.revoke(lease.threadId, task),
        giveBack: (leaseId) => this.#giveBack(leaseId),
        idle: (idleQueue, lease) => this.#linger(idleQueue, lease),
      });
      this.#queues.set(schedulingClass.key, queue);
    }
    return queue;
  }

  #roomOf({ threadId, pace, underWay }: Lease): number {
    const { claims, closed } = this.#ports.peer(threadId);
    if (claims) return claims.room;
    return closed ? 0 : pace.ahead(this.#ports.nowMs()) - underWay;
  }

  #push(lease: Lease, tasks: readonly TaskRecord[]): void {
    const wasIdle = lease.underWay === tasks.length;
    if (wasIdle) lease.pace.began(this.#ports.nowMs());
    this.#pushing.push(lease.threadId, tasks, lease);
  }

  /**
   * Gives the lease back once it has been idle for the linger time. One timer
   * per lease: calls one after another make it idle after each.
   */
  #linger(queue: LeaseQueue, lease: Lease): void {
    const nowMs = this.#ports.nowMs();
    if (lease.idleUses !== lease.uses) lease.idleSinceMs = nowMs;
    lease.idleUses = lease.uses;
    if (lease.isLingering) return;
    lease.isLingering = true;
    const { uses } = lease;
    const leftMs = lease.idleSinceMs + LEASE_LINGER_MS - nowMs;
    this.#ports.timers.after(Math.max(0, leftMs), () => {
      lease.isLingering = false;
      if (lease.underWay > 0 || !this.#granted.has(lease.id)) return;
      if (lease.uses !== uses) return this.#linger(queue, lease);
      queue.expire(lease, uses);
      this.#ports.scheduleFlush();
    });
  }

  #giveBack(leaseId: LeaseId): void {
    this.#granted.delete(leaseId);
    this.#ports.node.returnLease(leaseId);
  }
}
