// A scheduler with short words for its events: what the tests of this folder
// and the simulation feed it. Validates the state after every event.

import type {
  ActorId,
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../../runtime/base/ids.ts";
import { RESOURCE_UNIT } from "../../../runtime/base/resources.ts";
import type {
  ActorRequested,
  ActorSpec,
  ClassSpec,
  GrantLease,
  GroupRequested,
  SchedulerAction,
  SchedulerEvent,
  Strategy,
} from "../../../runtime/scheduler/messages.ts";
import { Scheduler } from "../../../runtime/scheduler/scheduler.ts";

/** Amounts in whole resources. */
export type Amounts = Readonly<Record<string, number>>;

/** An event without its cause. */
export type PlainEvent = SchedulerEvent extends infer Event
  ? Event extends SchedulerEvent ? Omit<Event, "cause"> : never
  : never;

export const NODE_ID = "n-one" as NodeId;
export const JOB_ID = "j-one" as JobId;

/** The units of these amounts. */
export function units(amounts: Amounts): Record<string, number> {
  const entries = Object.entries(amounts).map(([name, amount]) =>
    [name, Math.round(amount * RESOURCE_UNIT)] as const
  );
  return Object.fromEntries(entries.filter(([, amount]) => amount > 0));
}

/** What a test says of a demand; the class key follows from it. */
export interface DemandWords {
  readonly count: number;
  readonly needs?: Amounts;
  readonly depth?: number;
  readonly strategy?: Strategy;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly isTimed?: boolean;
  readonly isolation?: ClassSpec["isolation"];
  readonly jobId?: JobId;
}

/** What a test says of an actor. */
export interface ActorWords {
  readonly placement?: Amounts;
  readonly held?: Amounts;
  readonly isolation?: ActorRequested["isolation"];
  readonly strategy?: Strategy;
  readonly jobId?: JobId;
}

/** A scheduler that is driven by hand. */
export class DrivenScheduler {
  readonly scheduler: Scheduler;
  #threadCount = 0;
  #eventCount = 0;

  constructor(
    total: Amounts,
    labels: Readonly<Record<string, string>> = {},
    nodeId?: NodeId,
  ) {
    const suffix = nodeId ? `-${nodeId.slice(2)}` : "";
    this.scheduler = new Scheduler({
      nodeId: nodeId ?? NODE_ID,
      total: units(total),
      labels,
      newThreadId: () => `w-t${this.#threadCount++}${suffix}` as WorkerId,
    });
  }

  send(event: PlainEvent): SchedulerAction[] {
    const cause = `e${this.#eventCount++}`;
    const actions = this.scheduler.handle({ ...event, cause });
    this.scheduler.validate();
    return actions;
  }

  demand(owner: string, words: DemandWords): SchedulerAction[] {
    return this.send(demandEvent(owner, words));
  }

  returned(leaseId: LeaseId): SchedulerAction[] {
    return this.send({ type: "lease_returned", leaseId });
  }

  blocked(leaseId: LeaseId): SchedulerAction[] {
    return this.send({ type: "lease_blocked", leaseId });
  }

  unblocked(leaseId: LeaseId): SchedulerAction[] {
    return this.send({ type: "lease_unblocked", leaseId });
  }

  started(threadId: string): SchedulerAction[] {
    return this.send({
      type: "thread_started",
      threadId: threadId as WorkerId,
    });
  }

  threadEnded(threadId: string): SchedulerAction[] {
    return this.send({ type: "thread_ended", threadId: threadId as WorkerId });
  }

  ownerEnded(owner: string): SchedulerAction[] {
    return this.send({ type: "owner_ended", owner: owner as WorkerId });
  }

  actor(actorId: string, words: ActorWords = {}): SchedulerAction[] {
    return this.send(actorEvent(actorId, words));
  }

  actorEnded(actorId: string): SchedulerAction[] {
    return this.send({ type: "actor_ended", actorId: actorId as ActorId });
  }

  group(
    groupId: string,
    bundles: readonly Amounts[],
    strategy: GroupRequested["strategy"] = "pack",
  ): SchedulerAction[] {
    return this.send(groupEvent(groupId, bundles, strategy));
  }

  groupRemoved(groupId: string): SchedulerAction[] {
    return this.send({
      type: "group_removed",
      groupId: groupId as PlacementGroupId,
    });
  }

  tick(nowMs: number): SchedulerAction[] {
    return this.send({ type: "clock_ticked", nowMs });
  }

  /** Sends a demand, starts every thread it leads to, gives the grants. */
  grant(owner: string, words: DemandWords): GrantLease[] {
    return this.startAll(this.demand(owner, words));
  }

  /** Starts all threads that the actions ask for; gives all grants. */
  startAll(actions: readonly SchedulerAction[]): GrantLease[] {
    const grants = grantsIn(actions);
    for (const action of actions) {
      if (action.type !== "start_thread") continue;
      grants.push(...this.startAll(this.started(action.threadId)));
    }
    return grants;
  }

  /** What is free, in whole resources. */
  available(): Record<string, number> {
    const free = Object.entries(this.scheduler.available());
    return Object.fromEntries(
      free.map(([name, amount]) => [name, amount / RESOURCE_UNIT]),
    );
  }
}

export function demandEvent(owner: string, words: DemandWords): PlainEvent {
  const { count, depth = 0, needs = { CPU: 1 }, strategy = "default" } = words;
  const { labelSelector, isTimed } = words;
  const spec: ClassSpec = {
    resources: units(needs),
    strategy,
    ...(labelSelector ? { labelSelector } : undefined),
    isolation: words.isolation ?? "thread",
    ...(isTimed ? { isTimed } : undefined),
  };
  return {
    type: "demand_changed",
    owner: owner as WorkerId,
    jobId: words.jobId ?? JOB_ID,
    classKey: JSON.stringify(spec),
    spec,
    count,
    depth,
  };
}

export function actorEvent(actorId: string, words: ActorWords): PlainEvent {
  const { isolation = "thread", strategy = "default" } = words;
  const spec: ActorSpec = {
    placement: units(words.placement ?? { CPU: 1 }),
    held: units(words.held ?? {}),
    strategy,
  };
  return {
    type: "actor_requested",
    actorId: actorId as ActorId,
    owner: "w-driver" as WorkerId,
    jobId: words.jobId ?? JOB_ID,
    spec,
    isolation,
  };
}

export function groupEvent(
  groupId: string,
  bundles: readonly Amounts[],
  strategy: GroupRequested["strategy"],
): PlainEvent {
  return {
    type: "group_requested",
    groupId: groupId as PlacementGroupId,
    bundles: bundles.map(units),
    strategy,
  };
}

export function grantsIn(actions: readonly SchedulerAction[]): GrantLease[] {
  return actions.filter((action) => action.type === "grant_lease");
}

/** The types of the actions, in order. */
export function typesOf(actions: readonly SchedulerAction[]): string[] {
  return actions.map((action) => action.type);
}
