// A node as one of many: puts together who the nodes are, the sessions with
// them, what is handed to them, and how demand, actors and objects go over
// them. The wiring of a cluster, as a node has it.

import {
  ConnectionError,
  type MantaError,
  NodeDiedError,
  ObjectLostError,
} from "./base/errors.ts";
import {
  type JobId,
  type NodeId,
  nodeOfWorker,
  type WorkerId,
} from "./base/ids.ts";
import { NODES_UNKNOWN_MAX } from "./base/limits.ts";
import type { Unplaced } from "./listed_waiting.ts";
import { Cluster, type ClusteredNode } from "./cluster.ts";
import { ClusterBundles } from "./cluster_bundles.ts";
import { ClusterHead, placeEvent } from "./cluster_head.ts";
import { ClusterDemand, reportedNode } from "./cluster_demand.ts";
import { ClusterMembers } from "./cluster_members.ts";
import { ClusterParts } from "./cluster_parts.ts";
import type { NodeJoin, NodeListen, ToHost } from "./host_messages.ts";
import { clustered, type MemberNode } from "./member_node.ts";
import type { NodeControl } from "./node_control.ts";
import type { NodeJob } from "./node_jobs.ts";
import type { NodeSession } from "./node_session.ts";
import { type ArrivedNode, NodeSessions } from "./node_sessions.ts";
import type { Uncaused } from "./node_actors.ts";
import { ownFacts } from "./own_view.ts";
import type {
  ClusterMessage,
  NodeView,
  PlaceAnswer,
} from "./protocol/cluster_messages.ts";
import type { FromNode, ToNode } from "./protocol/node_messages.ts";
import { NodeObjects } from "./object_store/node_objects.ts";
import type { SealedObject } from "./object_store/node_store.ts";
import type { MakeMemoryFile } from "./platform/memory_file.ts";
import { isToStore } from "./object_store/messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import { answerControl, RemoteControl } from "./remote_control.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";
import type { RemoteSessionEnd } from "./transport/remote_session.ts";
import type { SessionUser } from "./transport/session_acceptor.ts";

/** What the node does for its cluster alone. */
export interface MemberPorts extends
  Pick<
    ClusteredNode,
    | "answer"
    | "addStandIn"
    | "introduce"
    | "send"
    | "stopThread"
    | "reasonOf"
    | "standInEnded"
  > {
  schedule(event: Uncaused<SchedulerEvent>): void;
  warn(jobId: JobId | undefined, text: string): void;
  post(message: ToHost): void;
  readonly makeMemoryFile: MakeMemoryFile;
}

/** See the head of the file. */
export class NodeCluster {
  readonly #node: MemberNode;
  readonly #ports: MemberPorts;
  readonly #sessions: NodeSessions;
  readonly #members: ClusterMembers;
  readonly #cluster: Cluster;
  readonly bundles: ClusterBundles;
  readonly parts: ClusterParts;
  readonly #demand: ClusterDemand;
  readonly #objects: NodeObjects;
  /** Of the head only. */
  readonly #head: ClusterHead | undefined;
  /** Of a node that has joined one. */
  #headId: NodeId | undefined;
  #headCalls: RemoteControl | undefined;

  constructor(node: MemberNode, listen: NodeListen, ports: MemberPorts) {
    const { nodeId, join } = node.start;
    this.#node = node;
    this.#ports = ports;
    this.#members = this.#newMembers();
    this.#sessions = this.#newSessions(listen);
    this.#cluster = this.#newRouting();
    this.#demand = this.#newDemand();
    this.#objects = this.#newObjects();
    if (!join) this.#head = this.#newHead();
    this.bundles = new ClusterBundles({
      nodeId,
      code: node.code,
      jobs: node.jobs,
      timers: node.surroundings.timers,
      send: (to, message) => this.#session(to)?.send(message),
      flush: () => this.flush(),
    });
    this.parts = this.#newParts();
  }

  #newParts(): ClusterParts {
    const { nodeId } = this.#node.start;
    return new ClusterParts({
      nodeId,
      own: (request) => this.#node.part(request),
      others: () =>
        this.#members.stayingAndLeaving().flat().filter((id) => id !== nodeId),
      askHead: () =>
        this.#headId && { headId: this.#headId, calls: this.#headCalls!.calls },
      send: (to, message) => this.#session(to)?.send(message),
      flush: () => this.flush(),
    });
  }

  #newMembers(): ClusterMembers {
    return new ClusterMembers(this.#node, {
      toHead: (message) => this.#toHead(message),
      to: (nodeId, message) => {
        if (!this.#sessions.has(nodeId)) return;
        this.#sessions.get(nodeId).send(message);
      },
      changed: (views) => this.#viewsChanged(views),
      statesChanged: () =>
        this.#objects.nodesChanged(...this.#members.stayingAndLeaving()),
      countKept: () => this.#objects.countKept(),
      drained: () => this.#ports.post({ type: "node_over" }),
      died: (nodeId, reason) => this.#nodeDied(nodeId, reason),
      flush: () => this.flush(),
    });
  }

  #newSessions({ token }: NodeListen): NodeSessions {
    const { mailbox, surroundings, start: { nodeId, join } } = this.#node;
    return new NodeSessions({
      nodeId,
      mailbox,
      token,
      surroundings,
      facts: () => ownFacts(this.#node),
      report: () => this.#members.report(),
      placeOf: (other) => this.#members.view(other)?.facts,
      views: () => join ? undefined : this.#members.views(),
      askToDial: (to) =>
        this.#toHead({ type: "link_wanted", from: nodeId, to }),
      receive: (from, message) => this.#cluster.receive(from, message),
      objectsLinked: (from, link, home) => {
        const { makeMemoryFile } = this.#ports;
        const near = { platform: { makeMemoryFile }, process: () => home };
        this.#objects.linked(from, link, near);
      },
      turn: () => this.#node.takeIn(),
      ended: (other, reason) => this.#sessionEnded(other, reason),
    });
  }

  #newRouting(): Cluster {
    return new Cluster({
      node: { ...this.#ports, ...clustered(this.#node) },
      head: () => this.#headId,
      session: (other) => this.#session(other),
      sessions: () => this.#sessions.all(),
      hears: (from, worker, message) =>
        this.#demand.heard(from, worker, message),
      gone: (worker) => {
        this.#demand.threadEnded(worker);
        this.#objects.ownerEnded(worker);
      },
      receive: (from, message) => this.#receive(from, message),
    });
  }

  #newDemand(): ClusterDemand {
    const { scheduler, jobs, start, surroundings } = this.#node;
    const { clock, timers } = surroundings;
    const { schedule, send, warn } = this.#ports;
    return new ClusterDemand({
      ...{ clock, timers },
      ...{ scheduler, jobs, schedule, send, warn },
      nodeId: start.nodeId,
      labels: start.labels,
      tellNode: (to, jobId, message) => {
        this.#cluster.tellJob(to, jobId);
        this.#session(to)?.send(message);
      },
      locateGroup: (groupId) => {
        if (this.#head) this.#head.locate(start.nodeId, groupId);
        else this.#toHead({ type: "group_locate", groupId });
      },
      flush: () => this.#node.takeIn(),
    });
  }

  #newObjects(): NodeObjects {
    const { store, jobs, start: { nodeId }, surroundings } = this.#node;
    const { clock, timers } = surroundings;
    return new NodeObjects({
      ...{ nodeId, store, clock, timers },
      send: (to, message) => this.#session(to)?.send(message),
      wantLink: (to) => this.#session(to)?.openObjects(),
      homeOf: (owner) => nodeOfWorker(owner) ?? jobs.of(owner)?.home,
      objectsLost: (owner, numbers) => {
        const reason = encodeError(
          new ObjectLostError("Every copy was on a node that is gone"),
        );
        this.#ports.send(owner, { type: "objects_lost", numbers, reason });
      },
      told: () => this.#node.takeIn(),
    });
  }

  #newHead(): ClusterHead {
    const { scheduler, actors, groups, start, surroundings } = this.#node;
    const { clock, timers } = surroundings;
    const { schedule, warn } = this.#ports;
    return new ClusterHead({
      ...{ clock, timers },
      ...{ scheduler, actors, groups, schedule, warn },
      nodeId: start.nodeId,
      labels: start.labels,
      send: (to, message) => this.#session(to)?.send(message),
      tellJob: (to, jobId) => this.#cluster.tellJob(to, jobId),
      threadAt: (nodeId, worker, jobId) =>
        void this.#cluster.meets({ worker, jobId, nodeId }),
      groupLocated: (event) => this.#demand.groupLocated(event),
      groupGone: (groupId) => this.#demand.groupGone(groupId),
      flush: () => this.#node.takeIn(),
    });
  }

  // -- Joining ---------------------------------------------------------------

  /** The node listens, and has an address. */
  begin(): void {
    this.#members.begin();
    const { join } = this.#node.start;
    if (join) void this.#join(join);
  }

  /** Joins the head; what goes wrong is the end of the node. */
  async #join(head: NodeJoin): Promise<void> {
    try {
      const { session, control } = await this.#sessions.dialAt(head, true);
      this.#headId = session.nodeId;
      this.#headCalls = new RemoteControl(control);
      this.#ports.post({ type: "node_joined" });
    } catch (error) {
      this.#over(error as Error);
    }
  }

  /** Takes in a connection of another node. */
  accept(arrived: ArrivedNode): SessionUser {
    const refusal = this.#members.joins(arrived.hello);
    if (refusal) {
      const refused: ClusterMessage = { type: "node_refused", reason: refusal };
      arrived.link.send(refused);
      arrived.link.flush();
      void arrived.session.leave();
      return { ended: () => {} };
    }
    answerControl(arrived.control, this.#node.observe());
    const user = this.#sessions.accept(arrived);
    return user;
  }

  /** Takes no new work; the node is over when what it runs has ended. */
  drain(): void {
    this.#members.drain();
    this.flush();
  }

  #over(error: Error): void {
    this.#ports.post({ type: "node_over", error: encodeError(error) });
  }

  #viewsChanged(views: readonly NodeView[]): void {
    if (!this.#members.isAlone) this.#objects.joined();
    for (const { facts } of views) this.#sessions.placed(facts.nodeId);
    const reported = views.map(reportedNode);
    this.#demand.viewsChanged(reported);
    this.#head?.tell({ type: "views_changed", views: reported });
  }

  // -- Places of actors and groups -------------------------------------------

  /** Takes what is placed on all nodes, instead of the own scheduler. */
  places(event: Uncaused<SchedulerEvent>): boolean {
    return this.#head?.takes(event) ?? false;
  }

  /** The own scheduler has a place for an actor, or none, or for bundles. */
  answered(answer: PlaceAnswer): void {
    if (this.#head) this.#head.answered(this.#node.start.nodeId, answer);
    else this.#toHead(answer);
  }

  /** The store of this node has an object whole. */
  sealed(object: SealedObject): void {
    this.#objects.sealed(object);
  }

  /** It has dropped a copy of what another node keeps. */
  dropped(owner: WorkerId, number: number): void {
    this.#objects.dropped(owner, number);
  }

  // -- For the node ----------------------------------------------------------

  /** See {@linkcode Cluster.hand}. */
  hand(from: WorkerId, job: NodeJob, message: ToNode): boolean {
    if (isToStore(message)) return this.#objects.intercept(from, message);
    if (message.type === "demand_change") {
      return this.#demand.wanted(from, job.driver.jobId, message);
    }
    if (message.type === "lease_return") {
      this.#demand.returning(message.leaseId);
    }
    return this.#cluster.hand(from, job, message);
  }

  tell(nodeId: NodeId, worker: WorkerId, message: ToNode): void {
    this.#cluster.tell(nodeId, worker, message);
  }

  /** The own scheduler speaks to an owner; true if that is not for it. */
  hears(owner: WorkerId, message: FromNode): boolean {
    if (this.#cluster.standIns.has(owner)) return false;
    return this.#demand.heard(this.#node.start.nodeId, owner, message);
  }

  /** A worker of this node is gone. */
  workerEnded(worker: WorkerId, error: MantaError): void {
    this.#demand.threadEnded(worker);
    this.#demand.ownerEnded(worker);
    this.#objects.ownerEnded(worker);
    this.#cluster.workerEnded(worker, error);
  }

  /** A driver is linked to this node. */
  jobStarted(jobId: JobId): void {
    if (this.#headId) this.#cluster.tellJob(this.#headId, jobId);
  }

  jobEnded(jobId: JobId): void {
    this.#cluster.jobEnded(jobId);
  }

  nodesOf(jobId: JobId): Iterable<NodeId> {
    return this.#cluster.nodesOf(jobId);
  }

  /** All nodes, dead ones included. */
  /** What waits and no node is asked for. */
  unplaced(): Unplaced[] {
    return [...this.#demand.unplaced(), ...this.#head?.unplaced() ?? []];
  }

  views(): NodeView[] {
    return this.#members.views();
  }

  /** What the head alone can tell, for a node that is not it. */
  callsOfHead(): Partial<NodeControl> {
    if (!this.#node.start.join) return {};
    const head = () => this.#headCalls!.calls;
    return {
      findActor: (name, namespace) => head().findActor(name, namespace),
      jobs: () => head().jobs(),
      groupReady: (groupId) => head().groupReady(groupId),
    };
  }

  flush(): void {
    this.#sessions.flush();
  }

  async end(): Promise<void> {
    this.#members.end();
    this.#demand.end();
    this.#head?.end();
    this.#headCalls?.fail(new ConnectionError("The node has ended"));
    await this.#sessions.leave();
  }

  /** The session with a node that is there, or may be. */
  #session(nodeId: NodeId): NodeSession | undefined {
    if (this.#members.isDead(nodeId)) return undefined;
    const isNamed = this.#members.view(nodeId) !== undefined ||
      this.#sessions.waitingCount < NODES_UNKNOWN_MAX;
    return isNamed ? this.#sessions.get(nodeId) : undefined;
  }

  // -- Messages --------------------------------------------------------------

  #toHead(message: ClusterMessage): void {
    if (this.#headId) this.#sessions.get(this.#headId).send(message);
    // The head asks itself to be dialed by one that it knows.
    else if (message.type === "link_wanted") this.#linkWanted(message);
  }

  #linkWanted(
    message: Extract<ClusterMessage, { type: "link_wanted" }>,
  ): void {
    const { from, to } = message;
    if (to === this.#node.start.nodeId) return this.#sessions.dialFor(from);
    if (!this.#headId && this.#sessions.has(to)) {
      this.#sessions.get(to).send(message);
    }
  }

  #receive(from: NodeId, message: ClusterMessage): void {
    if (this.#objects.receive(from, message)) return;
    switch (message.type) {
      case "link_wanted":
        return this.#linkWanted(message);
      case "node_welcome":
      case "node_report":
      case "views_changed":
        return this.#members.receive(from, message);
      case "demand_spread": {
        const { owner: worker, jobId } = message;
        if (!this.#cluster.meets({ worker, jobId, nodeId: from })) return;
        return this.#demand.asked(message);
      }
      case "actor_placed_at":
      case "actor_not_placed":
      case "bundles_prepared":
        return this.#head?.answered(from, message);
      case "group_locate":
        return this.#head?.locate(from, message.groupId);
      case "group_located":
        return this.#demand.groupLocated({
          ...message,
          bundles: message.bundles.map(({ nodeId, resources }) => (
            { nodeId, resources }
          )),
        });
      case "group_gone":
        return this.#demand.groupGone(message.groupId);
      case "objects_wanted":
        return this.#session(from)?.openObjects();
      case "objects_linked":
        return this.#session(from)?.objectsLinked(message.stream);
      case "bundle_wanted":
        return void this.bundles.wanted(from, message.hash);
      case "bundle_given":
        return void this.bundles.given(message);
      case "part_wanted":
        return void this.parts.wanted(from, message);
      case "part_given":
        return this.parts.given(from, message);
      case "actor_request":
      case "actor_release":
      case "bundles_prepare":
      case "bundles_commit":
      case "bundles_return":
      case "bundles_remove":
        return this.#ports.schedule(placeEvent(message));
      case "node_dead":
        return this.#over(
          new NodeDiedError(
            "Cannot go on: the head has declared this node dead, since it " +
              "was not heard of for too long. Start it again",
          ),
        );
    }
  }

  // -- Ends ------------------------------------------------------------------

  #sessionEnded(nodeId: NodeId, reason: RemoteSessionEnd): void {
    if (nodeId === this.#headId) {
      return this.#over(
        new ConnectionError(
          `Cannot go on: the connection to the head is lost (${reason})`,
        ),
      );
    }
    if (this.#headId) {
      this.#nodeDied(nodeId, `it cannot be reached (${reason})`);
    } else this.#members.sessionEnded(nodeId, reason);
  }

  #nodeDied(nodeId: NodeId, reason: string): void {
    this.#sessions.drop(nodeId);
    const error = new NodeDiedError(`Node ${nodeId} is dead: ${reason}`, {
      details: { nodeId },
    });
    // Its owners hear first what they must make again, then who has ended.
    this.#objects.nodeGone(nodeId);
    this.#cluster.nodeGone(nodeId, error);
    this.#node.takeIn();
  }
}
