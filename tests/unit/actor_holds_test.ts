// What a thread holds of actors: when its node hears of it, and when no more.

import { ActorHolds } from "../../runtime/actor_holds.ts";
import type { ActorId } from "../../runtime/base/ids.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

const [ACTOR, OTHER] = ["a-1", "a-2"] as [ActorId, ActorId];

function make() {
  const told: string[] = [];
  const holds = new ActorHolds((type, actorId) =>
    void told.push(`${type} ${actorId}`)
  );
  return { holds, told };
}

describe("ActorHolds", () => {
  it("tell of the first that needs an actor, and of the last", () => {
    const { holds, told } = make();
    const [first, second] = [{}, {}];

    holds.get(ACTOR).attach(first);
    holds.get(ACTOR).attach(second);
    holds.get(ACTOR).pin();
    const before = [...told];
    const hold = holds.get(ACTOR);
    hold.detach(first);
    hold.detach(second);
    const between = [...told];
    hold.unpin();

    assertEquals(before, ["actor_hold a-1"]);
    assertEquals(between, before);
    assertEquals(told, ["actor_hold a-1", "actor_drop a-1"]);
    assertEquals(holds.has(ACTOR), false);
  });

  it("do not tell that a thread holds what it makes", () => {
    const { holds, told } = make();

    const hold = holds.get(ACTOR, undefined, true);
    hold.pin();
    hold.unpin();

    assertEquals(told, ["actor_drop a-1"]);
  });

  it("hold the actor that is meant for as long as the one asked for", () => {
    const { holds, told } = make();
    const handle = {};
    const hold = holds.get(ACTOR, undefined, true);
    hold.attach(handle);

    hold.follow(holds.get(OTHER));
    const before = [...told];
    hold.detach(handle);

    assertEquals(before, ["actor_hold a-2"]);
    assertEquals(told.slice(1), ["actor_drop a-1", "actor_drop a-2"]);
  });

  it("leave a later hold alone when an earlier one is used again", () => {
    const { holds, told } = make();
    const early = holds.get(ACTOR);
    early.pin();
    early.unpin();
    holds.get(ACTOR).pin();

    early.pin();
    early.unpin();

    assertEquals(holds.has(ACTOR), true);
    assertEquals(told.at(-1), "actor_hold a-1");
  });
});
