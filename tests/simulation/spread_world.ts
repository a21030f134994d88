// Several nodes by the throw of seeded dice: each with its scheduler and its
// spreading of demand, the head with its placing of actors and groups. What they
// say arrives late, views get lost, nodes crash. Every event checks what must
// hold.

import type {
  JobId,
  LeaseId,
  NodeId,
  WorkerId,
} from "../../runtime/base/ids.ts";
import { nodeOfLease, nodeOfWorker } from "../../runtime/base/ids.ts";
import { ClusterPlacement } from "../../runtime/scheduler/cluster/cluster_placement.ts";
import { DemandSpread } from "../../runtime/scheduler/cluster/demand_spread.ts";
import type {
  PlacementAction,
  PlacementEvent,
} from "../../runtime/scheduler/cluster/head_messages.ts";
import type {
  ReportedNode,
  SpreadEvent,
} from "../../runtime/scheduler/cluster/messages.ts";
import type { SchedulerAction } from "../../runtime/scheduler/messages.ts";
import { assert } from "../support/harness.ts";
import { checkSums } from "../unit/scheduler/cluster/spread_fixture.ts";
import {
  actorEvent,
  type Amounts,
  demandEvent,
  type DemandWords,
  DrivenScheduler,
  type PlainEvent,
  units,
} from "../unit/scheduler/scheduler_fixture.ts";
import type { Dice } from "./dice.ts";

const STEP_MS = 50;
const DELAY_STEPS_MAX = 4;
const HEAD = "n-0" as NodeId;

type Shape = Omit<DemandWords, "count">;
const SHAPES: readonly Shape[] = [
  { needs: { CPU: 1 } },
  { needs: { CPU: 0.5 } },
  { needs: { CPU: 2 } },
  { needs: { CPU: 1 }, strategy: "spread" },
  { needs: { CPU: 1, odd: 1 } },
  { needs: {} },
  { needs: { CPU: 1 }, strategy: { nodeId: "n-1" as NodeId, soft: true } },
];

interface SimNode {
  readonly id: NodeId;
  readonly total: Amounts;
  readonly driven: DrivenScheduler;
  readonly spread: DemandSpread;
  readonly starting: Set<WorkerId>;
  readonly knownDead: Set<NodeId>;
}

interface SimLease {
  hasTask: boolean;
  isReclaimed: boolean;
}

/** What one owner has of one class. */
interface SimQueue {
  readonly owner: WorkerId;
  readonly home: SimNode;
  readonly shape: Shape;
  readonly key: string;
  queued: number;
  readonly leases: Map<LeaseId, SimLease>;
}

/** Runs the nodes in a world of their own. */
export class SpreadWorld {
  readonly #dice: Dice;
  readonly #nodes = new Map<NodeId, SimNode>();
  readonly #queues = new Map<string, SimQueue>();
  readonly #placement: ClusterPlacement;
  readonly #actors = new Map<string, "asked" | "placed">();
  readonly #groups = new Set<string>();
  /** What is under way between two nodes, in order, with its step. */
  readonly #pipes = new Map<string, { at: number; run: () => void }[]>();
  #steps = 0;
  #count = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.#join(HEAD, { CPU: 2, odd: 2 });
    const { driven, total } = this.#head;
    this.#placement = new ClusterPlacement({
      nodeId: HEAD,
      total: units(total),
      available: () => driven.scheduler.available(),
    });
    for (let index = 1; index < 4; index++) this.#joinSome();
  }

  /** Tasks that have not ended. */
  get taskCount(): number {
    let count = 0;
    for (const { queued, leases } of this.#queues.values()) {
      count += queued + leases.size;
    }
    return count;
  }

  /** Actors that wait for their place. */
  get waitingActors(): number {
    return [...this.#actors.values()].filter((is) => is === "asked").length;
  }

  get waitingGroups(): number {
    return [...this.#placement.groups()].filter((group) =>
      group.state !== "created"
    ).length;
  }

  /** One step with new work and faults. */
  step(): void {
    const dice = this.#dice;
    if (dice.chance(0.3)) this.#submit();
    if (dice.chance(0.1)) this.#requestActor();
    if (dice.chance(0.04)) this.#requestGroup();
    if (dice.chance(0.1)) this.#releaseActor();
    if (dice.chance(0.03)) this.#removeGroup();
    if (dice.chance(0.01)) this.#crash();
    if (dice.chance(0.02) && this.#nodes.size < 5) this.#joinSome();
    this.calmStep(0.4);
  }

  /** One step without; `pace` is the share of tasks that end. */
  calmStep(pace = 0.5): void {
    this.#steps++;
    for (const pipe of [...this.#pipes.values()]) {
      while (pipe.length > 0 && pipe[0]!.at <= this.#steps) pipe.shift()!.run();
    }
    for (const node of [...this.#nodes.values()]) {
      for (const threadId of [...node.starting]) {
        if (!this.#dice.chance(0.4)) continue;
        node.starting.delete(threadId);
        this.#schedule(node, { type: "thread_started", threadId });
      }
      this.#tick(node);
    }
    for (const queue of [...this.#queues.values()]) {
      for (const leaseId of [...queue.leases.keys()]) {
        const lease = queue.leases.get(leaseId);
        if (lease?.hasTask && !this.#dice.chance(pace)) continue;
        if (lease) this.#goOn(queue, leaseId, lease);
      }
    }
  }

  /** Ends actors and groups, one by one. */
  clearSome(): void {
    this.#releaseActor();
    this.#removeGroup();
  }

  get isClear(): boolean {
    return this.#actors.size + this.#groups.size === 0;
  }

  /** Fails unless nothing is left anywhere. */
  checkEmpty(): void {
    for (const { id, driven, spread } of this.#nodes.values()) {
      const { scheduler } = driven;
      const free = JSON.stringify(scheduler.available());
      const all = JSON.stringify(scheduler.totals());
      assert(free === all, `${id} has ${free} free of ${all}`);
      assert(scheduler.leases().length === 0, `${id} has leases`);
      assert(scheduler.pending().length === 0, `${id} has something waiting`);
      assert(!spread.isWaiting, `${id} waits for others`);
      for (const { asked, unplaced, held } of spread.demands()) {
        assert(asked + unplaced + held === 0, `${id} still asks for leases`);
      }
    }
    assert(!this.#placement.isWaiting, "The head waits");
  }

  get #head(): SimNode {
    return this.#nodes.get(HEAD)!;
  }

  // -- Nodes -----------------------------------------------------------------

  #joinSome(): void {
    const id = `n-${++this.#count}` as NodeId;
    this.#join(id, { CPU: this.#dice.pick([1, 2, 4]) });
  }

  #join(id: NodeId, total: Amounts): void {
    const driven = new DrivenScheduler(total, {}, id);
    const spread = new DemandSpread({
      nodeId: id,
      total: units(total),
      available: () => driven.scheduler.available(),
    });
    const starting = new Set<WorkerId>();
    const knownDead = new Set<NodeId>();
    const node = { id, total, driven, spread, starting, knownDead };
    this.#nodes.set(id, node);
    if (id === HEAD) return;
    for (const other of this.#nodes.values()) {
      this.#send(other, node, () => this.#view(node, this.#reportOf(other)));
      this.#send(node, other, () => this.#view(other, this.#reportOf(node)));
    }
  }

  #crash(): void {
    const others = [...this.#nodes.values()].filter(({ id }) => id !== HEAD);
    if (others.length < 2) return;
    const gone = this.#dice.pick(others);
    this.#nodes.delete(gone.id);
    for (const [name, queue] of [...this.#queues]) {
      if (queue.home === gone) this.#queues.delete(name);
    }
    for (const node of this.#nodes.values()) {
      // The head tells all of them, some time later.
      this.#send(this.#head, node, () => this.#noticeDeath(node, gone.id));
    }
  }

  #noticeDeath(node: SimNode, nodeId: NodeId): void {
    node.knownDead.add(nodeId);
    this.#spreadTo(node, { type: "node_gone", nodeId });
    for (const { owner } of node.driven.scheduler.demands()) {
      if (homeOf(owner) !== nodeId) continue;
      this.#schedule(node, { type: "owner_ended", owner });
    }
    for (const queue of this.#queues.values()) {
      if (queue.home !== node) continue;
      for (const leaseId of [...queue.leases.keys()]) {
        if (nodeOfLease(leaseId) !== nodeId) continue;
        if (queue.leases.get(leaseId)!.hasTask) queue.queued++;
        queue.leases.delete(leaseId);
      }
      this.#stateDemand(queue);
    }
    if (node.id !== HEAD) return;
    this.#place({ type: "node_gone", nodeId });
    for (const actor of [...this.#placement.actors()]) {
      if (actor.state === "placed" && !actor.node) {
        this.#askForActor(actor.request.actorId);
      }
    }
  }

  #tick(node: SimNode): void {
    const nowMs = this.#steps * STEP_MS;
    this.#schedule(node, { type: "clock_ticked", nowMs });
    this.#spreadTo(node, { type: "clock_ticked", nowMs });
    if (node.id === HEAD) this.#place({ type: "clock_ticked", nowMs });
    if (this.#steps % 4 !== 0) return;
    const report = this.#reportOf(node);
    for (const other of this.#nodes.values()) {
      if (other === node || this.#dice.chance(0.1)) continue;
      this.#send(node, other, () => this.#view(other, report));
    }
  }

  #view(node: SimNode, report: ReportedNode): void {
    if (node.knownDead.has(report.nodeId)) return;
    this.#spreadTo(node, { type: "views_changed", views: [report] });
    if (node.id !== HEAD) return;
    this.#place({ type: "views_changed", views: [report] });
  }

  #reportOf({ id, driven, total }: SimNode): ReportedNode {
    const { scheduler } = driven;
    return {
      nodeId: id,
      state: "alive",
      total: units(total),
      available: scheduler.available(),
      labels: {},
      waiting: scheduler.waitingCount(),
    };
  }

  /** In order between two nodes; at once on one. */
  #send(from: SimNode, to: SimNode, run: () => void): void {
    if (from === to) return run();
    const name = `${from.id} ${to.id}`;
    let pipe = this.#pipes.get(name);
    if (!pipe) this.#pipes.set(name, pipe = []);
    const at = this.#steps + 1 + this.#dice.below(DELAY_STEPS_MAX);
    pipe.push({
      at,
      run: () => {
        const isThere = this.#nodes.get(to.id) === to;
        if (isThere && !to.knownDead.has(from.id)) run();
      },
    });
  }

  // -- Demand ----------------------------------------------------------------

  #spreadTo(node: SimNode, event: SpreadEvent): void {
    const actions = node.spread.handle(event);
    for (const action of actions) {
      switch (action.type) {
        case "set_demand": {
          const { type: _, nodeId, ...demand } = action;
          const isDead = node.knownDead.has(nodeId);
          assert(!isDead, `${node.id} asks ${nodeId}, which is dead`);
          const to = this.#nodes.get(nodeId);
          if (!to) break;
          this.#send(
            node,
            to,
            () => this.#schedule(to, { type: "demand_changed", ...demand }),
          );
          break;
        }
        case "fail_demand":
          assert(false, `${node.id} failed a demand: ${action.reason}`);
      }
    }
    checkSums(node.spread);
  }

  #submit(): void {
    const home = this.#dice.pick([...this.#nodes.values()]);
    const shape = this.#dice.pick(SHAPES);
    const owner = `w-d${this.#dice.below(2)}_${home.id}` as WorkerId;
    const event = demandEvent(owner, { ...shape, count: 0 });
    assert(event.type === "demand_changed");
    const name = `${owner} ${event.classKey}`;
    let queue = this.#queues.get(name);
    if (!queue) {
      const key = event.classKey;
      queue = { owner, home, shape, key, queued: 0, leases: new Map() };
      this.#queues.set(name, queue);
    }
    queue.queued += 1 + this.#dice.below(6);
    this.#stateDemand(queue);
  }

  #stateDemand({ owner, home, shape, queued, leases }: SimQueue): void {
    let count = queued;
    for (const { hasTask } of leases.values()) count += hasTask ? 1 : 0;
    count = Math.max(count, leases.size);
    const event = demandEvent(owner, { ...shape, count, jobId: jobOf(owner) });
    assert(event.type === "demand_changed");
    this.#spreadTo(home, { ...event, type: "demand_wanted" });
  }

  /** Its task has ended: the next one, or it is given back. */
  #goOn(queue: SimQueue, leaseId: LeaseId, lease: SimLease): void {
    if (queue.queued > 0 && !lease.isReclaimed) {
      queue.queued--;
      lease.hasTask = true;
      return this.#stateDemand(queue);
    }
    queue.leases.delete(leaseId);
    this.#stateDemand(queue);
    this.#returnLease(queue.home, leaseId);
  }

  #returnLease(home: SimNode, leaseId: LeaseId): void {
    this.#spreadTo(home, { type: "lease_returning", leaseId });
    const to = this.#nodes.get(nodeOfLease(leaseId));
    if (!to) return;
    this.#send(
      home,
      to,
      () => this.#schedule(to, { type: "lease_returned", leaseId }),
    );
  }

  #granted(home: SimNode, owner: WorkerId, key: string, leaseId: LeaseId) {
    this.#spreadTo(home, {
      type: "lease_granted",
      leaseId,
      owner,
      classKey: key,
    });
    const queue = this.#queues.get(`${owner} ${key}`);
    if (!queue) return this.#returnLease(home, leaseId);
    const hasTask = queue.queued > 0;
    if (hasTask) queue.queued--;
    queue.leases.set(leaseId, { hasTask, isReclaimed: false });
  }

  // -- Schedulers ------------------------------------------------------------

  #schedule(node: SimNode, event: PlainEvent): void {
    for (const action of node.driven.send(event)) this.#perform(node, action);
  }

  #perform(node: SimNode, action: SchedulerAction): void {
    switch (action.type) {
      case "start_thread":
        return void node.starting.add(action.threadId);
      case "stop_thread":
        node.starting.delete(action.threadId);
        return this.#schedule(node, {
          type: "thread_ended",
          threadId: action.threadId,
        });
      case "grant_lease": {
        const { owner, classKey, leaseId } = action;
        return this.#toOwner(
          node,
          owner,
          (home) => this.#granted(home, owner, classKey, leaseId),
        );
      }
      case "reclaim_lease": {
        const { owner, leaseId } = action;
        return this.#toOwner(node, owner, () => {
          for (const queue of this.#queues.values()) {
            const lease = queue.leases.get(leaseId);
            if (lease) lease.isReclaimed = true;
          }
        });
      }
      case "place_actor": {
        const { actorId, threadId } = action;
        const { id: nodeId } = node;
        const event = { actorId, threadId, nodeId };
        return this.#send(
          node,
          this.#head,
          () => this.#place({ type: "actor_placed_at", ...event }),
        );
      }
      case "fail_actor": {
        const { actorId, reason } = action;
        const event = { actorId, reason, nodeId: node.id };
        return this.#send(
          node,
          this.#head,
          () => this.#place({ type: "actor_not_placed", ...event }),
        );
      }
      case "answer_bundles": {
        const { groupId, attempt, isPrepared } = action;
        const event = { groupId, attempt, isPrepared, nodeId: node.id };
        return this.#send(
          node,
          this.#head,
          () => this.#place({ type: "bundles_prepared", ...event }),
        );
      }
      case "fail_demand":
        assert(false, `${node.id} refused a demand: ${action.reason}`);
    }
  }

  #toOwner(from: SimNode, owner: WorkerId, run: (home: SimNode) => void) {
    const home = this.#nodes.get(homeOf(owner));
    if (home) this.#send(from, home, () => run(home));
  }

  // -- Actors and groups -----------------------------------------------------

  #place(event: PlacementEvent): void {
    for (const action of this.#placement.handle(event)) this.#follow(action);
  }

  #follow(action: PlacementAction): void {
    if (action.type === "place_actor") {
      return void this.#actors.set(action.actorId, "placed");
    }
    if (action.type === "fail_actor") {
      return void this.#actors.delete(action.actorId);
    }
    if (!("nodeId" in action)) return;
    const isDead = this.#head.knownDead.has(action.nodeId);
    assert(!isDead, `${action.type} at ${action.nodeId}, which is dead`);
    const to = this.#nodes.get(action.nodeId);
    const event = eventOf(action);
    if (!to || !event) return;
    this.#send(this.#head, to, () => this.#schedule(to, event));
  }

  #requestActor(): void {
    const id = `a-${++this.#count}`;
    this.#askForActor(id);
  }

  #askForActor(id: string): void {
    this.#actors.set(id, "asked");
    const group = [...this.#groups][0];
    const inGroup = group !== undefined && this.#dice.chance(0.2);
    const held = this.#dice.pick([{}, { CPU: 0.5 }, { CPU: 0.25 }]);
    const event = actorEvent(id, {
      held,
      strategy: inGroup ? { placementGroup: group as never } : "default",
    });
    assert(event.type === "actor_requested");
    this.#place(event);
  }

  #releaseActor(): void {
    const id = [...this.#actors.keys()][0];
    if (id === undefined) return;
    this.#actors.delete(id);
    this.#place({ type: "actor_released", actorId: id as never });
  }

  #requestGroup(): void {
    const id = `p-${++this.#count}`;
    this.#groups.add(id);
    const strategy = this.#dice.pick(
      ["pack", "spread", "strictPack", "strictSpread"] as const,
    );
    const bundles = this.#dice.pick([[0.5, 0.5], [1], [1, 0.5]]);
    this.#place({
      type: "group_requested",
      groupId: id as never,
      bundles: bundles.map((CPU) => units({ CPU })),
      strategy,
    });
  }

  #removeGroup(): void {
    const id = [...this.#groups][0];
    if (id === undefined) return;
    this.#groups.delete(id);
    this.#place({ type: "group_removed", groupId: id as never });
  }
}

/** What a node's scheduler is told of what the head asks. */
function eventOf(action: PlacementAction): PlainEvent | undefined {
  switch (action.type) {
    case "request_actor":
      return { ...action, type: "actor_requested" };
    case "release_actor":
      return { type: "actor_ended", actorId: action.actorId };
    case "prepare_bundles":
      return { ...action, type: "bundles_wanted" };
    case "commit_bundles":
      return { ...action, type: "bundles_committed" };
    case "return_bundles":
      return { ...action, type: "bundles_returned" };
    case "remove_group":
      return { type: "group_removed", groupId: action.groupId };
    default:
      return undefined;
  }
}

/** Drivers have the node that they are linked to in their id here. */
function homeOf(owner: WorkerId): NodeId {
  return owner.split("_")[1] as NodeId ?? nodeOfWorker(owner);
}

function jobOf(owner: WorkerId): JobId {
  return `j-${owner.slice(2)}` as JobId;
}
