// Ends tasks early: cancelled ones, and those that run for too long. One that
// may have begun keeps its place until its thread is done with it.

import type { WorkerId } from "../base/ids.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { Lease } from "./lease_queue.ts";
import type { OwnerPorts } from "./ports.ts";
import { cancelledError, timeoutError } from "./task_errors.ts";
import type { TaskRecord } from "./task_record.ts";

/** How a task that is stopped leaves. */
export interface StoppingEnds {
  /** It waits for a lease: takes it from there. */
  withdraw(task: TaskRecord): void;
  /** It is over. */
  fail(task: TaskRecord, error: WireError): void;
  /** Its refs fail now; it is over once its thread says so. */
  settle(task: TaskRecord, error: WireError): void;
}

/** See the head of the file. */
export class Stopping {
  readonly #ports: OwnerPorts;
  readonly #ends: StoppingEnds;

  constructor(ports: OwnerPorts, ends: StoppingEnds) {
    this.#ports = ports;
    this.#ends = ends;
  }

  cancel(
    task: TaskRecord,
    { force, recursive }: { force: boolean; recursive: boolean },
  ): void {
    if (task.status === "ended") return;
    if (task.stopped) {
      // It was only asked to stop, and goes on.
      if (force) this.#stopStarted(task, threadOf(task)!, force, recursive);
      return;
    }
    const error = this.#ports.codec.encodeError(cancelledError(task));
    this.#stop(task, error, force, recursive);
  }

  /** An attempt has begun: its time runs. */
  armTimeout(task: TaskRecord | undefined): void {
    const timeoutMs = task?.template.timeoutMs;
    if (!task || timeoutMs === undefined) return;
    (task.timer as (() => void) | undefined)?.();
    task.timer = this.#ports.timers.after(timeoutMs, () => {
      const error = timeoutError(task, timeoutMs);
      // The thread of a call is an actor's, and maybe that of many actors.
      const force = task.template.actorId === undefined;
      this.#stop(task, this.#ports.codec.encodeError(error), force, true);
    });
  }

  #stop(
    task: TaskRecord,
    error: WireError,
    force: boolean,
    recursive: boolean,
  ): void {
    task.cancelRequested = true;
    const threadId = threadOf(task);
    if (threadId && this.#mayHaveBegun(task, threadId)) {
      this.#stopStarted(task, threadId, force, recursive);
      task.stopped = true;
      return this.#ends.settle(task, error);
    }
    if (task.status === "queued" && !task.template.actorId) {
      this.#ends.withdraw(task);
    }
    this.#ends.fail(task, error);
  }

  #mayHaveBegun(task: TaskRecord, threadId: WorkerId): boolean {
    if (!(task.place instanceof Lease)) return true;
    return !this.#ports.peer(threadId).claims?.revoke(task.claim);
  }

  /**
   * What could not be taken back, as there are no claims, may wait behind
   * another task that is not to be stopped: then it is only told.
   */
  #hasBegun(task: TaskRecord, threadId: WorkerId): boolean {
    const { place } = task;
    if (!(place instanceof Lease)) return true;
    if (this.#ports.peer(threadId).claims) return true;
    return place.first === task;
  }

  #stopStarted(
    task: TaskRecord,
    threadId: WorkerId,
    force: boolean,
    recursive: boolean,
  ): void {
    this.#ports.peer(threadId).send({
      type: "task_cancel",
      number: task.number,
      recursive,
    });
    if (force && this.#hasBegun(task, threadId)) {
      this.#ports.node.killThread(
        threadId,
        `${task.template.name} was stopped`,
      );
    }
    this.#ports.scheduleFlush();
  }
}

/** Where the task is, if it was pushed. */
function threadOf({ place }: TaskRecord): WorkerId | undefined {
  return ((place ?? {}) as { threadId?: WorkerId }).threadId;
}
