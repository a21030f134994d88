// The latest task events of a job on a node, and their form as a Chrome trace.
// Threads send their events in batches; who asks for them has the rest sent.

import { Deque } from "../base/deque.ts";
import type { WorkerId } from "../base/ids.ts";
import { TIMELINE_EVENTS_MAX } from "../base/limits.ts";
import type { NodePart } from "../protocol/state_answers.ts";
import {
  countTaskEvents,
  readTaskEvents,
  type TaskEvents,
} from "../protocol/task_events.ts";

/** Events as a thread has sent them; read when somebody asks. */
export interface EventBatch {
  readonly workerId: WorkerId;
  readonly events: TaskEvents;
}

/** See the head of the file. */
export class Timeline {
  readonly #batches = new Deque<EventBatch>();
  #count = 0;

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

  /** The oldest first. */
  batches(): EventBatch[] {
    return [...this.#batches];
  }
}

/** Complete events ("X") of the trace format; times in microseconds. */
export function chromeTrace(parts: readonly NodePart[]): unknown[] {
  return parts.flatMap(({ nodeId, events = [] }) =>
    events.flatMap(({ workerId, events }) =>
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
    )
  );
}
