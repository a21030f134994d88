// The attempts of an owner's tasks that ended without a word of the thread
// that ran them, or before any thread had them: the owner alone can tell of
// them. The latest are kept, for those who list tasks.

import { Deque } from "../base/deque.ts";
import {
  STATE_LOST_ATTEMPTS_MAX,
  STATE_NAME_CHARACTERS_MAX,
} from "../base/limits.ts";
import type { WorkerId } from "../base/ids.ts";
import { taskFailure } from "../protocol/task_events.ts";
import type { LostAttempt } from "../protocol/thread_tasks.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { TaskRecord } from "./task_record.ts";

/** See the head of the file. */
export class LostAttempts {
  readonly #attempts = new Deque<LostAttempt>();
  readonly #nowMs: () => number;
  #latest: LostAttempt | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The present attempt of a task has ended; once more changes nothing. */
  add(
    { number, attempt, template, place }: TaskRecord,
    error: Pick<WireError, "name" | "message">,
  ): void {
    const latest = this.#latest;
    if (latest?.number === number && latest.attempt === attempt) return;
    const { actorId } = template;
    const name = template.name.slice(0, STATE_NAME_CHARACTERS_MAX);
    const { threadId: workerId } = (place ?? {}) as { threadId?: WorkerId };
    this.#latest = {
      ...{ number, attempt, name, endedAtMs: this.#nowMs() },
      ...taskFailure(error),
      ...(actorId ? { actorId } : {}),
      ...(workerId ? { workerId } : {}),
    };
    this.#attempts.push(this.#latest);
    if (this.#attempts.length > STATE_LOST_ATTEMPTS_MAX) this.#attempts.shift();
  }

  all(): LostAttempt[] {
    return [...this.#attempts];
  }
}
