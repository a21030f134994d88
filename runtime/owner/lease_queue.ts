// The tasks of one scheduling class and the leases that they run on: which
// task goes to which executor, what is taken back from a busy one, when a
// lease is asked for and when it is given back. No I/O and no time of its
// own: it acts through `LeaseEffects`.

import { Deque } from "../base/deque.ts";
import type { LeaseId, WorkerId } from "../base/ids.ts";
import {
  LEASES_WANTED_MAX,
  PUSHED_TASKS_PER_LEASE_MAX,
} from "../base/limits.ts";
import { PushPace } from "./push_pace.ts";
import type { SchedulingClass, TaskRecord } from "./task_record.ts";

/** What a lease queue does to the world. */
export interface LeaseEffects {
  /** Tells the scheduler how many leases this class could use. */
  demand(schedulingClass: SchedulingClass, count: number): void;
  /** How many more tasks the lease's executor can be sent. */
  room(lease: Lease): number;
  /** Pushes tasks, in order; sets each one's `claim`. */
  push(lease: Lease, tasks: readonly TaskRecord[]): void;
  /** Takes an unstarted task back; false when it was begun. */
  revoke(lease: Lease, task: TaskRecord): boolean;
  giveBack(lease: LeaseId): void;
  /** The lease has nothing to do: call `expire` after the linger time. */
  idle(queue: LeaseQueue, lease: Lease): void;
}

/** A lease that this owner holds. */
export class Lease {
  readonly id: LeaseId;
  readonly threadId: WorkerId;
  /** GPUs that its tasks may use. */
  readonly gpuIds: readonly string[] | undefined;
  /** Pushed tasks in order; ended ones are dropped as they reach an end. */
  readonly pushed = new Deque<TaskRecord>();
  /** How much is sent ahead where nothing can be taken back. */
  readonly pace = new PushPace();
  /** How many of `pushed` have not ended. */
  underWay = 0;
  /** Its task waits in `get`: nothing is pushed meanwhile. */
  blocked = false;
  /** The scheduler wants it back. */
  reclaimed = false;
  /** Grows whenever it gets work; tells a stale linger timer. */
  uses = 0;
  /** Since when it is idle, and how often it was used by then. */
  idleSinceMs = 0;
  idleUses = -1;
  /** A timer runs that looks whether it is still idle. */
  isLingering = false;

  constructor(
    id: LeaseId,
    threadId: WorkerId,
    gpuIds?: readonly string[],
  ) {
    this.id = id;
    this.threadId = threadId;
    this.gpuIds = gpuIds;
  }

  /** The one task that can have begun. */
  get first(): TaskRecord | undefined {
    return this.pushed.peek();
  }
}

/** See the head of the file. */
export class LeaseQueue {
  readonly schedulingClass: SchedulingClass;
  readonly leases = new Map<LeaseId, Lease>();
  readonly #pending = new Deque<TaskRecord>();
  readonly #effects: LeaseEffects;
  #demanded = 0;

  constructor(schedulingClass: SchedulingClass, effects: LeaseEffects) {
    this.schedulingClass = schedulingClass;
    this.#effects = effects;
  }

  /** Tasks that were not pushed yet. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Whether there is nothing to keep: no task, no lease, no demand. */
  get isEmpty(): boolean {
    return this.#pending.length === 0 && this.leases.size === 0 &&
      this.#demanded === 0;
  }

  submit(task: TaskRecord): void {
    task.status = "queued";
    this.#pending.push(task);
  }

  /** A task that has run before, or was taken back, goes first. */
  resubmit(task: TaskRecord): void {
    task.status = "queued";
    task.place = undefined;
    this.#pending.unshift(task);
  }

  /** Forgets a task that was not pushed; false when it is not here. */
  withdraw(task: TaskRecord): boolean {
    return this.#pending.remove(task);
  }

  granted(lease: Lease): void {
    if (this.leases.has(lease.id)) return;
    this.leases.set(lease.id, lease);
    this.dispatch();
    if (lease.underWay === 0) this.#feedIdle(lease);
  }

  /** Pushes what can be pushed and states the demand. */
  dispatch(): void {
    if (this.#pending.length > 0) {
      const usable = [...this.leases.values()].filter(isUsable);
      for (let index = 0; index < usable.length; index++) {
        this.#fill(usable[index]!, usable.length - index);
      }
    }
    this.#stateDemand();
  }

  /** A pushed task has ended, in whatever way. */
  ended(task: TaskRecord): void {
    const lease = task.place as Lease | undefined;
    if (!lease) return;
    task.place = undefined;
    lease.underWay--;
    while (lease.pushed.length > 0 && !isUnderWay(lease, lease.pushed.peek())) {
      lease.pushed.shift();
    }
  }

  /** After a batch of endings: gives idle leases work or lets them go. */
  settle(): void {
    this.dispatch();
    for (const lease of this.leases.values()) {
      if (lease.underWay === 0) this.#feedIdle(lease);
    }
  }

  blocked(id: LeaseId, returned: readonly TaskRecord[]): void {
    const lease = this.leases.get(id);
    if (!lease) return;
    lease.blocked = true;
    for (let index = returned.length - 1; index >= 0; index--) {
      const task = returned[index]!;
      if (task.place !== lease) continue;
      this.ended(task);
      this.resubmit(task);
    }
    this.dispatch();
  }

  resumed(id: LeaseId): void {
    const lease = this.leases.get(id);
    if (!lease) return;
    lease.blocked = false;
    this.dispatch();
    // Its task may have ended meanwhile, by a failure that it did not wait for.
    if (lease.underWay === 0) this.#feedIdle(lease);
  }

  /** The scheduler has forgotten the demand; gives the tasks that waited. */
  refused(): TaskRecord[] {
    this.#demanded = 0;
    const tasks = [...this.#pending];
    this.#pending.clear();
    return tasks;
  }

  /** The scheduler wants the lease for somebody else. */
  reclaim(id: LeaseId): void {
    const lease = this.leases.get(id);
    if (!lease) return;
    lease.reclaimed = true;
    this.#takeBack(lease, lease.underWay);
    if (lease.underWay === 0) this.#drop(lease);
    this.dispatch();
  }

  /** The linger time of an idle lease is over. */
  expire(lease: Lease, uses: number): void {
    if (lease.uses === uses && lease.underWay === 0) this.#drop(lease);
    this.#stateDemand();
  }

  /** The lease is gone with its thread; gives the tasks it had. */
  lost(id: LeaseId): TaskRecord[] {
    const lease = this.leases.get(id);
    if (!lease) return [];
    this.leases.delete(id);
    // One that came back and was pushed again stands there twice.
    const pushed = [...new Set(lease.pushed)];
    return pushed.filter((task) => isUnderWay(lease, task));
  }

  #fill(lease: Lease, sharers: number): void {
    const share = Math.ceil(this.#pending.length / sharers);
    const room = Math.min(
      PUSHED_TASKS_PER_LEASE_MAX - lease.underWay,
      this.#effects.room(lease),
    );
    const count = Math.min(share, room, this.#pending.length);
    if (count <= 0) return;
    const tasks: TaskRecord[] = [];
    for (let index = 0; index < count; index++) {
      const task = this.#pending.shift()!;
      task.status = "pushed";
      task.place = lease;
      lease.pushed.push(task);
      tasks.push(task);
    }
    lease.underWay += count;
    lease.uses++;
    this.#effects.push(lease, tasks);
  }

  /** An idle lease takes half of what the fullest one has not begun. */
  #feedIdle(lease: Lease): void {
    if (lease.reclaimed) return this.#drop(lease);
    if (lease.blocked) return;
    let fullest: Lease | undefined;
    for (const other of this.leases.values()) {
      if (other.underWay > (fullest?.underWay ?? 1)) fullest = other;
    }
    if (fullest && this.#takeBack(fullest, fullest.underWay >> 1) > 0) {
      this.#fill(lease, 1);
    }
    if (lease.underWay === 0) this.#effects.idle(this, lease);
  }

  /** Takes back up to `count` unstarted tasks, the last pushed first. */
  #takeBack(lease: Lease, count: number): number {
    let taken = 0;
    while (taken < count) {
      const task = lease.pushed.pop();
      if (!task) break;
      if (!isUnderWay(lease, task)) continue;
      if (!this.#effects.revoke(lease, task)) {
        lease.pushed.push(task);
        break;
      }
      lease.underWay--;
      this.resubmit(task);
      taken++;
    }
    return taken;
  }

  #drop(lease: Lease): void {
    this.leases.delete(lease.id);
    // The demand first: a lease that is still wanted would be granted anew.
    this.#stateDemand();
    this.#effects.giveBack(lease.id);
  }

  #stateDemand(): void {
    let unblocked = 0;
    let outstanding = this.#pending.length;
    for (const lease of this.leases.values()) {
      if (!lease.blocked) unblocked++;
      // What waits behind a running task could run on another lease.
      outstanding += lease.blocked ? 0 : lease.underWay;
    }
    const blocked = this.leases.size - unblocked;
    const wanted = blocked +
      Math.max(unblocked, Math.min(outstanding, LEASES_WANTED_MAX));
    const count = outstanding === 0 ? this.leases.size : wanted;
    if (count === this.#demanded) return;
    // While more is wanted than is had, the exact number does not matter.
    if (count > this.leases.size && this.#demanded >= count) return;
    this.#demanded = count;
    this.#effects.demand(this.schedulingClass, count);
  }
}

function isUsable(lease: Lease): boolean {
  return !lease.blocked && !lease.reclaimed &&
    lease.underWay < PUSHED_TASKS_PER_LEASE_MAX;
}

function isUnderWay(lease: Lease, task: TaskRecord | undefined): boolean {
  return task?.place === lease;
}
