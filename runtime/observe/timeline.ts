// The latest task events of a node, and their form as a Chrome trace. Threads
// send their events in batches; who asks for the trace has them send the rest.

import { Deque } from "../base/deque.ts";
import type { WorkerId } from "../base/ids.ts";
import {
  TASK_EVENTS_GIVEN_MS_MAX,
  TIMELINE_EVENTS_MAX,
} from "../base/limits.ts";
import {
  countTaskEvents,
  readTaskEvents,
  type TaskEvents,
} from "../protocol/task_events.ts";

/** What asking threads needs. */
export interface TimelinePorts {
  /** Has a thread send its events and say `events_given`. */
  ask(workerId: WorkerId): void;
  after(delayMs: number, callback: () => void): void;
}

/** Somebody who waits for threads to send their events. */
interface Gathering {
  readonly missing: Set<WorkerId>;
  readonly done: () => void;
}

/** Events as a thread has sent them; read when somebody asks. */
interface Batch {
  readonly workerId: WorkerId;
  readonly events: TaskEvents;
}

/** See the head of the file. */
export class Timeline {
  readonly #batches = new Deque<Batch>();
  #count = 0;
  readonly #gatherings = new Set<Gathering>();

  add(workerId: WorkerId, events: TaskEvents): void {
    this.#batches.push({ workerId, events });
    this.#count += countTaskEvents(events);
    for (;;) {
      const oldest = countTaskEvents(this.#batches.peek()!.events);
      if (this.#count - oldest < TIMELINE_EVENTS_MAX) break;
      this.#batches.shift();
      this.#count -= oldest;
    }
  }

  /** Resolves when these threads have sent all, or it took them too long. */
  gather(threads: Iterable<WorkerId>, ports: TimelinePorts): Promise<void> {
    const missing = new Set(threads);
    if (missing.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const gathering = { missing, done: resolve };
      this.#gatherings.add(gathering);
      for (const workerId of missing) ports.ask(workerId);
      // A thread that computes does not answer.
      ports.after(TASK_EVENTS_GIVEN_MS_MAX, () => this.#end(gathering));
    });
  }

  /** The thread has sent all it had, or is gone. */
  given(workerId: WorkerId): void {
    for (const gathering of this.#gatherings) {
      gathering.missing.delete(workerId);
      if (gathering.missing.size === 0) this.#end(gathering);
    }
  }

  /** Complete events ("X") of the trace format; times in microseconds. */
  toChromeTrace(nodeId: string): unknown[] {
    const all = [...this.#batches].flatMap(({ workerId, events }) =>
      readTaskEvents(events).map((event) => ({
        name: event.name,
        cat: "task",
        ph: "X",
        ts: event.startedAtMs * 1000,
        dur: (event.endedAtMs - event.startedAtMs) * 1000,
        pid: nodeId,
        tid: workerId,
        args: { taskId: event.taskId, failed: event.failed },
      }))
    );
    return all.slice(-TIMELINE_EVENTS_MAX);
  }

  #end(gathering: Gathering): void {
    this.#gatherings.delete(gathering);
    gathering.done();
  }
}
