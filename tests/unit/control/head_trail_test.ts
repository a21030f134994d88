// What is told again to a head that was started again.

import { assertEquals, describe, it } from "../../support/harness.ts";
import type { ActorId, WorkerId } from "../../../runtime/base/ids.ts";
import { HeadTrail, isForHead } from "../../../runtime/control/head_trail.ts";
import type {
  ToNode,
  WireActor,
} from "../../../runtime/protocol/node_messages.ts";
import type { WireError } from "../../../runtime/protocol/wire_error.ts";
import { Dice } from "../../simulation/dice.ts";

const [ONE, TWO] = ["w-one", "w-two"] as [WorkerId, WorkerId];
const A = "a-1" as ActorId;
const hold = (actorId = A): ToNode => ({ type: "actor_hold", actorId });
const drop = (actorId = A): ToNode => ({ type: "actor_drop", actorId });
const watch = (actorId = A): ToNode => ({ type: "actor_watch", actorId });
const register = (actorId: ActorId, detached: boolean): ToNode => ({
  type: "actor_register",
  actor: { actorId, detached } as WireActor,
});

/** In short: who says what. */
function told(trail: HeadTrail): string[] {
  return trail.again().map(({ worker, message }) =>
    `${worker} ${message.type}`
  );
}

describe("HeadTrail", () => {
  it("tells again what stands and what was not taken, in order", () => {
    const trail = new HeadTrail();
    trail.note(ONE, hold());
    trail.note(TWO, watch());
    trail.note(ONE, { type: "actor_kill", actorId: A, noRestart: true });
    trail.taken(2);

    assertEquals(told(trail), [
      "w-one actor_hold",
      "w-two actor_watch",
      "w-one actor_kill",
    ]);
  });

  it("forgets what a head has taken, and counts anew with each head", () => {
    const trail = new HeadTrail();
    const kill: ToNode = { type: "actor_kill", actorId: A, noRestart: true };
    for (let n = 0; n < 3; n++) trail.note(ONE, kill);
    trail.taken(2);
    trail.taken(1);
    assertEquals(trail.length, 1);

    trail.again();
    trail.note(ONE, kill);
    trail.taken(1);

    assertEquals(trail.length, 1);
  });

  it("holds nothing that was dropped, but waits for its end", () => {
    const trail = new HeadTrail();
    for (const message of [hold(), watch(), drop()]) trail.note(ONE, message);
    trail.taken(3);
    assertEquals(told(trail), ["w-one actor_watch"]);

    trail.heard(ONE, {
      type: "actor_state",
      actorId: A,
      state: "DEAD",
      incarnation: 0,
    });
    trail.taken(1);
    assertEquals(told(trail), []);
  });

  it("waits for no actor that was never made", () => {
    const trail = new HeadTrail();
    trail.note(ONE, { type: "actor_announce", actorId: A });
    trail.note(ONE, register(A, false));
    trail.taken(2);
    const error = {} as WireError;
    trail.heard(ONE, { type: "actor_registered", actorId: A, error });

    assertEquals(told(trail), []);
  });

  it("wants nothing for workers that have ended, but what outlives them", () => {
    const trail = new HeadTrail();
    const [kept, gone] = ["a-kept", "a-gone"] as [ActorId, ActorId];
    trail.note(ONE, register(kept, true));
    trail.note(ONE, register(gone, false));
    trail.note(ONE, { type: "actor_kill", actorId: A, noRestart: true });
    trail.note(TWO, hold());
    trail.workerEnded(ONE);

    assertEquals(
      trail.again().map(({ message }) => [
        message.type,
        message.type === "actor_register" && message.actor.actorId,
      ]),
      [
        ["actor_hold", false],
        ["actor_register", kept],
        ["actor_kill", false],
        ["actor_hold", false],
      ],
    );
  });

  it("leaves a head with the holders that there are, wherever it dies", () => {
    for (let seed = 1; seed <= 300; seed++) holdByDice(seed);
  });

  it("knows what is for the head alone", () => {
    assertEquals(isForHead(hold()), true);
    assertEquals(isForHead({ type: "tasks_told" } as unknown as ToNode), false);
  });
});

/** Heads come and go; the last one knows who holds what. */
function holdByDice(seed: number): void {
  const dice = new Dice(seed);
  const trail = new HeadTrail();
  const actors = ["a-1", "a-2", "a-3"] as ActorId[];
  const truth = new Set<string>();
  let known = new Set<string>();
  let counted = 0;
  const tell = (worker: WorkerId, message: ToNode) => {
    counted++;
    if (!("actorId" in message)) return;
    const key = `${worker} ${message.actorId}`;
    if (message.type === "actor_hold") known.add(key);
    if (message.type === "actor_drop") known.delete(key);
  };
  const begin = () => {
    known = new Set();
    counted = 0;
    for (const { worker, message } of trail.again()) tell(worker, message);
  };
  for (let step = 0; step < 60; step++) {
    const worker = dice.pick([ONE, TWO]);
    const actorId = dice.pick(actors);
    if (dice.chance(0.1)) begin();
    else if (dice.chance(0.2)) trail.taken(dice.below(counted + 1));
    else {
      const isHeld = truth.has(`${worker} ${actorId}`);
      const message = isHeld ? drop(actorId) : hold(actorId);
      if (isHeld) truth.delete(`${worker} ${actorId}`);
      else truth.add(`${worker} ${actorId}`);
      trail.note(worker, message);
      tell(worker, message);
    }
  }
  begin();
  assertEquals([...known].sort(), [...truth].sort(), `seed ${seed}`);
}
