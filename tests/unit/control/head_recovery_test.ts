// A head that was started again: when it has waited enough, and what becomes of
// all that it had kept.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../../runtime/base/ids.ts";
import { HEAD_NODES_AWAITED_MS } from "../../../runtime/base/limits.ts";
import {
  HeadRecovery,
  type RecoveryAction,
} from "../../../runtime/control/head_recovery.ts";
import type {
  SavedActor,
  SavedGroup,
  SavedHead,
} from "../../../runtime/control/saved_head.ts";
import type {
  NodeFacts,
  NodeHosting,
} from "../../../runtime/protocol/cluster_messages.ts";
import type { WireActor } from "../../../runtime/protocol/node_messages.ts";
import { Dice } from "../../simulation/dice.ts";

const HEAD = "n-head" as NodeId;
const [ONE, TWO] = ["n-one", "n-two"] as [NodeId, NodeId];
const JOB = "j-1" as JobId;
const DRIVER = "w-driver" as WorkerId;
const THREAD = "w-thread" as WorkerId;

function facts(nodeId: NodeId): NodeFacts {
  return {
    nodeId,
    address: `${nodeId}:1`,
    hostname: nodeId,
    isHead: nodeId === HEAD,
    total: {},
    labels: {},
    storeBytes: 0,
    pid: 1,
    version: "0.0.0",
    startedAtMs: 0,
  };
}

function actor(id: string, saved: Partial<SavedActor> = {}): SavedActor {
  const { detached = false } = (saved.actor ?? {}) as Partial<WireActor>;
  return {
    creator: DRIVER,
    jobId: JOB,
    incarnation: 0,
    restartsUsed: 0,
    ...saved,
    actor: { actorId: id as ActorId, detached } as WireActor,
  };
}

function group(id: string, saved: Partial<SavedGroup> = {}): SavedGroup {
  return {
    groupId: id as PlacementGroupId,
    detached: false,
    creator: DRIVER,
    jobId: JOB,
    bundles: [{ CPU: 10_000 }],
    strategy: "pack",
    nodes: [],
    attempt: 1,
    ...saved,
  };
}

function saved(parts: Partial<SavedHead> = {}): SavedHead {
  return {
    clusterId: "c-1",
    nodes: [facts(HEAD), facts(ONE), facts(TWO)],
    jobs: [{
      jobId: JOB,
      driver: DRIVER,
      home: ONE,
      namespace: "n",
      isOver: false,
    }],
    actors: [],
    groups: [],
    deadActors: [],
    removedGroups: [],
    ...parts,
  };
}

function hosting(parts: Partial<NodeHosting> = {}): NodeHosting {
  return { workers: [], actors: [], bundles: [], ...parts };
}

/** What is decided when both nodes are back, the first with the driver. */
function decided(
  head: SavedHead,
  one: Partial<NodeHosting> = {},
  two: Partial<NodeHosting> = {},
): RecoveryAction[] {
  const recovery = new HeadRecovery(head);
  recovery.handle({ type: "clock_ticked", nowMs: 0 });
  const first = hosting({ workers: [DRIVER], ...one });
  recovery.handle({ type: "node_returned", nodeId: ONE, hosting: first });
  const actions = recovery.handle({
    type: "node_returned",
    nodeId: TWO,
    hosting: hosting(two),
  });
  assertEquals(recovery.isOver, true);
  return actions;
}

function ofType<T extends RecoveryAction["type"]>(
  actions: readonly RecoveryAction[],
  type: T,
) {
  return actions.filter((action): action is
    & RecoveryAction
    & { readonly type: T } => action.type === type
  );
}

describe("HeadRecovery", () => {
  it("waits for all nodes but its own former one, and decides once", () => {
    const recovery = new HeadRecovery(saved());
    assertEquals(recovery.handle({ type: "clock_ticked", nowMs: 5 }), []);
    const back = (nodeId: NodeId) =>
      recovery.handle({ type: "node_returned", nodeId, hosting: hosting() });

    assertEquals(back(ONE), []);
    const actions = back(TWO);

    assertEquals(actions.at(-1), { type: "end_recovery" });
    assertEquals(
      ofType(actions, "bury_node").map(({ facts }) => facts.nodeId),
      [HEAD],
    );
    assertEquals(back(ONE), []);
  });

  it("gives up nodes that stay away, and counts none that die on the way", () => {
    const recovery = new HeadRecovery(saved());
    recovery.handle({ type: "clock_ticked", nowMs: 100 });
    recovery.handle({
      type: "node_returned",
      nodeId: ONE,
      hosting: hosting(),
    });
    recovery.handle({ type: "node_gone", nodeId: ONE });
    const almost = 100 + HEAD_NODES_AWAITED_MS - 1;
    assertEquals(recovery.handle({ type: "clock_ticked", nowMs: almost }), []);

    const actions = recovery.handle({
      type: "clock_ticked",
      nowMs: almost + 1,
    });

    assertEquals(
      ofType(actions, "bury_node").map(({ facts }) => facts.nodeId),
      [HEAD, ONE, TWO],
    );
    assertEquals(ofType(actions, "end_job").length, 1);
  });

  it("needs no one when it was alone", () => {
    const recovery = new HeadRecovery(saved({ nodes: [facts(HEAD)] }));
    const actions = recovery.handle({ type: "clock_ticked", nowMs: 0 });
    assertEquals(actions.at(-1), { type: "end_recovery" });
  });

  it("leaves actors where they are, and makes those again that are nowhere", () => {
    const here = actor("a-here", { threadId: THREAD });
    const lost = actor("a-lost", { threadId: "w-gone" as WorkerId });
    const pending = actor("a-pending");
    const actions = decided(saved({ actors: [lost, pending, here] }), {}, {
      actors: [{ actorId: here.actor.actorId, threadId: THREAD }],
    });

    const fates = actions.filter((it) => "actorId" in it);
    assertEquals(
      fates.map(({ type, actorId }) => [type, actorId] as const),
      // Who stays takes its place before others look for one.
      [
        ["keep_actor", here.actor.actorId],
        ["lose_actor", lost.actor.actorId],
        ["place_actor", pending.actor.actorId],
      ],
    );
  });

  it("ends what a creator left that is gone, but for what is detached", () => {
    const gone = "w-gone" as WorkerId;
    const orphan = actor("a-orphan", { creator: gone, threadId: THREAD });
    const kept = actor("a-kept", {
      creator: gone,
      threadId: THREAD,
      actor: { detached: true } as WireActor,
    });
    const ids = [orphan, kept].map((it) => it.actor.actorId);
    const actions = decided(saved({ actors: [orphan, kept] }), {}, {
      actors: ids.map((actorId) => ({ actorId, threadId: THREAD })),
    });

    assertEquals(
      ofType(actions, "end_creator").map(({ workerId }) => workerId),
      [gone],
    );
    assertEquals(
      ofType(actions, "keep_actor").map(({ actorId }) => actorId),
      [kept.actor.actorId],
    );
    assertEquals(
      ofType(actions, "release_actor").map(({ actorId }) => actorId),
      [orphan.actor.actorId],
    );
  });

  it("knows which bundles of groups are where, and undoes the others", () => {
    const whole = group("g-whole", { nodes: [ONE, TWO], attempt: 2 });
    const asked = group("g-asked");
    const { groupId } = whole;
    const stray = "g-stray" as PlacementGroupId;
    const actions = decided(
      saved({ groups: [whole, asked] }),
      { bundles: [{ groupId, attempt: 2, isCommitted: false }] },
      {
        bundles: [
          { groupId, attempt: 1, isCommitted: false },
          { groupId: stray, attempt: 1, isCommitted: true },
        ],
      },
    );

    assertEquals(
      ofType(actions, "settle_bundles")
        .map(({ nodeId, groupId, how }) => [nodeId, groupId, how]),
      [[ONE, groupId, "commit"], [TWO, groupId, "return"], [
        TWO,
        stray,
        "remove",
      ]],
    );
    assertEquals(
      ofType(actions, "keep_group").map(({ nodes }) => nodes),
      [[ONE, undefined]],
    );
    assertEquals(
      ofType(actions, "ask_group").map((it) => it.group.groupId),
      [asked.groupId],
    );
  });

  it("gives each actor, group and node one fate, whoever returns", () => {
    for (let seed = 1; seed <= 500; seed++) decideByDice(seed);
  });
});

/** A head with a little of all, and nodes that come back or do not. */
function decideByDice(seed: number): void {
  const dice = new Dice(seed);
  const nodes = ["n-1", "n-2", "n-3", "n-4"] as NodeId[];
  const workers = ["w-1", "w-2", "w-3", "w-4"] as WorkerId[];
  const actors = Array.from(
    { length: dice.below(8) },
    (_, n) =>
      actor(`a-${n}`, {
        creator: dice.pick(workers),
        actor: { detached: dice.chance(0.3) } as WireActor,
        ...(dice.chance(0.7) ? { threadId: `w-a${n}` as WorkerId } : {}),
      }),
  );
  const groups = Array.from(
    { length: dice.below(5) },
    (_, n) =>
      group(`g-${n}`, {
        creator: dice.pick(workers),
        detached: dice.chance(0.3),
        nodes: dice.chance(0.7) ? [dice.pick(nodes), dice.pick(nodes)] : [],
        attempt: 1 + dice.below(2),
      }),
  );
  const recovery = new HeadRecovery(
    saved({ nodes: [HEAD, ...nodes].map(facts), actors, groups }),
  );
  const actions: RecoveryAction[] = [];
  let nowMs = 0;
  const returned = new Map<NodeId, NodeHosting>();
  while (!recovery.isOver) {
    const nodeId = dice.pick(nodes);
    if (dice.chance(0.3) && !returned.has(nodeId)) {
      const hosted = hostingByDice(dice, nodeId, workers, actors, groups);
      returned.set(nodeId, hosted);
      actions.push(...recovery.handle({
        type: "node_returned",
        nodeId,
        hosting: hosted,
      }));
    } else if (dice.chance(0.1) && returned.delete(nodeId)) {
      actions.push(...recovery.handle({ type: "node_gone", nodeId }));
    } else {
      nowMs += dice.below(HEAD_NODES_AWAITED_MS / 4);
      actions.push(...recovery.handle({ type: "clock_ticked", nowMs }));
    }
  }
  checkFates(actions, { nodes, actors, groups, returned });
}

function hostingByDice(
  dice: Dice,
  nodeId: NodeId,
  workers: readonly WorkerId[],
  actors: readonly SavedActor[],
  groups: readonly SavedGroup[],
): NodeHosting {
  const index = Number(nodeId.slice(2)) - 1;
  return hosting({
    workers: dice.chance(0.7) ? [workers[index]!] : [],
    // No thread is at two nodes.
    actors: actors
      .filter((_, n) => n % 4 === index && dice.chance(0.7))
      .map(({ actor: { actorId }, threadId }) => ({
        actorId,
        ...(threadId ? { threadId } : {}),
      })),
    bundles: groups.filter(() => dice.chance(0.5)).map(({ groupId }) => ({
      groupId,
      attempt: 1 + dice.below(2),
      isCommitted: dice.chance(0.5),
    })),
  });
}

function checkFates(
  actions: readonly RecoveryAction[],
  { nodes, actors, groups, returned }: {
    readonly nodes: readonly NodeId[];
    readonly actors: readonly SavedActor[];
    readonly groups: readonly SavedGroup[];
    readonly returned: ReadonlyMap<NodeId, NodeHosting>;
  },
): void {
  assertEquals(ofType(actions, "end_recovery").length, 1);
  assertEquals(actions.at(-1)?.type, "end_recovery");
  const buried = ofType(actions, "bury_node").map(({ facts }) => facts.nodeId);
  assertEquals(
    buried,
    [HEAD, ...nodes.filter((nodeId) => !returned.has(nodeId))],
  );
  const ended = new Set(
    ofType(actions, "end_creator").map(({ workerId }) => workerId),
  );
  for (const { actor: { actorId, detached }, creator } of actors) {
    const fates = actions.filter((action) =>
      (action.type === "keep_actor" || action.type === "lose_actor" ||
        action.type === "place_actor") && action.actorId === actorId
    );
    const isEnded = !detached && ended.has(creator);
    assertEquals(fates.length, isEnded ? 0 : 1, actorId);
  }
  for (const { groupId } of groups) {
    const fates = actions.filter((action) =>
      (action.type === "keep_group" || action.type === "ask_group") &&
        action.group.groupId === groupId ||
      action.type === "remove_group" && action.groupId === groupId
    );
    assertEquals(fates.length, 1, groupId);
  }
  // Nothing is said to a node that is not there.
  for (const action of actions) {
    if (!("nodeId" in action)) continue;
    assert(returned.has(action.nodeId), `${action.type} ${action.nodeId}`);
  }
}
