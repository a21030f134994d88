// The directory of actors: news that come in an unexpected order.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  describe,
  it,
} from "../../support/harness.ts";
import { ActorDiedError } from "../../../runtime/base/errors.ts";
import { newId } from "../../../runtime/base/ids.ts";
import {
  ACTOR_NEWS_MS_MAX,
  ACTOR_RETIRE_MS_MAX,
} from "../../../runtime/base/limits.ts";
import { NO_RESOURCES } from "../../../runtime/base/resources.ts";
import {
  ActorDirectory,
  UNHELD_GRACE_MS,
} from "../../../runtime/control/actor_directory.ts";
import type { WireActor } from "../../../runtime/protocol/node_messages.ts";

const creator = newId("worker");
const jobId = newId("job");
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

/** An actor that has its place, and lives unless it is still to be made. */
function livingActor(isMade = true) {
  const directory = new ActorDirectory();
  const actor = newActor();
  const { actorId } = actor;
  const threadId = newId("worker");
  directory.handle({ type: "actor_registered", actor, creator, jobId });
  directory.handle({ type: "actor_placed", actorId, threadId });
  const constructed = { type: "actor_constructed", actorId } as const;
  if (isMade) directory.handle({ ...constructed, incarnation: 0 });
  return { directory, actorId };
}

/** What comes of two ticks, so long after one another. */
function tickFor(directory: ActorDirectory, fromMs: number, ms: number) {
  return [fromMs, fromMs + ms].flatMap((nowMs) =>
    directory.handle({ type: "clock_ticked", nowMs }).map(({ type }) => type)
  );
}

describe("ActorDirectory", () => {
  it("remembers who asks for an actor before it is registered", () => {
    const directory = new ActorDirectory();
    const actor = newActor();
    const { actorId } = actor;
    const from = { actorId, workerId: borrower };
    assertEquals(directory.handle({ type: "actor_watched", ...from }), []);
    assertEquals(directory.handle({ type: "actor_held", ...from }), []);
    directory.handle({ type: "actor_registered", actor, creator, jobId });
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

  it("tells names apart by their namespace", () => {
    const directory = new ActorDirectory();
    const names = [["a/b", "c"], ["a", "b/c"]] as const;
    for (const [namespace, name] of names) {
      const actor = newActor({ namespace, name });
      directory.handle({ type: "actor_registered", actor, creator, jobId });
    }

    const found = names.map(([namespace, name]) =>
      directory.find(name, namespace)?.actor.name
    );
    assertEquals(found, ["c", "b/c"]);
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
      jobId,
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
    directory.handle({
      type: "actor_registered",
      actor: named,
      creator,
      jobId,
    });
    directory.handle({
      type: "actor_watched",
      actorId: second.actorId,
      workerId: borrower,
    });
    const actions = directory.handle({
      type: "actor_registered",
      actor: second,
      creator,
      jobId,
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

  it("tells who asks for an actor that it has forgotten", () => {
    const directory = new ActorDirectory();
    const first = newActor();
    const death = { type: "actor_killed", noRestart: true } as const;
    for (let count = 0; count <= 10_000; count++) {
      const actor = count === 0 ? first : newActor();
      const { actorId } = actor;
      directory.handle({ type: "actor_registered", actor, creator, jobId });
      directory.handle({ ...death, actorId });
    }
    const { actorId } = first;

    directory.handle({ type: "actor_held", actorId, workerId: borrower });
    directory.handle({ type: "actor_watched", actorId, workerId: borrower });
    assertEquals(directory.records.has(actorId), false);
    assertEquals(directory.isWaiting, true);
    directory.handle({ type: "clock_ticked", nowMs: 0 });
    const [told, ...rest] = directory.handle({
      type: "clock_ticked",
      nowMs: ACTOR_NEWS_MS_MAX,
    });

    assert(told?.type === "answer_registration");
    assertEquals([told.to, told.actorId, rest], [borrower, actorId, []]);
    assertInstanceOf(told.error, ActorDiedError);
    assertEquals(directory.isWaiting, false);
  });

  it("ends an actor that does not, long after nobody holds it", () => {
    const { directory, actorId } = livingActor();
    const drop = { actorId, workerId: creator };
    directory.handle({ type: "actor_dropped", ...drop });

    const asked = tickFor(directory, 0, UNHELD_GRACE_MS);
    const waiting = directory.isWaiting;
    const ended = tickFor(directory, UNHELD_GRACE_MS, ACTOR_RETIRE_MS_MAX);

    assertEquals([asked, waiting], [["retire_actor"], true]);
    assertEquals(ended, ["stop_actor", "publish", "release_place"]);
    assertEquals(directory.isWaiting, false);
    directory.validate();
  });

  it("leaves an actor alone that is held again before its end", () => {
    const { directory, actorId } = livingActor();
    directory.handle({ type: "actor_dropped", actorId, workerId: creator });
    tickFor(directory, 0, UNHELD_GRACE_MS);

    directory.handle({ type: "actor_held", actorId, workerId: borrower });
    const held = tickFor(directory, UNHELD_GRACE_MS, ACTOR_RETIRE_MS_MAX);
    directory.handle({ type: "actor_dropped", actorId, workerId: borrower });
    const ended = tickFor(directory, 1e6, ACTOR_RETIRE_MS_MAX);

    assertEquals(held, []);
    assertEquals(ended, ["stop_actor", "publish", "release_place"]);
  });

  it("gives an actor that is made unheld the same time", () => {
    const { directory, actorId } = livingActor(false);
    directory.handle({ type: "actor_dropped", actorId, workerId: creator });
    tickFor(directory, 0, UNHELD_GRACE_MS);
    const making = directory.isWaiting;

    const constructed = { type: "actor_constructed", actorId } as const;
    const made = directory.handle({ ...constructed, incarnation: 0 });
    const ended = tickFor(directory, 1e6, ACTOR_RETIRE_MS_MAX);

    assertEquals(making, false);
    assertEquals(made.map(({ type }) => type), ["publish", "retire_actor"]);
    assertEquals(ended, ["stop_actor", "publish", "release_place"]);
  });
});
