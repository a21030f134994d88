// What becomes of tasks whose thread is gone: tried again, or failed with what
// ended the thread. A thread that was stopped for the node's memory is not the
// task's fault alone, so that such attempts are counted apart.

import { OutOfMemoryError } from "../base/errors.ts";
import { MEMORY_RETRY_MS, MEMORY_RETRY_MS_MAX } from "../base/limits.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { OwnerPorts } from "./ports.ts";
import { deathError, outOfMemoryError } from "./task_errors.ts";
import type { TaskRecord } from "./task_record.ts";

/** What the owner does for it. */
export interface LostTasksEffects {
  /** The present attempt is over, on the thread that it was sent to. */
  ended(task: TaskRecord, error: WireError): void;
  retry(task: TaskRecord): void;
  fail(task: TaskRecord, error: WireError): void;
}

/** See the head of the file. */
export class LostTasks {
  readonly #ports: Pick<OwnerPorts, "codec" | "timers">;
  readonly #effects: LostTasksEffects;

  constructor(
    ports: Pick<OwnerPorts, "codec" | "timers">,
    effects: LostTasksEffects,
  ) {
    this.#ports = ports;
    this.#effects = effects;
  }

  /** The tasks of a thread's leases, in the order they were pushed. */
  take(tasks: readonly TaskRecord[], reason: WireError): void {
    if (tasks.length === 0) return;
    const error = this.#ports.codec.decodeError(reason);
    const places = new Set<unknown>();
    for (const task of tasks) {
      const { place } = task;
      this.#effects.ended(task, reason);
      task.place = undefined;
      if (!(error instanceof OutOfMemoryError)) {
        this.#died(task, error);
      } else if (places.has(place)) {
        // Only the first of a lease can have begun.
        this.#again(task);
      } else {
        this.#stopped(task, error);
      }
      places.add(place);
    }
  }

  #died(task: TaskRecord, error: Error): void {
    if (!task.cancelRequested && mayRetry(task)) {
      return this.#effects.retry(task);
    }
    this.#fail(task, deathError(task, error));
  }

  #stopped(task: TaskRecord, error: OutOfMemoryError): void {
    const { maxRetries } = task.template;
    const mayRunAgain = (error as { mayRetry?: unknown }).mayRetry === true;
    if (!mayRunAgain || maxRetries === 0 || task.cancelRequested) {
      return this.#fail(task, outOfMemoryError(task, error));
    }
    const delayMs = MEMORY_RETRY_MS * 2 ** Math.min(task.uncounted, 16);
    this.#ports.timers.after(Math.min(delayMs, MEMORY_RETRY_MS_MAX), () => {
      if (task.status !== "ended") this.#again(task);
    });
  }

  #again(task: TaskRecord): void {
    task.uncounted++;
    this.#effects.retry(task);
  }

  #fail(task: TaskRecord, error: Error): void {
    this.#effects.fail(task, this.#ports.codec.encodeError(error));
  }
}

/** Whether a thread was stopped for its node's memory. */
export function isOutOfMemory({ kind, className }: WireError): boolean {
  return kind === "manta" && className === "out_of_memory";
}

/** Whether an attempt that counts may follow. */
export function mayRetry(
  { template, attempt, uncounted }: Pick<
    TaskRecord,
    "template" | "attempt" | "uncounted"
  >,
): boolean {
  const { maxRetries } = template;
  return maxRetries < 0 || attempt - uncounted < maxRetries;
}
