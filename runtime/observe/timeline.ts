// The latest task events of a node, and their form as a Chrome trace.

import { TIMELINE_EVENTS_MAX } from "../base/limits.ts";
import { Deque } from "../base/deque.ts";
import type { TaskEvent } from "../protocol/node_messages.ts";

/** See the head of the file. */
export class Timeline {
  readonly #events = new Deque<TaskEvent>();

  add(events: readonly TaskEvent[]): void {
    for (const event of events) this.#events.push(event);
    while (this.#events.length > TIMELINE_EVENTS_MAX) this.#events.shift();
  }

  /** Complete events ("X") of the trace format; times in microseconds. */
  toChromeTrace(nodeId: string): unknown[] {
    return [...this.#events].map((event) => ({
      name: event.name,
      cat: "task",
      ph: "X",
      ts: event.startedAtMs * 1000,
      dur: (event.endedAtMs - event.startedAtMs) * 1000,
      pid: nodeId,
      tid: event.workerId,
      args: { taskId: event.taskId, failed: event.failed },
    }));
  }
}
