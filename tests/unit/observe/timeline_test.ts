import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  TASK_EVENTS_PER_MESSAGE_MAX,
  TIMELINE_EVENTS_MAX,
} from "../../../runtime/base/limits.ts";
import { Timeline } from "../../../runtime/observe/timeline.ts";
import {
  type TaskEvents,
  TaskEventsWriter,
} from "../../../runtime/protocol/task_events.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const FIRST = "w-first" as WorkerId;
const SECOND = "w-second" as WorkerId;

function newGathering(timeline: Timeline) {
  const asked: WorkerId[] = [];
  let expire = () => {};
  let isDone = false;
  const gathered = timeline.gather([FIRST, SECOND], {
    ask: (workerId) => asked.push(workerId),
    after: (_delayMs, callback) => {
      expire = callback;
    },
  }).then(() => {
    isDone = true;
  });
  return { asked, gathered, expire: () => expire(), isDone: () => isDone };
}

describe("Timeline.gather()", () => {
  it("asks every thread and waits for all of them", async () => {
    const timeline = new Timeline();
    const gathering = newGathering(timeline);

    timeline.given(FIRST);
    await Promise.resolve();
    assertEquals(gathering.isDone(), false);
    timeline.given(SECOND);
    await gathering.gathered;

    assertEquals(gathering.asked, [FIRST, SECOND]);
  });

  it("does not wait for a busy thread for ever", async () => {
    const gathering = newGathering(new Timeline());

    gathering.expire();
    await gathering.gathered;

    assertEquals(gathering.isDone(), true);
  });

  it("is done at once without threads", async () => {
    await new Timeline().gather([], {
      ask: () => {
        throw new Error("Nobody is there to be asked");
      },
      after: () => {},
    });
  });
});

describe("Timeline.toChromeTrace()", () => {
  it("gives complete events in microseconds", () => {
    const timeline = new Timeline();
    timeline.add(FIRST, eventsOf(["square"]));

    assertEquals(timeline.toChromeTrace("n-1"), [{
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

    const kept = timeline.toChromeTrace("n-1") as { readonly name: string }[];
    assertEquals(kept.length, TIMELINE_EVENTS_MAX);
    assertEquals(kept.some(({ name }) => name === "old"), false);
  });
});

function eventsOf(names: readonly string[]): TaskEvents {
  const writer = new TaskEventsWriter();
  names.forEach((name, number) => {
    writer.add({
      owner: "w-owner" as WorkerId,
      number,
      name,
      startedAtMs: 10,
      endedAtMs: 12.5,
      failed: false,
    });
  });
  return writer.take();
}
