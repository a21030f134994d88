// Handles that are ahead of their actor's registration, and ids that never
// get an actor.

import { assertEquals, describe, it } from "../../support/harness.ts";
import { ActorDiedError, MantaError } from "../../../runtime/base/errors.ts";
import type { ActorId, WorkerId } from "../../../runtime/base/ids.ts";
import {
  ACTOR_NEWS_MS_MAX,
  IDS_REMEMBERED_MAX,
} from "../../../runtime/base/limits.ts";
import { isEarlyEvent } from "../../../runtime/control/actor_events.ts";
import { EarlyActors } from "../../../runtime/control/early_actors.ts";

const DIED = new ActorDiedError("").code;
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
      incarnation: 0,
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

    early.workerEnded(one, new MantaError("Gone"));

    const news = early.take(actorId);
    assertEquals([news!.watchers.size, news!.holders.size], [0, 0]);
  });

  it("waits for an announced actor for as long as its creator lives", () => {
    const early = new EarlyActors();
    early.note({ type: "actor_watched", actorId, workerId: two });
    early.note({ type: "actor_announced", actorId, workerId: one });

    const waiting = early.isWaiting;
    const inTime = [...early.ticked(0), ...early.ticked(1e6)];
    const told = early.workerEnded(one, new MantaError("Gone"));

    assertEquals([waiting, inTime], [false, []]);
    assertEquals(told.map(({ to, error }) => [to, error?.code]), [
      [two, DIED],
    ]);
  });

  it("knows the names of announced actors until they are made or not", () => {
    const named = { name: "hits", namespace: "home" };
    const announced = {
      type: "actor_announced",
      actorId,
      workerId: one,
      named,
    };
    const isNaming = { made: [] as boolean[], failed: [] as boolean[] };
    for (const fate of ["made", "failed"] as const) {
      const early = new EarlyActors();
      const note = () => isNaming[fate].push(early.isNaming(named));
      early.note({ type: "actor_watched", actorId, workerId: two });
      note();
      early.note(announced as Parameters<EarlyActors["note"]>[0]);
      note();
      if (fate === "made") early.take(actorId);
      else early.workerEnded(one, new MantaError("Gone"));
      note();
      assertEquals(early.isNaming({ ...named, name: "other" }), false);
    }

    assertEquals(isNaming.made, [false, true, false]);
    assertEquals(isNaming.failed, [false, true, false]);
  });

  it("lets nobody wait for an actor that nobody announces", () => {
    const early = new EarlyActors();
    early.note({ type: "actor_watched", actorId, workerId: one });

    const soon = [...early.ticked(0), ...early.ticked(ACTOR_NEWS_MS_MAX - 1)];
    const waiting = early.isWaiting;
    const late = early.ticked(ACTOR_NEWS_MS_MAX);

    assertEquals([soon, waiting, early.isWaiting], [[], true, false]);
    assertEquals(late.map(({ to, error }) => [to, error?.code]), [
      [one, DIED],
    ]);
  });

  it("answers those whose question it cannot keep", () => {
    const early = new EarlyActors();
    const told = Array.from(
      { length: IDS_REMEMBERED_MAX + 1 },
      (_, n) =>
        early.note({
          type: "actor_watched",
          actorId: `a-${n}` as ActorId,
          workerId: one,
        }),
    );

    assertEquals(told.flat().map(({ actorId }) => actorId), ["a-0"]);
  });

  it("takes no news that needs an actor", () => {
    assertEquals(isEarlyEvent({ type: "actor_placed" }), false);
    assertEquals(isEarlyEvent({ type: "actor_watched" }), true);
  });
});
