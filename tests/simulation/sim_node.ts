// A node of a simulated cluster: the real scheduler, store and actor directory,
// and what a node does with requests and decisions, without threads or time.

import {
  type MantaError,
  ObjectLostError,
  WorkerDiedError,
} from "../../runtime/base/errors.ts";
import type { JobId, NodeId, WorkerId } from "../../runtime/base/ids.ts";
import type { ActorDirectory } from "../../runtime/control/actor_directory.ts";
import { PlacementGroups } from "../../runtime/control/placement_groups.ts";
import { NodeActors, type Uncaused } from "../../runtime/node_actors.ts";
import type { NodeJob } from "../../runtime/node_jobs.ts";
import { type AskedNode, receiveRequest } from "../../runtime/node_requests.ts";
import { NodeScheduling } from "../../runtime/node_scheduling.ts";
import { isToStore } from "../../runtime/object_store/messages.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import type { FromNode, ToNode } from "../../runtime/protocol/node_messages.ts";
import { encodeError } from "../../runtime/protocol/wire_error.ts";
import type { SchedulerEvent } from "../../runtime/scheduler/messages.ts";
import { Scheduler } from "../../runtime/scheduler/scheduler.ts";
import type { LinkMessage } from "../../runtime/transport/link.ts";
import { ViewCollector } from "./sim_collector.ts";
import type { SimLink } from "./sim_network.ts";

const JOB_ID = "j-1" as JobId;
const CPUS = 3;
const STORE_BYTES = 24 * 1024 * 1024;

/** What a node asks of its world. */
export interface SimHost {
  startThread(id: WorkerId): SimLink;
  stopThread(id: WorkerId): void;
  /** Links two threads, or ends; both get their end over `sendShared`. */
  link(source: WorkerId, target: WorkerId): [SimLink, SimLink];
  nowMs(): number;
}

/** See the head of the file. */
export class SimNode {
  readonly scheduler: Scheduler;
  readonly actors: NodeActors;
  readonly store: NodeStore;
  readonly #host: SimHost;
  readonly #scheduling: NodeScheduling;
  readonly #asked: AskedNode;
  readonly #job: NodeJob;
  readonly #links = new Map<WorkerId, SimLink>();
  readonly #views = new ViewCollector();
  readonly #endings = new Map<WorkerId, MantaError>();
  readonly #introduced = new Set<string>();
  readonly #threads = new Set<WorkerId>();
  #threadCount = 0;

  constructor(host: SimHost) {
    this.#host = host;
    this.scheduler = new Scheduler({
      nodeId: "n-1" as NodeId,
      total: { CPU: CPUS * 10_000 },
      labels: {},
      newThreadId: () => `w-t${++this.#threadCount}` as WorkerId,
    });
    const ports = {
      schedule: (event: Uncaused<SchedulerEvent>) =>
        this.#scheduling.take(event),
      send: (id: WorkerId, message: FromNode) => this.#send(id, message),
      stopThread: (id: WorkerId, reason: string | MantaError) =>
        this.#stopThread(id, reason),
    };
    this.actors = new NodeActors(ports);
    const groups = new PlacementGroups();
    this.#scheduling = new NodeScheduling(this.scheduler, {
      ...ports,
      answered: (answer) => this.actors.placed(answer),
      actors: this.actors,
      groups,
      startThread: ({ threadId }) => this.#startThread(threadId),
      jobOf: () => JOB_ID,
      warn: () => {},
      // Whoever goes on without a lease is stopped by nobody here.
    }, { after: () => () => {} });
    this.#asked = {
      place: (event) => this.#scheduling.take(event),
      ...ports,
      actors: this.actors,
      groups,
      revoked: this.#scheduling.revoked,
      memory: { given: nothingSays },
      tasks: { given: nothingSays },
      threads: {
        stop: (id, reason) => this.#stopThread(id, reason),
        exiting: nothingSays,
      },
      removeGroup: nothingSays,
      link: (from, peer) => this.#link(from, peer),
      broken: (_, error) => {
        throw error;
      },
    };
    // No thread here prints, or tells of its tasks.
    this.#job = {
      driver: { jobId: JOB_ID },
      threads: this.#threads,
    } as unknown as NodeJob;
    this.store = new NodeStore({
      capacityBytes: STORE_BYTES,
      send: (id, message) => this.#links.get(id)?.send(message),
      sendShared: (id, message) => this.#links.get(id)?.sendShared(message),
      collectGarbage: () => {},
      after: () => {},
      sentByItself: () => this.flush(),
      collector: this.#views,
      clock: { nowMs: () => host.nowMs() },
    });
  }

  get directory(): ActorDirectory {
    return this.actors.directory;
  }

  addThread(id: WorkerId, link: SimLink): void {
    this.store.workerStarted(id);
    this.#links.set(id, link);
    link.start({
      receive: (message) => this.#receive(id, message as ToNode),
      closed: () => {},
    });
  }

  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  tick(): void {
    const nowMs = this.#host.nowMs();
    this.#views.sweep();
    this.#scheduling.take({ type: "clock_ticked", nowMs });
    this.actors.direct({ type: "clock_ticked", nowMs });
    this.store.tick();
    this.flush();
  }

  validate(): void {
    this.scheduler.validate();
    this.directory.validate();
    this.store.validate();
  }

  /** The host says that a thread is gone. */
  threadEnded(workerId: WorkerId): void {
    const link = this.#links.get(workerId);
    if (!link) return;
    const error = this.#endings.get(workerId) ??
      new WorkerDiedError(`Thread ${workerId} ended: it crashed`);
    this.#endings.set(workerId, error);
    this.#links.delete(workerId);
    link.close();
    for (const id of this.#links.keys()) {
      this.#send(id, {
        type: "worker_ended",
        workerId,
        reason: encodeError(error),
      });
    }
    this.#scheduling.take({ type: "thread_ended", threadId: workerId });
    this.actors.direct({ type: "worker_ended", workerId, error });
    this.store.workerEnded(workerId);
    this.flush();
  }

  /**
   * The last copy of an object is gone. Its owner is told of it, or whoever
   * opens it finds out.
   */
  loseObject(owner: WorkerId, number: number, isTold: boolean): void {
    this.store.receive(owner, { type: "object_free", owner, number });
    if (!isTold) return;
    const reason = encodeError(new ObjectLostError("Its node is gone"));
    this.#send(owner, { type: "objects_lost", numbers: [number], reason });
  }

  #send(id: WorkerId, message: FromNode): void {
    this.#links.get(id)?.send(message);
  }

  #startThread(threadId: WorkerId): void {
    this.#threads.add(threadId);
    this.addThread(threadId, this.#host.startThread(threadId));
    this.#scheduling.take({ type: "thread_started", threadId });
  }

  #stopThread(workerId: WorkerId, reason: string | MantaError): void {
    if (!this.#links.has(workerId)) return;
    this.#endings.set(workerId, new WorkerDiedError(`Stopped: ${reason}`));
    this.#host.stopThread(workerId);
  }

  // -- Messages --------------------------------------------------------------

  #receive(from: WorkerId, message: ToNode): void {
    if (isToStore(message)) return this.store.receive(from, message);
    receiveRequest(this.#asked, message, from, this.#job);
  }

  #link(from: WorkerId, peer: WorkerId): void {
    const source = this.#links.get(from);
    const target = this.#links.get(peer);
    if (!source) return;
    if (!target) {
      const reason = this.#endings.get(peer) ?? new WorkerDiedError("Unknown");
      return this.#send(from, {
        type: "worker_ended",
        workerId: peer,
        reason: encodeError(reason),
      });
    }
    const pair = [from, peer].sort().join(" ");
    if (this.#introduced.has(pair)) return;
    this.#introduced.add(pair);
    const [sourceEnd, targetEnd] = this.#host.link(from, peer);
    source.sendShared(opened(peer, sourceEnd));
    target.sendShared(opened(from, targetEnd));
  }
}

/** How a thread gets its end of a link. */
export interface SimLinkOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly end: SimLink;
}

function nothingSays(): never {
  throw new Error("Nothing here should lead to this");
}

function opened(peer: WorkerId, end: SimLink): LinkMessage {
  return { type: "link_opened", peer, end } as SimLinkOpened;
}
