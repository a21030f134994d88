// Handles that are ahead of their actor's registration, and ids that never
// get an actor.

import { assertEquals, describe, it } from "../../support/harness.ts";
import { MantaError } from "../../../runtime/base/errors.ts";
import type { ActorId, WorkerId } from "../../../runtime/base/ids.ts";
import {
  EarlyActors,
  isEarlyEvent,
} from "../../../runtime/control/early_actors.ts";

const actorId = "a-early" as ActorId;
const existing = "a-there" as ActorId;
const [one, two] = ["w-one", "w-two"] as [WorkerId, WorkerId];

describe("EarlyActors", () => {
  it("gives out once what came before the registration", () => {
    const early = new EarlyActors();
    early.note({ type: "actor_watched", actorId, workerId: one });
    early.note({ type: "actor_held", actorId, workerId: one });
    early.note({ type: "actor_held", actorId, workerId: two });
    early.note({ type: "actor_dropped", actorId, workerId: one });
    early.note({ type: "actor_killed", actorId, noRestart: true });

    const news = early.take(actorId);

    assertEquals([...news!.watchers], [one]);
    assertEquals([...news!.holders], [two]);
    assertEquals(news!.killed, true);
    assertEquals(early.take(actorId), undefined);
  });

  it("tells those who wait, and who come later, of the actor meant", () => {
    const early = new EarlyActors();
    early.note({ type: "actor_watched", actorId, workerId: one });

    const told = early.neverMade(actorId, { existing }, two);
    const late = early.note({ type: "actor_watched", actorId, workerId: two });

    const answer = { type: "answer_registration", actorId, existing };
    assertEquals(told, [{ ...answer, to: two }, { ...answer, to: one }]);
    assertEquals(late, [{ ...answer, to: two }]);
    assertEquals(early.meant(actorId), existing);
  });

  it("tells them of the error of an actor that was not made", () => {
    const early = new EarlyActors();
    const error = new MantaError("No arguments");
    early.note({ type: "actor_watched", actorId, workerId: one });

    const told = early.note({
      type: "actor_construction_failed",
      actorId,
      error,
    });

    const answer = { type: "answer_registration", actorId, error };
    assertEquals(told, [{ ...answer, to: one }]);
    assertEquals(
      early.note({ type: "actor_watched", actorId, workerId: two }),
      [{ ...answer, to: two }],
    );
    assertEquals(early.meant(actorId), undefined);
  });

  it("forgets threads that have ended", () => {
    const early = new EarlyActors();
    early.note({ type: "actor_watched", actorId, workerId: one });
    early.note({ type: "actor_held", actorId, workerId: one });

    early.workerEnded(one);

    const news = early.take(actorId);
    assertEquals([news!.watchers.size, news!.holders.size], [0, 0]);
  });

  it("takes no news that needs an actor", () => {
    assertEquals(isEarlyEvent({ type: "actor_placed" }), false);
    assertEquals(isEarlyEvent({ type: "actor_watched" }), true);
  });
});
