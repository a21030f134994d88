import type { WorkerId } from "../../../runtime/base/ids.ts";
import { TASK_EVENTS_PER_MESSAGE_MAX } from "../../../runtime/base/limits.ts";
import {
  countTaskEvents,
  type EndedTask,
  readTaskEvents,
  TASK_EVENT_BYTES,
  TaskEventsWriter,
} from "../../../runtime/protocol/task_events.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const TASK: EndedTask = {
  owner: "w-first" as WorkerId,
  number: 36,
  name: "square",
  startedAtMs: 1_700_000_000_000.25,
  endedAtMs: 1_700_000_000_001,
  failed: false,
};

describe("TaskEventsWriter", () => {
  it("gives what was added, and begins anew", () => {
    const writer = new TaskEventsWriter();
    const other: EndedTask = {
      ...TASK,
      owner: "w-second" as WorkerId,
      name: "cube",
      failed: true,
    };

    writer.add(TASK);
    writer.add(other);
    writer.add(TASK);
    const events = writer.take();

    const { startedAtMs, endedAtMs } = TASK;
    const first = { name: "square", taskId: "t-first-10", failed: false };
    const second = { name: "cube", taskId: "t-second-10", failed: true };
    assertEquals(
      readTaskEvents(events),
      [first, second, first].map((it) => ({ ...it, startedAtMs, endedAtMs })),
    );
    assertEquals(writer.isEmpty, true);
    assertEquals(countTaskEvents(writer.take()), 0);
  });

  it("is full with as many as a message has", () => {
    const writer = new TaskEventsWriter();
    while (!writer.isFull) writer.add(TASK);

    assertEquals(countTaskEvents(writer.take()), TASK_EVENTS_PER_MESSAGE_MAX);
  });
});

describe("readTaskEvents()", () => {
  it("leaves out what no writer writes", () => {
    const writer = new TaskEventsWriter();
    writer.add(TASK);
    const { rows } = writer.take();
    const cut = rows.slice(0, TASK_EVENT_BYTES - 1);

    assertEquals(readTaskEvents({ names: [], owners: [], rows }), []);
    assertEquals(readTaskEvents({ names: [], owners: [], rows: cut }), []);
  });
});
