// What makes a node one of many: hands what its workers say to the node that
// can answer it, answers what workers of other nodes say, and keeps both sides
// informed of who is there. Decision 0018 has the whole.

import type { MantaError } from "./base/errors.ts";
import {
  type JobId,
  type NodeId,
  nodeOfLease,
  nodeOfWorker,
  type WorkerId,
} from "./base/ids.ts";
import { IDS_REMEMBERED_MAX } from "./base/limits.ts";
import { isForHead } from "./control/head_trail.ts";
import type { Uncaused } from "./node_actors.ts";
import type { NodeJob, NodeJobs } from "./node_jobs.ts";
import type { NodePeer } from "./node_peers.ts";
import { asMantaError } from "./node_threads.ts";
import type { NodeSession } from "./node_session.ts";
import type { ClusterMessage, JobFacts } from "./protocol/cluster_messages.ts";
import type { FromNode, ToNode } from "./protocol/node_messages.ts";
import { decodeError, encodeError } from "./protocol/wire_error.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";
import { type StandIn, StandIns } from "./stand_ins.ts";
import type { MailboxBuffer } from "./transport/mailbox.ts";

/** The node that is one of many. */
export interface ClusteredNode {
  readonly nodeId: NodeId;
  readonly mailbox: MailboxBuffer;
  readonly jobs: NodeJobs;
  /** A job begins here whose driver is at another node. */
  addJob(job: JobFacts): void;
  /** The driver of a job is gone. */
  driverEnded(worker: WorkerId, reason: string): void;
  schedule(event: Uncaused<SchedulerEvent>): void;
  addStandIn(standIn: StandIn, peer: NodePeer): void;
  standInEnded(worker: WorkerId, error: MantaError): void;
  /** Links two peers; false when one of them is gone. */
  introduce(source: WorkerId, target: WorkerId): boolean;
  /** Answers what a worker says, as for one of its own. */
  answer(from: WorkerId, message: ToNode): void;
  send(worker: WorkerId, message: FromNode): void;
  stopThread(worker: WorkerId, reason: string): void;
  reasonOf(worker: WorkerId): MantaError;
}

/** The sessions with other nodes, as far as messages go. */
export interface ClusterPorts {
  readonly node: ClusteredNode;
  /** Undefined at the head itself. */
  head(): NodeId | undefined;
  /** A worker of this node says something to the head. */
  toHead(worker: WorkerId, message: ToNode): void;
  /** The session with a node, opened if need be; undefined if it is dead. */
  session(nodeId: NodeId): NodeSession | undefined;
  /** All nodes that this one has a session with. */
  sessions(): Iterable<NodeSession>;
  /** A node says something to a worker; true if it is not for the worker. */
  hears(from: NodeId, worker: WorkerId, message: FromNode): boolean;
  /** A worker of another node is gone. */
  gone(worker: WorkerId): void;
  /** What concerns nodes, demand, actors or objects; whether it did. */
  receive(from: NodeId, message: ClusterMessage): void;
}

/** See the head of the file. */
export class Cluster {
  readonly standIns: StandIns;
  readonly #ports: ClusterPorts;
  /** The jobs that a node was told of by this one. */
  readonly #told = new Map<NodeId, Set<JobId>>();
  /** The nodes that may run something of a job whose home is here. */
  readonly #entered = new Map<JobId, Set<NodeId>>();
  /** The latest jobs that the head has ended: who speaks of one is behind. */
  readonly #ended = new Set<JobId>();
  /** The latest whose drivers were linked here. */
  readonly #endedHere = new Set<JobId>();

  constructor(ports: ClusterPorts) {
    this.#ports = ports;
    const { node } = ports;
    this.standIns = new StandIns({
      mailbox: node.mailbox,
      session: (nodeId) => ports.session(nodeId),
      tellJob: (nodeId, jobId) => this.tellJob(nodeId, jobId),
      jobOf: (worker) => node.jobs.of(worker)?.driver.jobId,
      added: (standIn, peer) => node.addStandIn(standIn, peer),
    });
  }

  // -- What this node's workers say ------------------------------------------

  /** Hands a message to the node that answers it; false if it is this one. */
  hand(from: WorkerId, job: NodeJob, message: ToNode): boolean {
    const target = this.#answerer(job, message);
    if (target === undefined || target === this.#ports.node.nodeId) {
      return false;
    }
    if (message.type === "link_request") {
      if (this.#ports.session(target)) {
        const { jobId } = this.#jobAt(message.peer, job);
        this.standIns.ensure({ worker: message.peer, jobId, nodeId: target });
      }
      return false;
    }
    if (isForHead(message)) this.#ports.toHead(from, message);
    else this.tell(target, from, message);
    return true;
  }

  /** Says something to another node in the name of a worker of this one. */
  tell(nodeId: NodeId, worker: WorkerId, message: ToNode): void {
    const jobId = this.#ports.node.jobs.of(worker)?.driver.jobId;
    if (jobId === undefined) return;
    this.tellJob(nodeId, jobId);
    const envelope = { type: "from_worker", worker, jobId, message } as const;
    this.#ports.session(nodeId)?.send(envelope);
  }

  #answerer(job: NodeJob, message: ToNode): NodeId | undefined {
    switch (message.type) {
      case "lease_return":
        return nodeOfLease(message.leaseId);
      case "link_request":
      case "peer_broken":
        return this.#jobAt(message.peer, job).home;
      case "thread_kill":
        return nodeOfWorker(message.workerId);
      default:
        return isForHead(message) ? this.#ports.head() : undefined;
    }
  }

  /** Where a worker is, and its job, as far as this node knows. */
  #jobAt(
    worker: WorkerId,
    asking: NodeJob,
  ): { readonly home: NodeId | undefined; readonly jobId: JobId } {
    const { jobs } = this.#ports.node;
    const job = jobs.of(worker) ?? asking;
    const home = nodeOfWorker(worker) ??
      (jobs.of(worker)?.driver.workerId === worker ? job.home : undefined);
    return { home, jobId: job.driver.jobId };
  }

  /** A node hears of a job before anything else of it. */
  tellJob(nodeId: NodeId, jobId: JobId): void {
    let told = this.#told.get(nodeId);
    if (!told) this.#told.set(nodeId, told = new Set());
    const job = this.#ports.node.jobs.get(jobId);
    if (told.has(jobId) || !job) return;
    told.add(jobId);
    const { driver, home, isOver } = job;
    const { workerId, namespace } = driver;
    const facts = { jobId, driver: workerId, home, namespace, isOver };
    this.#ports.session(nodeId)?.send({ type: "job_opened", job: facts });
  }

  /** A worker of this node is gone: who may know it is told. */
  workerEnded(worker: WorkerId, error: MantaError): void {
    const reason = encodeError(error);
    for (const session of this.#ports.sessions()) {
      session.localEnded(worker);
      session.send({ type: "worker_over", worker, reason });
    }
  }

  /** The driver of a job whose home is here is gone. */
  jobEnded(jobId: JobId): void {
    this.#entered.delete(jobId);
    remember(this.#endedHere, jobId);
    const head = this.#ports.head();
    if (head === undefined) this.#spreadEnd(jobId);
    else this.#ports.session(head)?.send({ type: "job_over", jobId });
  }

  /** Another head may not have heard of those that ended before it. */
  tellEnded(head: NodeId): void {
    for (const jobId of this.#endedHere) {
      this.#ports.session(head)?.send({ type: "job_over", jobId });
    }
  }

  /** By the head: whoever has to do with the job is told. */
  #spreadEnd(jobId: JobId): void {
    for (const session of this.#ports.sessions()) {
      session.send({ type: "job_over", jobId });
    }
  }

  /** The other nodes that may run something of a job whose home is here. */
  nodesOf(jobId: JobId): Iterable<NodeId> {
    return this.#entered.get(jobId) ?? [];
  }

  // -- What other nodes say --------------------------------------------------

  receive(from: NodeId, message: ClusterMessage): void {
    const { node } = this.#ports;
    switch (message.type) {
      case "job_opened":
        return this.#jobOpened(from, message.job);
      case "job_entered":
        return this.#jobEntered(from, message.jobId);
      case "job_over":
        remember(this.#ended, message.jobId);
        return this.#jobOver(message.jobId);
      case "from_worker": {
        const { worker, jobId } = message;
        if (!this.meets({ worker, jobId, nodeId: from })) return;
        return node.answer(worker, message.message);
      }
      case "to_worker":
        return this.#toWorker(from, message.worker, message.message);
      case "worker_over":
        return this.#workerOver(from, message);
      case "worker_stop":
        return node.stopThread(message.worker, message.reason);
      case "peers_wanted":
      case "peers_linked":
        return this.#link(from, message);
      default:
        return this.#ports.receive(from, message);
    }
  }

  /** Has to do with a worker of another node from now on, if its job is known. */
  meets(standIn: StandIn): boolean {
    if (!this.#ports.node.jobs.get(standIn.jobId)) return false;
    this.standIns.ensure(standIn);
    return true;
  }

  #jobOpened(from: NodeId, job: JobFacts): void {
    const { node, session } = this.#ports;
    const { jobId, driver, home } = job;
    if (node.jobs.get(jobId) || home === node.nodeId) return;
    if (!job.isOver && this.#ended.has(jobId)) return;
    node.addJob(job);
    if (job.isOver) {
      // What is detached goes on without a driver, maybe at another node.
      node.jobs.driverEnded(driver);
      return node.schedule({ type: "job_ended", jobId });
    }
    this.standIns.ensure({ worker: driver, jobId, nodeId: home });
    if (from !== home) this.tellJob(home, jobId);
    session(home)?.send({ type: "job_entered", jobId });
  }

  #jobEntered(from: NodeId, jobId: JobId): void {
    if (!this.#ports.node.jobs.get(jobId)) return;
    let entered = this.#entered.get(jobId);
    if (!entered) this.#entered.set(jobId, entered = new Set());
    entered.add(from);
  }

  #jobOver(jobId: JobId): void {
    const { node, head } = this.#ports;
    const job = node.jobs.get(jobId);
    for (const told of this.#told.values()) told.delete(jobId);
    if (head() === undefined) this.#spreadEnd(jobId);
    if (!job || job.isOver) return;
    this.#ports.gone(job.driver.workerId);
    this.standIns.remove(job.driver.workerId);
    node.driverEnded(job.driver.workerId, "its driver has ended");
  }

  #toWorker(from: NodeId, worker: WorkerId, message: FromNode): void {
    const { node } = this.#ports;
    if (message.type === "output_given") {
      // A node stands for all threads of it that were asked.
      return node.jobs.of(worker)?.output.given(from);
    }
    if (this.#ports.hears(from, worker, message)) return;
    node.send(worker, message);
  }

  #workerOver(
    from: NodeId,
    { worker, reason }: Extract<ClusterMessage, { type: "worker_over" }>,
  ): void {
    this.#ports.session(from)?.remoteEnded(worker);
    this.#standInEnded(worker, asMantaError(decodeError(reason)));
  }

  #standInEnded(worker: WorkerId, error: MantaError): void {
    this.#ports.gone(worker);
    if (!this.standIns.remove(worker)) return;
    this.#ports.node.standInEnded(worker, error);
  }

  #link(
    from: NodeId,
    message: Extract<
      ClusterMessage,
      { type: "peers_wanted" | "peers_linked" }
    >,
  ): void {
    const { node, session } = this.#ports;
    const { source, target, jobId } = message;
    const open = () => {
      const isMet = this.meets({ worker: source, jobId, nodeId: from });
      if (isMet && node.introduce(source, target)) return;
      const reason = encodeError(node.reasonOf(target));
      session(from)?.send({ type: "worker_over", worker: target, reason });
    };
    if (message.type === "peers_wanted") return open();
    const pair = { local: target, remote: source };
    session(from)?.pairNumbered(pair, message.stream, open);
  }

  /** A node is gone, and all its workers with it. */
  nodeGone(nodeId: NodeId, error: MantaError): void {
    this.#told.delete(nodeId);
    for (const entered of this.#entered.values()) entered.delete(nodeId);
    for (const job of [...this.#ports.node.jobs.all()]) {
      if (job.home === nodeId && !job.isOver) this.#jobOver(job.driver.jobId);
      else job.output.given(nodeId);
    }
    for (const { worker } of this.standIns.of(nodeId)) {
      this.#standInEnded(worker, error);
    }
  }
}

function remember(jobs: Set<JobId>, jobId: JobId): void {
  jobs.add(jobId);
  if (jobs.size <= IDS_REMEMBERED_MAX) return;
  const [oldest] = jobs;
  jobs.delete(oldest!);
}
