import type { WorkerId } from "../../../runtime/base/ids.ts";
import { Timeline } from "../../../runtime/observe/timeline.ts";
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
    timeline.add([{
      name: "square",
      taskId: "t-1",
      workerId: FIRST,
      startedAtMs: 10,
      endedAtMs: 12.5,
      failed: false,
    }]);

    assertEquals(timeline.toChromeTrace("n-1"), [{
      name: "square",
      cat: "task",
      ph: "X",
      ts: 10_000,
      dur: 2_500,
      pid: "n-1",
      tid: FIRST,
      args: { taskId: "t-1", failed: false },
    }]);
  });
});
