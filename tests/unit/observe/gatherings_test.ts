import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  type GatheredTasks,
  Gatherings,
} from "../../../runtime/observe/gatherings.ts";
import type { ThreadTasks } from "../../../runtime/protocol/thread_tasks.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const FIRST = "w-first" as WorkerId;
const SECOND = "w-second" as WorkerId;
const NOTHING: ThreadTasks = {
  open: [],
  openOmitted: 0,
  lost: [],
  running: [],
};

function newGathering(gatherings: Gatherings) {
  const asked: WorkerId[] = [];
  let expire = () => {};
  let told: GatheredTasks | undefined;
  const gathered = gatherings.gather([FIRST, SECOND], {
    ask: (workerId) => asked.push(workerId),
    after: (_delayMs, callback) => {
      expire = callback;
    },
  }).then((given) => told = given);
  return { asked, gathered, expire: () => expire(), told: () => told };
}

describe("Gatherings", () => {
  it("asks every thread and waits for all of them", async () => {
    const gatherings = new Gatherings();
    const gathering = newGathering(gatherings);

    gatherings.given(FIRST, NOTHING);
    await Promise.resolve();
    assertEquals(gathering.told(), undefined);
    gatherings.given(SECOND, NOTHING);

    assertEquals([...(await gathering.gathered).keys()], [FIRST, SECOND]);
    assertEquals(gathering.asked, [FIRST, SECOND]);
  });

  it("does not wait for a busy thread for ever, and names it by silence", async () => {
    const gatherings = new Gatherings();
    const gathering = newGathering(gatherings);
    gatherings.given(SECOND, NOTHING);

    gathering.expire();

    assertEquals([...(await gathering.gathered).keys()], [SECOND]);
    gatherings.given(FIRST, NOTHING);
    assertEquals(gathering.told()!.size, 1);
  });

  it("does not wait for a thread that is gone", async () => {
    const gatherings = new Gatherings();
    const gathering = newGathering(gatherings);

    gatherings.given(FIRST);
    gatherings.given(SECOND);

    assertEquals((await gathering.gathered).size, 0);
  });

  it("is done at once without threads", async () => {
    const gathered = await new Gatherings().gather([], {
      ask: () => {
        throw new Error("Nobody is there to be asked");
      },
      after: () => {},
    });

    assertEquals(gathered.size, 0);
  });
});
