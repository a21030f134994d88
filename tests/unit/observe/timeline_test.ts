import type { JobId, NodeId, WorkerId } from "../../../runtime/base/ids.ts";
import {
  TASK_EVENTS_PER_MESSAGE_MAX,
  TIMELINE_EVENTS_MAX,
} from "../../../runtime/base/limits.ts";
import { chromeTrace, Timeline } from "../../../runtime/observe/timeline.ts";
import {
  type TaskEvents,
  TaskEventsWriter,
} from "../../../runtime/protocol/task_events.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const FIRST = "w-first" as WorkerId;
const SECOND = "w-second" as WorkerId;

describe("chromeTrace()", () => {
  it("gives complete events in microseconds", () => {
    const timeline = new Timeline();
    timeline.add(FIRST, eventsOf(["square"]));

    assertEquals(traceOf(timeline), [{
      name: "square",
      cat: "task",
      ph: "X",
      ts: 10_000,
      dur: 2_500,
      pid: "n-1",
      tid: FIRST,
      args: { taskId: "t-owner-0", failed: false },
    }]);
  });

  it("keeps the latest", () => {
    const timeline = new Timeline();
    const first = eventsOf(new Array(TASK_EVENTS_PER_MESSAGE_MAX).fill("old"));
    const names = new Array(TASK_EVENTS_PER_MESSAGE_MAX).fill("new");
    const later = eventsOf(names);

    timeline.add(FIRST, first);
    for (let added = 0; added < TIMELINE_EVENTS_MAX; added += names.length) {
      timeline.add(SECOND, later);
    }

    const kept = traceOf(timeline) as { readonly name: string }[];
    assert(kept.length >= TIMELINE_EVENTS_MAX);
    assert(kept.length < TIMELINE_EVENTS_MAX + TASK_EVENTS_PER_MESSAGE_MAX);
    assertEquals(kept.some(({ name }) => name === "old"), false);
  });
});

function traceOf(timeline: Timeline): unknown[] {
  const jobId = "j-1" as JobId;
  const events = timeline.batches().map((batch) => ({ jobId, ...batch }));
  return chromeTrace([{ nodeId: "n-1" as NodeId, events }]);
}

function eventsOf(names: readonly string[]): TaskEvents {
  const writer = new TaskEventsWriter();
  const templates = new Map(names.map((name) => [name, { name }]));
  names.forEach((name, number) => {
    writer.add({
      owner: "w-owner" as WorkerId,
      number,
      attempt: 0,
      template: templates.get(name)!,
      startedAtMs: 10,
      endedAtMs: 12.5,
      error: undefined,
    });
  });
  return writer.take();
}
