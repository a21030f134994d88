// A node as one of many: puts together who the nodes are, the sessions with
// them, what is handed to them, and how demand, actors and objects go over
// them. The wiring of a cluster, as a node has it.

import { type MantaError, NodeDiedError } from "./base/errors.ts";
import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import { NODES_UNKNOWN_MAX } from "./base/limits.ts";
import type { Unplaced } from "./listed_waiting.ts";
import { Cluster } from "./cluster.ts";
import { ClusterBundles } from "./cluster_bundles.ts";
import { ClusterHead, placeEvent } from "./cluster_head.ts";
import { ClusterDemand, reportedNode } from "./cluster_demand.ts";
import { ClusterMembers } from "./cluster_members.ts";
import type { ActorRecord } from "./control/actor_record.ts";
import { ClusterParts } from "./cluster_parts.ts";
import { HeadLife } from "./head_life.ts";
import { HeadLink } from "./head_link.ts";
import type { NodeJoin, NodeListen } from "./host_messages.ts";
import { clustered, type MemberNode, type MemberPorts } from "./member_node.ts";
import type { NodeControl } from "./node_control.ts";
import type { NodeJob } from "./node_jobs.ts";
import type { NodeSession } from "./node_session.ts";
import { type ArrivedNode, NodeSessions } from "./node_sessions.ts";
import type { Uncaused } from "./node_actors.ts";
import { ownFacts } from "./own_view.ts";
import type { StateStorage } from "./platform/state_file.ts";
import type {
  ClusterMessage,
  NodeView,
  PlaceAnswer,
} from "./protocol/cluster_messages.ts";
import type { FromNode, ToNode } from "./protocol/node_messages.ts";
import { objectsOf } from "./cluster_objects.ts";
import type { NodeObjects } from "./object_store/node_objects.ts";
import type { SealedObject } from "./object_store/node_store.ts";
import { isToStore } from "./object_store/messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import { answerControl } from "./remote_control.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";
import type { RemoteSessionEnd } from "./transport/remote_session.ts";
import type { SessionUser } from "./transport/session_acceptor.ts";

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
  /** Of one that can be started again. */
  #life: HeadLife | undefined;
  /** Of a node that joins one. */
  readonly #link: HeadLink | undefined;

  constructor(node: MemberNode, listen: NodeListen, ports: MemberPorts) {
    const { nodeId, join } = node.start;
    this.#node = node;
    this.#ports = ports;
    this.#members = this.#newMembers();
    this.#sessions = this.#newSessions(listen);
    this.#cluster = this.#newRouting();
    this.#demand = this.#newDemand();
    this.#objects = this.#newObjects();
    if (join) this.#link = this.#newLink(join);
    else this.#head = this.#newHead();
    this.bundles = new ClusterBundles({
      ...{ nodeId, code: node.code, jobs: node.jobs },
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
      askHead: () => this.#link?.asked(),
      send: (to, message) => this.#session(to)?.send(message),
      flush: () => this.flush(),
    });
  }

  #newMembers(): ClusterMembers {
    return new ClusterMembers(this.#node, {
      toHead: (message) => this.#toHead(message),
      to: (nodeId, message) => this.#sessions.tell(nodeId, message),
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
      clusterId: () => this.#link?.clusterId ?? this.#life?.keeping.clusterId,
      askToDial: (to) => {
        // Without a head it is tried from here.
        if (this.#link?.isLost) return this.#sessions.dialFor(to);
        this.#toHead({ type: "link_wanted", from: nodeId, to });
      },
      isHeadLost: () => this.#link?.isLost ?? false,
      receive: (from, message) => this.#hear(from, message),
      objectsLinked: (from, link, home) => {
        const { makeMemoryFile } = this.#ports;
        const near = { platform: { makeMemoryFile }, process: () => home };
        this.#objects.linked(from, link, near);
      },
      answers: this.#node.answers,
      ended: (other, reason) => this.#sessionEnded(other, reason),
    });
  }

  #newRouting(): Cluster {
    return new Cluster({
      node: { ...this.#ports, ...clustered(this.#node) },
      head: () => this.#link?.id,
      toHead: (worker, message) => this.#link?.tell(worker, message),
      session: (other) => this.#session(other),
      sessions: () => this.#sessions.all(),
      hears: (from, worker, message) => {
        if (from === this.#link?.id) this.#link.workerHeard(worker, message);
        return this.#demand.heard(from, worker, message);
      },
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
    return objectsOf(this.#node, {
      session: (to) => this.#session(to),
      send: (to, message) => this.#ports.send(to, message),
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
      groupChanged: (groupId) => this.#life?.keeping.groupChanged(groupId),
      flush: () => this.#node.takeIn(),
    });
  }

  #newLink(join: NodeJoin): HeadLink {
    return new HeadLink(join, {
      sessions: this.#sessions,
      tell: (head, worker, message) =>
        this.#cluster.tell(head, worker, message),
      tellJob: (head, jobId) => this.#cluster.tellJob(head, jobId),
      tellEnded: (head) => this.#cluster.tellEnded(head),
      node: this.#node,
      headGone: (head, reason) => this.#members.headGone(head, reason),
      post: this.#ports.post,
      over: (error) => this.#over(error),
      flush: () => this.flush(),
    });
  }

  #newLife(storage: StateStorage, head: ClusterHead): HeadLife {
    return new HeadLife(storage, {
      ...{ node: this.#node, head },
      receive: (from, message) => this.#hear(from, message),
      send: (to, message) => this.#session(to)?.send(message),
      bury: (facts) => this.#members.bury(facts),
      isThere: (other) => this.#sessions.has(other),
      post: this.#ports.post,
      warn: this.#ports.warn,
      flush: () => this.#node.takeIn(),
    });
  }

  // -- Joining ---------------------------------------------------------------

  /** The node listens, and has an address; a head may keep its state. */
  begin(storage?: StateStorage): void {
    if (storage && this.#head) this.#life = this.#newLife(storage, this.#head);
    this.#members.begin();
    this.#life?.begin();
    void this.#link?.join();
  }

  /** Takes in a connection of another node. */
  accept(arrived: ArrivedNode): SessionUser {
    const clusterId = this.#life?.keeping.clusterId;
    this.#sessions.expect(arrived);
    const refusal = this.#members.joins(arrived.hello, clusterId);
    if (refusal) return this.#sessions.refuse(arrived, refusal);
    answerControl(arrived.control, this.#node.observe());
    return this.#sessions.accept(arrived);
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
    this.#life?.keeping.viewsChanged(views);
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
    this.#link?.workerEnded(worker);
  }

  /** A driver is linked to this node. */
  jobStarted(jobId: JobId): void {
    if (this.#link?.id) this.#cluster.tellJob(this.#link.id, jobId);
    this.#life?.keeping.jobsChanged();
  }

  jobEnded(jobId: JobId): void {
    this.#life?.keeping.jobsChanged();
    this.#cluster.jobEnded(jobId);
  }

  nodesOf(jobId: JobId): Iterable<NodeId> {
    return this.#cluster.nodesOf(jobId);
  }

  /** What waits and no node is asked for. */
  unplaced(): Unplaced[] {
    return [...this.#demand.unplaced(), ...this.#head?.unplaced() ?? []];
  }

  /** All nodes, dead ones included. */
  views(): NodeView[] {
    return this.#members.views();
  }

  /** What the head alone can tell, for a node that is not it. */
  callsOfHead(): Partial<NodeControl> {
    return this.#link?.calls() ?? {};
  }

  /** At a head that was started again, before all is as it was. */
  get settling(): Promise<void> | undefined {
    return this.#life?.settling;
  }

  actorChanged(record: ActorRecord): void {
    this.#life?.keeping.actorChanged(record);
  }

  /** What must outlive the head is written before anybody hears of it. */
  commit(): void {
    this.#life?.keeping.commit();
  }

  flush(): void {
    this.commit();
    this.#sessions.flush();
  }

  /** The head goes without a word: its cluster waits for its next life. */
  suspend(): void {
    this.#life?.suspend();
    this.#life = undefined;
    this.#sessions.cut();
  }

  async end(): Promise<void> {
    this.#members.end();
    this.#demand.end();
    this.#head?.end();
    this.#link?.end();
    await this.#sessions.leave();
    this.#life?.end();
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
    if (this.#link?.id) this.#link.send(message);
    // The head asks itself to be dialed by one that it knows.
    else if (message.type === "link_wanted") this.#linkWanted(message);
  }

  #linkWanted(message: ClusterMessage & { type: "link_wanted" }): void {
    const { from, to } = message;
    if (to === this.#node.start.nodeId) return this.#sessions.dialFor(from);
    if (!this.#link?.id) this.#sessions.tell(to, message);
  }

  /** All that other nodes say comes by here. */
  #hear(from: NodeId, message: ClusterMessage): void {
    if (!this.#life?.takes(from, message)) {
      this.#cluster.receive(from, message);
    }
  }

  #receive(from: NodeId, message: ClusterMessage): void {
    if (this.#objects.receive(from, message)) return;
    this.#link?.heard(message);
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
    if (nodeId === this.#link?.id) return this.#link.lost(reason);
    if (this.#link?.id) {
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
    this.#life?.nodeGone(nodeId);
    this.#node.takeIn();
  }
}
