// The wiring of a node: its scheduler, store and actor directory, and the
// messages between them and the threads. It runs in a thread of its own that
// never runs user code, and does no work that is not bounded.

import { AnswerWatch } from "./answer_watch.ts";
import * as Comlink from "comlink";
import { every } from "./base/clock.ts";
import type { MantaError, ProtocolError } from "./base/errors.ts";
import type { JobId, NodeId, PlacementGroupId, WorkerId } from "./base/ids.ts";
import { NODE_TICK_MS } from "./base/limits.ts";
import { PlacementGroups } from "./control/placement_groups.ts";
import type {
  DriverJoin,
  HostedNodeStart,
  NodeListen,
  ToHost,
} from "./host_messages.ts";
import { NodeActors, type Uncaused } from "./node_actors.ts";
import { NodeCluster } from "./node_cluster.ts";
import { NodeCode } from "./node_code.ts";
import type { NodeControl } from "./node_control.ts";
import { spillDisk } from "./node_disk.ts";
import { type AskedNode, receiveRequest } from "./node_requests.ts";
import { NodeJobs } from "./node_jobs.ts";
import { nodeControl } from "./node_listings.ts";
import { NodeMemory } from "./node_memory.ts";
import { nodePart } from "./node_parts.ts";
import { newOutput } from "./node_output.ts";
import { type NodePeer, NodePeers, threadPeer } from "./node_peers.ts";
import { NodeScheduling } from "./node_scheduling.ts";
import {
  type NodeSurroundings,
  systemSurroundings,
} from "./node_surroundings.ts";
import { NodeTasks } from "./node_tasks.ts";
import { NodeThreads, type StartThreadElsewhere } from "./node_threads.ts";
import { isToStore } from "./object_store/messages.ts";
import { loanFolder } from "./object_store/loan_folder.ts";
import { NodeStore } from "./object_store/node_store.ts";
import type { SpillFolder } from "./object_store/spill_folder.ts";
import type { MakeMemoryFile } from "./platform/memory_file.ts";
import type { ReturnMemory, ScriptCommand } from "./platform/platform.ts";
import type { JobFacts, PlaceAnswer } from "./protocol/cluster_messages.ts";
import type {
  FromNode,
  SessionIdentity,
  ToNode,
} from "./protocol/node_messages.ts";
import type { NodePart, PartRequest } from "./protocol/state_answers.ts";
import { encodeError } from "./protocol/wire_error.ts";
import type { SchedulerEvent, StartThread } from "./scheduler/messages.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { Mailbox } from "./transport/mailbox.ts";

/** What a node thread needs of its process. */
export interface NodeHost {
  post(message: ToHost, transfer?: Transferable[]): void;
  collectGarbage(): Promise<void>;
  readonly returnMemory: ReturnMemory | undefined;
  readonly yieldProcessor: (() => void) | undefined;
  readonly makeMemoryFile: MakeMemoryFile;
  /** The command that makes a child process of an entry. */
  childCommand(url: string, args: readonly string[]): ScriptCommand;
  /** @default {systemSurroundings} */
  readonly surroundings?: NodeSurroundings;
  readonly startThread?: StartThreadElsewhere;
}

/** See the head of the file. */
export class Node {
  readonly start: HostedNodeStart;
  readonly surroundings: NodeSurroundings;
  readonly scheduler: Scheduler;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly store: NodeStore;
  readonly jobs: NodeJobs;
  readonly tasks: NodeTasks;
  readonly memory: NodeMemory;
  readonly code: NodeCode;
  /** Where it listens, or "local". */
  address = "local";
  /** The other nodes; without them, nobody else can ever be there. */
  readonly cluster: NodeCluster | undefined;
  readonly #host: NodeHost;
  readonly mailbox: Mailbox;
  readonly answers: AnswerWatch;
  readonly #peers = new NodePeers();
  readonly #threads: NodeThreads;
  readonly #scheduling: NodeScheduling;
  readonly #asked: AskedNode;
  readonly #disk: SpillFolder | undefined;
  #ticker: (() => void) | undefined;

  constructor(start: HostedNodeStart, host: NodeHost) {
    this.start = start;
    this.#host = host;
    this.surroundings = host.surroundings ?? systemSurroundings;
    const { newMailbox, newThreadId, timers } = this.surroundings;
    this.mailbox = newMailbox(start.nodeMailbox);
    this.mailbox.onMail = () => this.takeIn();
    this.answers = new AnswerWatch(this, host.yieldProcessor);
    this.scheduler = new Scheduler({
      nodeId: start.nodeId,
      total: start.total,
      labels: start.labels,
      newThreadId: () => newThreadId(start.nodeId),
    });
    this.groups = new PlacementGroups();
    const ports = {
      schedule: (event: Uncaused<SchedulerEvent>) =>
        this.#scheduling.take(event),
      send: (id: WorkerId, message: FromNode) => this.#send(id, message),
      stopThread: (id: WorkerId, reason: string | MantaError) =>
        this.#threads.stop(id, reason),
    };
    this.memory = this.#newMemory();
    this.actors = new NodeActors({
      ...ports,
      schedule: (event) => this.#place(event),
      changed: (record) => this.cluster?.actorChanged(record),
    });
    this.#scheduling = new NodeScheduling(this.scheduler, {
      ...ports,
      send: (id, message) => {
        if (!this.cluster?.hears(id, message)) this.#send(id, message);
      },
      actors: this.actors,
      groups: this.groups,
      startThread: (thread) => this.#startThread(thread),
      answered: (answer) => this.#answered(answer),
      jobOf: (id) => this.jobs.of(id)?.driver.jobId,
      warn: (jobId, text) => this.#warn(jobId, text),
    }, timers);
    this.#threads = this.#newThreads();
    this.jobs = new NodeJobs((jobId) => this.actors.hasLiving(jobId));
    this.tasks = this.#newTasks();
    this.#asked = {
      ...ports,
      place: (event) => this.#place(event),
      actors: this.actors,
      groups: this.groups,
      memory: this.memory,
      threads: this.#threads,
      revoked: this.#scheduling.revoked,
      tasks: this.tasks,
      removeGroup: (groupId) => this.#removeGroup(groupId),
      link: (from, peer) => this.#link(from, peer),
      broken: (peer, error) => this.#broken(peer, error),
    };
    this.#disk = spillDisk(start.spillPath, (text) => this.#warnAll(text));
    this.store = this.#newStore();
    this.code = new NodeCode(start.sessionPath);
    if (start.listen) this.cluster = this.#newCluster(start.listen);
  }

  #newMemory(): NodeMemory {
    const { nodeId, memory } = this.start;
    return new NodeMemory(nodeId, memory, {
      send: (id, message) => this.#send(id, message),
      stopThread: (id, reason) => this.#threads.stop(id, reason),
      childOf: (id) => this.#threads.childOf(id),
      threads: () => this.scheduler.threads(),
      forget: (threadId) =>
        this.#scheduling.take({ type: "thread_ended", threadId }),
      mayRestart: (actorId) => this.actors.mayRestart(actorId),
      collectGarbage: () => void this.#host.collectGarbage(),
      warn: (jobId, text) => this.#warn(jobId, text),
      flush: () => this.takeIn(),
    });
  }

  #newTasks(): NodeTasks {
    return new NodeTasks({
      nodeId: this.start.nodeId,
      jobs: this.jobs,
      timers: this.surroundings.timers,
      ask: (id) => this.#send(id, { type: "tasks_wanted" }),
      flush: () => this.#peers.flush(),
    });
  }

  #newCluster(listen: NodeListen): NodeCluster {
    return new NodeCluster(this, listen, {
      answer: (from, message) => this.#answer(from, message),
      addStandIn: (standIn, peer) => {
        this.jobs.standInAdded(standIn.jobId, standIn.worker);
        this.#addPeer(standIn.worker, peer);
      },
      introduce: (source, target) => this.#peers.introduce(source, target),
      send: (id, message) => this.#send(id, message),
      stopThread: (id, reason) => this.#threads.stop(id, reason),
      reasonOf: (id) => this.#threads.reasonOf(id),
      schedule: (event) => this.#scheduling.take(event),
      warn: (jobId, text) => this.#warn(jobId, text),
      standInEnded: (id, error) => this.#standInEnded(id, error),
      post: (message) => this.#host.post(message),
      makeMemoryFile: this.#host.makeMemoryFile,
    });
  }

  #newThreads(): NodeThreads {
    return new NodeThreads({
      mailbox: this.mailbox,
      sessionPath: this.start.sessionPath,
      post: this.#host.post,
      startThread: this.#host.startThread,
      isRunning: (id) => this.#peers.has(id),
      command: this.#host.childCommand,
      entries: this.start.childEntries,
      received: () => this.takeIn(),
      printed: (id, line) => this.jobs.of(id)?.output.printed(id, [line]),
      ended: (id, error) => this.threadEnded(id, error),
    });
  }

  #newStore(): NodeStore {
    const { start } = this;
    const { collectGarbage, returnMemory } = this.#host;
    const { clock, timers, newCollector } = this.surroundings;
    return new NodeStore({
      capacityBytes: start.storeBytes,
      send: (id, message) => this.#peers.send(id, message),
      sendShared: (id, message) => this.#peers.sendShared(id, message),
      collectGarbage: () => void collectGarbage(),
      after: (delayMs, callback) => void timers.after(delayMs, callback),
      clock,
      collector: newCollector(),
      sentByItself: () => this.#peers.flush(),
      disk: this.#disk,
      returnMemory,
      makeLoanFile: loanFolder(start.sessionPath),
      sealed: (...object) => this.cluster?.sealed(...object),
      dropped: (...object) => this.cluster?.dropped(...object),
    });
  }

  // -- Drivers ---------------------------------------------------------------

  /** A driver of this process has joined. */
  addOwnDriver({ identity, mailbox, link, control }: DriverJoin): void {
    const peer = threadPeer(link, mailbox, this.mailbox);
    Comlink.expose(this.addDriver(identity, peer), control);
    this.takeIn();
  }

  /** A driver joins with a job of its own; gives the calls it may make. */
  addDriver(
    driver: SessionIdentity,
    peer: NodePeer,
    codeFolder?: string,
  ): NodeControl {
    this.#addJob(driver, { codeFolder });
    this.#addPeer(driver.workerId, peer);
    this.cluster?.jobStarted(driver.jobId);
    return nodeControl(this, driver.jobId);
  }

  /** A job comes here whose driver is linked to another node. */
  addJob({ jobId, driver: workerId, namespace, home }: JobFacts): void {
    const { nodeId } = this.start;
    const codeFolder = this.code.folder;
    const driver = { jobId, nodeId, workerId, namespace };
    this.#addJob(driver, { home, codeFolder });
  }

  #addJob(
    driver: SessionIdentity,
    where: { readonly home?: NodeId; readonly codeFolder?: string | undefined },
  ): void {
    const output = newOutput(driver, this.start, {
      timers: this.surroundings.timers,
      peers: this.#peers,
      threads: this.#threads,
      cluster: this.cluster,
    });
    this.jobs.add(driver, output, where);
  }

  /** Whether a job or a driver has this id. */
  knows(jobId: JobId, workerId: WorkerId): boolean {
    return this.jobs.get(jobId) !== undefined || this.#peers.has(workerId);
  }

  /** The calls of somebody who has no job. */
  observe(): NodeControl {
    return nodeControl(this, undefined);
  }

  /** What this node itself knows of what is listed. */
  part(request: PartRequest): Promise<NodePart> {
    return nodePart(this, request);
  }

  /** A driver is gone: what is not detached goes with it. */
  driverEnded(workerId: WorkerId, reason: string): void {
    const job = this.jobs.of(workerId);
    if (!job || job.driver.workerId !== workerId) return;
    const { jobId } = job.driver;
    const isLinkedHere = job.home === this.start.nodeId;
    if (isLinkedHere) this.cluster?.jobEnded(jobId);
    this.jobs.driverEnded(workerId);
    const error = this.#threads.ended(workerId, reason);
    if (isLinkedHere) this.#workerEnded(workerId, error);
    else this.#forgetWorker(workerId, error);
    this.#scheduling.take({ type: "owner_ended", owner: workerId });
    this.#scheduling.take({ type: "job_ended", jobId });
    this.#forgetJobs();
    this.takeIn();
  }

  #forgetJobs(): void {
    for (const jobId of this.jobs.forgetOver()) {
      this.#scheduling.take({ type: "job_forgotten", jobId });
    }
  }

  // -- Turns -----------------------------------------------------------------

  /** Takes in what has come, sends what follows, parks. */
  takeIn(): void {
    do {
      this.mailbox.unpark();
      this.mailbox.poll();
      this.cluster?.commit();
      this.#peers.flush();
      this.cluster?.flush();
    } while (!this.mailbox.park());
    this.#keepTicking();
  }

  /** The clock runs only while something waits for time to pass. */
  #keepTicking(): void {
    const waits = this.scheduler.isWaiting() ||
      this.actors.directory.isWaiting ||
      this.store.isWaiting;
    if (!waits) {
      this.#ticker?.();
      this.#ticker = undefined;
    } else if (this.#ticker === undefined) {
      const { timers } = this.surroundings;
      this.#ticker = every(timers, NODE_TICK_MS, () => this.#tick());
      this.#tick();
    }
  }

  #tick(): void {
    const nowMs = this.surroundings.clock.nowMs();
    this.#scheduling.take({ type: "clock_ticked", nowMs });
    this.actors.direct({ type: "clock_ticked", nowMs });
    this.store.tick();
    this.takeIn();
  }

  #send(workerId: WorkerId, message: FromNode): void {
    this.#peers.send(workerId, message);
  }

  #warn(jobId: JobId | undefined, text: string): void {
    const job = jobId && this.jobs.get(jobId);
    if (job) this.#send(job.driver.workerId, { type: "warning", text });
  }

  #warnAll(text: string): void {
    for (const job of this.jobs.all()) this.#warn(job.driver.jobId, text);
  }

  // -- Messages of threads ---------------------------------------------------

  #receive(from: WorkerId, message: ToNode): void {
    const job = this.jobs.of(from);
    if (!job) return;
    job.output.heard(from);
    if (this.cluster?.hand(from, job, message)) return;
    if (isToStore(message)) return this.store.receive(from, message);
    receiveRequest(this.#asked, message, from, job);
  }

  /** Answers a worker of another node. */
  #answer(from: WorkerId, message: ToNode): void {
    const job = this.jobs.of(from);
    if (job) receiveRequest(this.#asked, message, from, job);
  }

  /** What may be at any node is placed by the head. */
  #place(event: Uncaused<SchedulerEvent>): void {
    if (!this.cluster?.places(event)) this.#scheduling.take(event);
  }

  #answered(answer: PlaceAnswer): void {
    if (this.cluster) this.cluster.answered(answer);
    else this.actors.placed(answer);
  }

  #removeGroup(groupId: PlacementGroupId): void {
    this.groups.remove(groupId);
    this.#place({ type: "group_removed", groupId });
  }

  #broken(peer: WorkerId, error: ProtocolError): void {
    // Its end is a turn of its own, and this is the middle of one.
    queueMicrotask(() => this.#peers.broken(peer, error));
  }

  #link(from: WorkerId, peer: WorkerId): void {
    if (this.#peers.introduce(from, peer)) return;
    this.#send(from, {
      type: "worker_ended",
      workerId: peer,
      reason: encodeError(this.#threads.reasonOf(peer)),
    });
  }

  /** Closes what would outlive the thread. */
  async end(): Promise<void> {
    await this.cluster?.end();
    await this.#threads.end();
    await this.store.end();
    await this.#disk?.[Symbol.asyncDispose]();
    this.#host.post({ type: "node_ended" });
  }

  // -- Threads ---------------------------------------------------------------

  #addPeer(id: WorkerId, peer: NodePeer): void {
    if (!peer.isStandIn) {
      this.store.workerStarted(id, peer.memory === "files");
    }
    this.#peers.add(
      id,
      peer,
      (message) => this.#receive(id, message as ToNode),
    );
  }

  #startThread({ threadId: workerId, jobId, isolation }: StartThread): void {
    if (!this.jobs.get(jobId)) {
      const type = "thread_failed_to_start";
      return this.#scheduling.take({ type, threadId: workerId });
    }
    const { driver, codeFolder } = this.jobs.threadStarted(jobId, workerId);
    const identity = { ...driver, workerId };
    const calls = nodeControl(this, jobId);
    const what = { identity, isolation, codeFolder };
    const peer = this.#threads.start(what, calls);
    this.#addPeer(workerId, peer);
    this.memory.threadStarted();
    // What is sent to it waits in its links until it is up.
    this.#scheduling.take({ type: "thread_started", threadId: workerId });
  }

  /** The host says that a thread is gone. */
  threadEnded(workerId: WorkerId, reason: string | MantaError): void {
    const job = this.jobs.of(workerId);
    if (!job || !this.#peers.has(workerId)) return;
    // The last that it has said: it may not have seen its end coming.
    this.mailbox.poll();
    job.output.threadEnded(workerId);
    this.tasks.given(workerId);
    this.jobs.threadEnded(workerId);
    this.memory.threadEnded(workerId);
    const error = this.#threads.ended(workerId, reason);
    // First, so that nothing that it leaves behind is placed on it again.
    this.#scheduling.take({ type: "thread_ended", threadId: workerId });
    this.#workerEnded(workerId, error);
    this.#forgetJobs();
    this.takeIn();
  }

  /** A worker of another node is gone, or that node. */
  #standInEnded(workerId: WorkerId, error: MantaError): void {
    this.jobs.threadEnded(workerId);
    this.#forgetWorker(workerId, this.#threads.ended(workerId, error));
    this.#scheduling.take({ type: "owner_ended", owner: workerId });
    this.#forgetJobs();
  }

  /** A thread or a driver is gone: other nodes are told, too. */
  #workerEnded(workerId: WorkerId, error: MantaError): void {
    this.cluster?.workerEnded(workerId, error);
    this.#forgetWorker(workerId, error);
    this.store.workerEnded(workerId);
  }

  /** A worker is gone, and what it owned with it. */
  #forgetWorker(workerId: WorkerId, error: MantaError): void {
    this.#peers.remove(workerId);
    const reason = encodeError(error);
    for (const id of [...this.#peers.ownIds()]) {
      this.#send(id, { type: "worker_ended", workerId, reason });
    }
    this.actors.direct({ type: "worker_ended", workerId, error });
    for (const groupId of this.groups.endedWith(workerId)) {
      this.#removeGroup(groupId);
    }
  }
}
