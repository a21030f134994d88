// The head's placing of actors and placement groups on the nodes of the
// cluster: tells the pure part what happens, and performs what it decides, by
// the own scheduler or by messages to other nodes.

import { type Clock, every, type Timers } from "./base/clock.ts";
import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "./base/ids.ts";
import { nodeOfWorker } from "./base/ids.ts";
import { NODE_REPORT_MS } from "./base/limits.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeActors, Uncaused } from "./node_actors.ts";
import { infeasibleText } from "./node_texts.ts";
import type {
  ClusterMessage,
  PlaceAnswer,
} from "./protocol/cluster_messages.ts";
import type { Unplaced } from "./listed_waiting.ts";
import { ClusterPlacement } from "./scheduler/cluster/cluster_placement.ts";
import type {
  PlacementAction,
  PlacementEvent,
  RequestActor,
} from "./scheduler/cluster/head_messages.ts";
import type { GroupPlace } from "./scheduler/cluster/head_state.ts";
import type { GroupLocated } from "./scheduler/cluster/messages.ts";
import type { SchedulerEvent, Strategy } from "./scheduler/messages.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";

/** What is needed of the node and its cluster. */
export interface ClusterHeadPorts {
  readonly nodeId: NodeId;
  readonly labels: Readonly<Record<string, string>>;
  readonly scheduler: Scheduler;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly clock: Clock;
  readonly timers: Timers;
  schedule(event: Uncaused<SchedulerEvent>): void;
  send(nodeId: NodeId, message: ClusterMessage): void;
  tellJob(nodeId: NodeId, jobId: JobId): void;
  /** There is a thread of a job at another node. */
  threadAt(nodeId: NodeId, thread: WorkerId, jobId: JobId): void;
  /** For the demand of this node's own owners. */
  groupLocated(event: GroupLocated): void;
  groupGone(groupId: PlacementGroupId): void;
  /** Something of a group is not as it was. */
  groupChanged(groupId: PlacementGroupId): void;
  warn(jobId: JobId | undefined, text: string): void;
  flush(): void;
}

/** Something that waits until all is known that has a place. */
interface Held {
  readonly event?: PlacementEvent;
  go(): void;
}

/** See the head of the file. */
export class ClusterHead {
  readonly #ports: ClusterHeadPorts;
  readonly #placement: ClusterPlacement;
  /** The nodes that have asked where a group is. */
  readonly #asking = new Map<PlacementGroupId, Set<NodeId>>();
  #ticker: (() => void) | undefined;
  /** What is wanted while nothing may be placed yet. */
  #held: Held[] | undefined;

  constructor(ports: ClusterHeadPorts) {
    this.#ports = ports;
    const { nodeId, scheduler, labels } = ports;
    this.#placement = new ClusterPlacement({
      nodeId,
      total: scheduler.totals(),
      labels,
      available: () => scheduler.available(),
    });
  }

  end(): void {
    this.#ticker?.();
  }

  get nodeId(): NodeId {
    return this.#ports.nodeId;
  }

  /** Where a group is, if it is known. */
  groupPlace(groupId: PlacementGroupId): GroupPlace | undefined {
    return this.#placement.group(groupId);
  }

  /** It is not known yet what has which place: what is wanted waits. */
  hold(): void {
    this.#held ??= [];
  }

  goOn(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { go } of held) go();
  }

  #want(event: PlacementEvent): true {
    if (!this.#held) this.tell(event);
    else if (!this.#takeBack(event)) {
      this.#held.push({ event, go: () => this.tell(event) });
    }
    return true;
  }

  /** What was not asked for yet need not be given back. */
  #takeBack(event: PlacementEvent): boolean {
    if (event.type !== "actor_released") return false;
    const at = this.#held!.findIndex(({ event: held }) =>
      held?.type === "actor_requested" && held.actorId === event.actorId
    );
    if (at >= 0) this.#held!.splice(at, 1);
    return at >= 0;
  }

  // -- What the control plane wants ------------------------------------------

  /** Takes what is for all nodes instead of the own scheduler. */
  takes(event: Uncaused<SchedulerEvent>): boolean {
    switch (event.type) {
      case "actor_requested": {
        const near = nodeOfWorker(event.owner);
        return this.#want({ ...event, ...(near ? { near } : {}) });
      }
      case "actor_ended":
      case "actor_cancelled":
        return this.#want({ type: "actor_released", actorId: event.actorId });
      case "group_requested":
        return this.#want(event);
      case "group_removed":
        this.#want(event);
        this.#groupGone(event.groupId);
        return true;
      default:
        return false;
    }
  }

  /** A node has answered, the own one included. */
  answered(nodeId: NodeId, answer: PlaceAnswer): void {
    this.tell({ ...answer, nodeId });
  }

  /** A node wants to know where a group is, now and later. */
  locate(from: NodeId, groupId: PlacementGroupId): void {
    if (this.#held) {
      return void this.#held.push({ go: () => this.locate(from, groupId) });
    }
    const bundles = this.#placement.locate(groupId);
    if (!bundles) return this.#tellGone(from, groupId);
    let asking = this.#asking.get(groupId);
    if (!asking) this.#asking.set(groupId, asking = new Set());
    asking.add(from);
    this.#tellPlace(from, groupId, bundles);
  }

  /** What no node is asked for. */
  unplaced(): Unplaced[] {
    const actors = [...this.#placement.actors()]
      .filter(({ state }) => state === "unplaced")
      .map(({ wanted }) => ({ kind: "actor", resources: wanted } as const));
    const groups = [...this.#placement.groups()]
      .filter(({ state }) => state === "waiting")
      .map(({ sum }) => ({ kind: "group", resources: sum } as const));
    return [...actors, ...groups].map((one) => ({ ...one, count: 1 }));
  }

  // -- Deciding --------------------------------------------------------------

  tell(event: PlacementEvent): void {
    if ("groupId" in event) this.#ports.groupChanged(event.groupId);
    for (const action of this.#placement.handle(event)) this.#perform(action);
    if (!this.#placement.isWaiting) {
      this.#ticker?.();
      this.#ticker = undefined;
    } else this.#ticker ??= this.#tickEvery();
  }

  #tickEvery(): () => void {
    return every(this.#ports.timers, NODE_REPORT_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#ports.clock.nowMs();
    this.tell({ type: "clock_ticked", nowMs });
    this.#ports.flush();
  }

  #perform(action: PlacementAction): void {
    const { actors, groups } = this.#ports;
    switch (action.type) {
      case "request_actor":
        return this.#request(action);
      case "release_actor":
      case "prepare_bundles":
      case "commit_bundles":
      case "return_bundles":
      case "remove_group":
        return this.#toNode(action);
      case "place_actor": {
        const { type: _type, nodeId, ...placed } = action;
        this.noteThread(nodeId, placed);
        return actors.placed({ type: "actor_placed_at", ...placed });
      }
      case "fail_actor":
        return actors.placed({ ...action, type: "actor_not_placed" });
      case "confirm_group":
        return groups.created(action.groupId);
      case "fail_group":
        groups.remove(action.groupId);
        return this.#groupGone(action.groupId);
      case "tell_group_place":
        this.#ports.groupChanged(action.groupId);
        for (const nodeId of this.#asking.get(action.groupId) ?? []) {
          this.#tellPlace(nodeId, action.groupId, action.bundles);
        }
        return;
      case "warn_infeasible":
        return this.#warn(action);
    }
  }

  #request({ type: _type, nodeId, ...actor }: RequestActor): void {
    const { nodeId: own, schedule, send, tellJob } = this.#ports;
    if (nodeId === own) {
      return schedule({ type: "actor_requested", ...actor });
    }
    const { actorId, owner, jobId, spec, isolation } = actor;
    tellJob(nodeId, jobId);
    send(nodeId, {
      type: "actor_request",
      ...{ actorId, owner, jobId, isolation },
      ...spec,
    });
  }

  #toNode(
    action: Extract<
      PlacementAction,
      {
        type:
          | "release_actor"
          | "prepare_bundles"
          | "commit_bundles"
          | "return_bundles"
          | "remove_group";
      }
    >,
  ): void {
    const { type, nodeId, ...content } = action;
    const { nodeId: own, schedule, send } = this.#ports;
    const request = { ...content, type: MESSAGES[type] } as PlaceRequest;
    if (nodeId === own) schedule(placeEvent(request));
    else send(nodeId, request);
  }

  /** The thread of an actor is met, so that its end is heard of. */
  noteThread(
    nodeId: NodeId,
    { actorId, threadId }: {
      readonly actorId: ActorId;
      readonly threadId: WorkerId;
    },
  ): void {
    const { nodeId: own, actors, threadAt } = this.#ports;
    const jobId = actors.jobOf(actorId);
    if (nodeId !== own && jobId) threadAt(nodeId, threadId, jobId);
  }

  #tellPlace(
    nodeId: NodeId,
    groupId: PlacementGroupId,
    bundles: GroupLocated["bundles"],
  ): void {
    const { nodeId: own, send, groupLocated } = this.#ports;
    if (nodeId === own) {
      return groupLocated({ type: "group_located", groupId, bundles });
    }
    send(nodeId, {
      type: "group_located",
      groupId,
      bundles: bundles.map(({ nodeId, resources }) => ({
        resources,
        ...(nodeId ? { nodeId } : {}),
      })),
    });
  }

  #groupGone(groupId: PlacementGroupId): void {
    const asking = this.#asking.get(groupId) ?? [];
    this.#asking.delete(groupId);
    for (const nodeId of asking) this.#tellGone(nodeId, groupId);
  }

  #tellGone(nodeId: NodeId, groupId: PlacementGroupId): void {
    const { nodeId: own, send, groupGone } = this.#ports;
    if (nodeId === own) groupGone(groupId);
    else send(nodeId, { type: "group_gone", groupId });
  }

  #warn(action: Extract<PlacementAction, { type: "warn_infeasible" }>): void {
    const { subject } = action;
    const { actors, groups, warn } = this.#ports;
    const jobId = "groupId" in subject
      ? groups.jobOf(subject.groupId)
      : actors.jobOf(subject.actorId);
    warn(jobId, infeasibleText(action));
  }
}

/** The messages for actions. */
const MESSAGES = {
  release_actor: "actor_release",
  prepare_bundles: "bundles_prepare",
  commit_bundles: "bundles_commit",
  return_bundles: "bundles_return",
  remove_group: "bundles_remove",
} as const;

type PlaceRequest = Extract<
  ClusterMessage,
  {
    type:
      | "actor_request"
      | "actor_release"
      | "bundles_prepare"
      | "bundles_commit"
      | "bundles_return"
      | "bundles_remove";
  }
>;

/** What the head asks of a node, as its scheduler is told. */
export function placeEvent(request: PlaceRequest): Uncaused<SchedulerEvent> {
  switch (request.type) {
    case "actor_request": {
      const { actorId, owner, jobId, isolation, ...needs } = request;
      const { placement, held, strategy, labelSelector } = needs;
      return {
        type: "actor_requested",
        ...{ actorId, owner, jobId, isolation },
        spec: {
          ...{ placement, held },
          strategy: strategy as Strategy,
          ...(labelSelector ? { labelSelector } : {}),
        },
      };
    }
    case "actor_release":
      return { type: "actor_ended", actorId: request.actorId };
    case "bundles_prepare":
      return { ...request, type: "bundles_wanted" };
    case "bundles_commit":
      return { ...request, type: "bundles_committed" };
    case "bundles_return":
      return { ...request, type: "bundles_returned" };
    case "bundles_remove":
      return { type: "group_removed", groupId: request.groupId };
  }
}
