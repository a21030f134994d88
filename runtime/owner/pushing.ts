// Sends tasks to the threads that run them: tells each thread of a template
// before the first task of it, groups tasks into messages, and takes
// unstarted tasks back by their claims.

import type { ActorId, WorkerId } from "../base/ids.ts";
import type { TaskPush } from "../protocol/messages.ts";
import type { Lease } from "./lease_queue.ts";
import type { OwnerPorts } from "./ports.ts";
import type { TaskRecord, TaskTemplate } from "./task_record.ts";

/** See the head of the file. */
export class Pushing {
  readonly #ports: Pick<OwnerPorts, "peer">;
  /** The actor that calls of this one are really meant for. */
  readonly #actorOf: (actorId: ActorId) => ActorId;
  /** Templates that each peer was told of. */
  readonly #defined = new Map<WorkerId, Set<number>>();

  constructor(
    ports: Pick<OwnerPorts, "peer">,
    actorOf: (actorId: ActorId) => ActorId,
  ) {
    this.#ports = ports;
    this.#actorOf = actorOf;
  }

  /** Sends tasks, in order; those of a lease get claims if they can. */
  push(
    thread: WorkerId,
    tasks: readonly TaskRecord[],
    right: Lease | { readonly incarnation: number },
  ): void {
    const { claims } = this.#ports.peer(thread);
    const lease = "id" in right ? right : undefined;
    const isClaimed = lease !== undefined && claims !== undefined;
    if (isClaimed) { for (const task of tasks) task.claim = claims.queue(); }
    let first = 0;
    for (let next = 1; next <= tasks.length; next++) {
      const last = tasks[next - 1]!;
      const following = tasks[next];
      // One message holds tasks of one template whose claims have no gap.
      const together = following?.template === last.template &&
        (!isClaimed || following.claim === last.claim + 1);
      if (together) continue;
      this.#send(thread, tasks.slice(first, next), right, isClaimed);
      first = next;
    }
  }

  /** Takes a task back; false when its thread has begun it. */
  revoke(thread: WorkerId, task: TaskRecord): boolean {
    const { claims } = this.#ports.peer(thread);
    if (!claims?.revoke(task.claim)) return false;
    claims.release(task.claim);
    return true;
  }

  /** A pushed task of a lease is over: its claim can serve another. */
  release(thread: WorkerId, task: TaskRecord): void {
    this.#ports.peer(thread).claims?.release(task.claim);
  }

  workerEnded(worker: WorkerId): void {
    this.#defined.delete(worker);
  }

  #send(
    thread: WorkerId,
    tasks: readonly TaskRecord[],
    right: Lease | { readonly incarnation: number },
    isClaimed: boolean,
  ): void {
    const { template, claim } = tasks[0]!;
    const lease = "id" in right ? right : undefined;
    this.#define(thread, template);
    const retried = tasks.some((task) => task.attempt > 0);
    const remade = retried && tasks.some((task) => task.isRemaking);
    const message: TaskPush = {
      type: "task_push",
      template: template.index,
      numbers: tasks.map((task) => task.number),
      args: tasks.map((task) => task.args),
      ...("id" in right
        ? { lease: right.id, ...(isClaimed ? { claim } : {}) }
        : { incarnation: right.incarnation }),
      ...(lease?.gpuIds ? { gpuIds: lease.gpuIds } : {}),
      ...(retried ? { attempts: tasks.map((task) => task.attempt) } : {}),
      ...(remade ? { storedFrom: tasks.map((task) => task.storedFrom) } : {}),
    };
    this.#ports.peer(thread).send(message);
  }

  #define(thread: WorkerId, template: TaskTemplate): void {
    let defined = this.#defined.get(thread);
    if (!defined) this.#defined.set(thread, defined = new Set());
    if (defined.has(template.index)) return;
    defined.add(template.index);
    // An actor that was asked for by name may be another than was started.
    const actorId = template.actorId && this.#actorOf(template.actorId);
    this.#ports.peer(thread).send({
      type: "template_define",
      template: template.index,
      spec: actorId ? { ...template.spec!, actorId } : template.spec!,
    });
  }
}
