// A node of a simulated cluster: the real scheduler, store and actor
// directory, wired as `runtime/node.ts` wires them, without threads or time.

import {
  MantaError,
  ObjectLostError,
  WorkerDiedError,
} from "../../runtime/base/errors.ts";
import type { JobId, NodeId, WorkerId } from "../../runtime/base/ids.ts";
import type { ActorDirectory } from "../../runtime/control/actor_directory.ts";
import { NodeActors, type Uncaused } from "../../runtime/node_actors.ts";
import { isToStore } from "../../runtime/object_store/messages.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import type { FromNode, ToNode } from "../../runtime/protocol/node_messages.ts";
import { decodeError, encodeError } from "../../runtime/protocol/wire_error.ts";
import type {
  SchedulerAction,
  SchedulerEvent,
  Strategy,
} from "../../runtime/scheduler/messages.ts";
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
  readonly #links = new Map<WorkerId, SimLink>();
  readonly #views = new ViewCollector();
  readonly #endings = new Map<WorkerId, MantaError>();
  readonly #introduced = new Set<string>();
  #threadCount = 0;
  #causeCount = 0;

  constructor(host: SimHost) {
    this.#host = host;
    this.scheduler = new Scheduler({
      nodeId: "n-1" as NodeId,
      total: { CPU: CPUS * 10_000 },
      labels: {},
      newThreadId: () => `w-t${++this.#threadCount}` as WorkerId,
    });
    this.actors = new NodeActors({
      schedule: (event) => this.#schedule(event),
      send: (id, message) => this.#send(id, message),
      stopThread: (id, reason) => this.#stopThread(id, reason),
    });
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
    this.#schedule({ type: "clock_ticked", nowMs });
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
    this.#schedule({ type: "thread_ended", threadId: workerId });
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

  #stopThread(workerId: WorkerId, reason: string): void {
    if (!this.#links.has(workerId)) return;
    this.#endings.set(workerId, new WorkerDiedError(`Stopped: ${reason}`));
    this.#host.stopThread(workerId);
  }

  // -- Messages --------------------------------------------------------------

  #receive(from: WorkerId, message: ToNode): void {
    if (isToStore(message)) return this.store.receive(from, message);
    switch (message.type) {
      case "demand_change": {
        const { key, strategy, ...spec } = message.schedulingClass;
        return this.#schedule({
          type: "demand_changed",
          owner: from,
          jobId: JOB_ID,
          classKey: key,
          spec: {
            ...spec,
            strategy: strategy as Strategy,
            isolation: "thread",
          },
          count: message.count,
          depth: message.depth,
        });
      }
      case "lease_return":
      case "lease_block":
      case "lease_unblock":
        return this.#schedule({
          type: LEASE_EVENTS[message.type],
          leaseId: message.leaseId,
        });
      case "link_request":
        return this.#link(from, message.peer);
      case "thread_kill":
        return this.#stopThread(message.workerId, message.reason);
      default:
        return this.#receiveOfActors(from, message);
    }
  }

  #receiveOfActors(from: WorkerId, message: ToNode): void {
    switch (message.type) {
      case "actor_register":
        return this.actors.direct({
          type: "actor_registered",
          actor: message.actor,
          creator: from,
          jobId: JOB_ID,
        });
      case "actor_announce":
      case "actor_watch":
      case "actor_hold":
      case "actor_drop":
        return this.actors.direct({
          type: ACTOR_EVENTS[message.type],
          actorId: message.actorId,
          workerId: from,
        });
      case "actor_constructed":
      case "actor_exited":
        return this.actors.direct({
          type: message.type,
          actorId: message.actorId,
          incarnation: message.incarnation,
        });
      case "actor_construction_failed":
        return this.actors.direct({
          type: message.type,
          actorId: message.actorId,
          incarnation: message.incarnation,
          error: decodeError(message.error) as MantaError,
        });
      case "actor_kill":
        return this.actors.direct({
          type: "actor_killed",
          actorId: message.actorId,
          noRestart: message.noRestart,
        });
    }
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

  // -- The scheduler ---------------------------------------------------------

  #schedule(event: Uncaused<SchedulerEvent>): void {
    const cause = `${event.type}-${++this.#causeCount}`;
    for (const action of this.scheduler.handle({ ...event, cause })) {
      this.#perform(action);
    }
  }

  #perform(action: SchedulerAction): void {
    switch (action.type) {
      case "start_thread": {
        const { threadId } = action;
        this.addThread(threadId, this.#host.startThread(threadId));
        return this.#schedule({ type: "thread_started", threadId });
      }
      case "stop_thread":
        return this.#stopThread(action.threadId, "not needed any more");
      case "grant_lease":
        return this.#send(action.owner, {
          type: "lease_grant",
          classKey: action.classKey,
          leaseId: action.leaseId,
          threadId: action.threadId,
        });
      case "reclaim_lease":
        this.#send(action.owner, {
          type: "lease_reclaim",
          leaseId: action.leaseId,
        });
        if (!action.unanswered) return;
        return this.#send(action.unanswered, {
          type: "lease_unanswered",
          leaseId: action.leaseId,
        });
      case "revoke_lease":
        if (action.reason === "thread_ended") return;
        return this.#send(action.threadId, {
          type: "lease_over",
          leaseId: action.leaseId,
          error: encodeError(new MantaError("The lease is over")),
        });
      case "place_actor":
        return this.actors.direct({
          type: "actor_placed",
          actorId: action.actorId,
          threadId: action.threadId,
        });
      case "warn_infeasible":
        return;
      default:
        throw new Error(`Nothing here should lead to ${action.type}`);
    }
  }
}

const LEASE_EVENTS = {
  lease_return: "lease_returned",
  lease_block: "lease_blocked",
  lease_unblock: "lease_unblocked",
} as const;

const ACTOR_EVENTS = {
  actor_announce: "actor_announced",
  actor_watch: "actor_watched",
  actor_hold: "actor_held",
  actor_drop: "actor_dropped",
} as const;

/** How a thread gets its end of a link. */
export interface SimLinkOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly end: SimLink;
}

function opened(peer: WorkerId, end: SimLink): LinkMessage {
  return { type: "link_opened", peer, end } as SimLinkOpened;
}
