import type { ActorId, WorkerId } from "../../../runtime/base/ids.ts";
import {
  STATE_MESSAGE_CHARACTERS_MAX,
  TASK_EVENTS_PER_MESSAGE_MAX,
} from "../../../runtime/base/limits.ts";
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
  attempt: 2,
  template: { name: "square" },
  startedAtMs: 1_700_000_000_000.25,
  endedAtMs: 1_700_000_000_001,
  error: undefined,
};

describe("TaskEventsWriter", () => {
  it("gives what was added, and begins anew", () => {
    const writer = new TaskEventsWriter();
    const other: EndedTask = {
      ...TASK,
      owner: "w-second" as WorkerId,
      template: { name: "cube", actorId: "a-1" as ActorId },
      error: new RangeError("m".repeat(STATE_MESSAGE_CHARACTERS_MAX + 1)),
    };

    writer.add(TASK);
    writer.add(other);
    writer.add(TASK);
    const events = writer.take();

    const { startedAtMs, endedAtMs } = TASK;
    const attempt = 2;
    const first = {
      ...{ name: "square", taskId: "t-first-10", owner: TASK.owner },
      ...{ attempt, failed: false },
    };
    const second = {
      ...{ name: "cube", taskId: "t-second-10", owner: other.owner },
      ...{ attempt, failed: true, actorId: "a-1" as ActorId },
      failure: {
        errorType: "RangeError",
        errorMessage: "m".repeat(STATE_MESSAGE_CHARACTERS_MAX),
      },
    };
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

    const nothing = { names: [], actors: [], owners: [], failures: [] };
    assertEquals(readTaskEvents({ ...nothing, rows }), []);
    assertEquals(readTaskEvents({ ...nothing, rows: cut }), []);
  });
});
