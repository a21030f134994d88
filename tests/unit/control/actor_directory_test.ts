// The directory of actors: news that come in an unexpected order.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { newId } from "../../../runtime/base/ids.ts";
import { NO_RESOURCES } from "../../../runtime/base/resources.ts";
import { ActorDirectory } from "../../../runtime/control/actor_directory.ts";
import type { WireActor } from "../../../runtime/protocol/node_messages.ts";

const creator = newId("worker");
const borrower = newId("worker");

function newActor(given: Partial<WireActor> = {}): WireActor {
  return {
    actorId: newId("actor"),
    className: "Counter",
    code: { hash: "h", exportName: "Counter", path: "/counter.mjs" },
    args: null,
    namespace: "ns",
    getIfExists: false,
    detached: false,
    isolation: "thread",
    placement: NO_RESOURCES,
    held: NO_RESOURCES,
    strategy: "default",
    maxRestarts: 0,
    maxConcurrency: 1,
    concurrencyGroups: {},
    interface: { className: "Counter", methods: [] },
    ...given,
  } as WireActor;
}

describe("ActorDirectory", () => {
  it("remembers who asks for an actor before it is registered", () => {
    const directory = new ActorDirectory();
    const actor = newActor();
    const { actorId } = actor;
    const from = { actorId, workerId: borrower };
    assertEquals(directory.handle({ type: "actor_watched", ...from }), []);
    assertEquals(directory.handle({ type: "actor_held", ...from }), []);
    directory.handle({ type: "actor_registered", actor, creator });
    directory.handle({
      type: "actor_placed",
      actorId,
      threadId: newId("worker"),
    });
    const actions = directory.handle({
      type: "actor_constructed",
      actorId,
      incarnation: 0,
    });

    const publish = actions.find(({ type }) => type === "publish");
    assert(publish?.type === "publish");
    assertEquals([...publish.to], [creator, borrower]);
    const record = directory.records.get(actorId);
    assertEquals([...record!.holders], [creator, borrower]);
    directory.validate();
  });

  it("never makes an actor that was killed before it is registered", () => {
    const directory = new ActorDirectory();
    const actor = newActor();
    const { actorId } = actor;
    directory.handle({ type: "actor_killed", actorId, noRestart: true });
    const actions = directory.handle({
      type: "actor_registered",
      actor,
      creator,
    });

    assertEquals(
      actions.map(({ type }) => type),
      ["answer_registration", "publish", "release_place"],
    );
    assertEquals(directory.records.get(actorId)?.state, "DEAD");
    directory.validate();
  });

  it("tells all who asked that the name leads to another actor", () => {
    const directory = new ActorDirectory();
    const named = newActor({ name: "one" });
    const second = newActor({ name: "one", getIfExists: true });
    directory.handle({ type: "actor_registered", actor: named, creator });
    directory.handle({
      type: "actor_watched",
      actorId: second.actorId,
      workerId: borrower,
    });
    const actions = directory.handle({
      type: "actor_registered",
      actor: second,
      creator,
    });

    const answer = { type: "answer_registration", actorId: second.actorId };
    const existing = named.actorId;
    const told = actions.filter(({ type }) => type === answer.type);
    assertEquals(told.length, actions.length);
    assertEquals(
      new Map(told.map((action) => ["to" in action && action.to, action])),
      new Map([creator, borrower].map((to) => [
        to,
        { ...answer, to, existing },
      ])),
    );
  });
});
