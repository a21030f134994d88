// The wiring of a node: its scheduler, store and actor directory, and the
// messages between them and the threads. It runs in a thread of its own that
// never runs user code, and does no work that is not bounded.

import * as Comlink from "comlink";
import process from "node:process";
import {
  MantaError,
  PlacementGroupRemovedError,
  WorkerDiedError,
} from "./base/errors.ts";
import {
  type LeaseId,
  newId,
  type PlacementGroupId,
  type WorkerId,
} from "./base/ids.ts";
import { LEASE_OVER_GRACE_MS, NODE_TICK_MS } from "./base/limits.ts";
import { PlacementGroups } from "./control/placement_groups.ts";
import type { ExecutorStart, NodeStart, ToHost } from "./host_messages.ts";
import { NodeActors, type Uncaused } from "./node_actors.ts";
import { spillDisk } from "./node_disk.ts";
import { gpuIdsOf } from "./node_gpus.ts";
import { nodeControl } from "./node_listings.ts";
import { NodePeers } from "./node_peers.ts";
import { isToStore } from "./object_store/messages.ts";
import { NodeStore } from "./object_store/node_store.ts";
import type { SpillFolder } from "./object_store/spill_folder.ts";
import { logFolder } from "./observe/output_log.ts";
import { Timeline } from "./observe/timeline.ts";
import { NodeOutput } from "./node_output.ts";
import type { ReturnMemory } from "./platform/platform.ts";
import type { FromNode, ToNode } from "./protocol/node_messages.ts";
import {
  decodeError,
  encodeError,
  type WireError,
} from "./protocol/wire_error.ts";
import type {
  RevokeLease,
  SchedulerAction,
  SchedulerEvent,
  Strategy,
} from "./scheduler/messages.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { infeasibleText, unschedulableError } from "./node_texts.ts";
import type { LinkMessage } from "./transport/link.ts";
import {
  Mailbox,
  type MailboxBuffer,
  newMailboxBuffer,
} from "./transport/mailbox.ts";
import { newRingLinkEnds, type RingLinkEnd } from "./transport/ring_link.ts";

/** What a node thread needs of its process. */
export interface NodeHost {
  post(message: ToHost, transfer?: Transferable[]): void;
  collectGarbage(): Promise<void>;
  readonly returnMemory: ReturnMemory | undefined;
}

/** See the head of the file. */
export class Node {
  readonly start: NodeStart;
  readonly scheduler: Scheduler;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly store: NodeStore;
  readonly timeline = new Timeline();
  readonly #host: NodeHost;
  readonly #mailbox: Mailbox;
  readonly #peers: NodePeers;
  readonly #output: NodeOutput;
  readonly #disk: SpillFolder | undefined;
  /** Why a thread that is being stopped is stopped. */
  readonly #endings = new Map<WorkerId, MantaError>();
  /** Leases that are over and whose threads have not said that they know. */
  readonly #leaving = new Map<LeaseId, ReturnType<typeof setTimeout>>();
  #ticker: ReturnType<typeof setInterval> | undefined;
  #causeCount = 0;

  constructor(start: NodeStart, host: NodeHost) {
    this.start = start;
    this.#host = host;
    this.#mailbox = new Mailbox(start.nodeMailbox);
    this.#mailbox.onMail = () => this.#turn();
    this.#peers = new NodePeers(this.#mailbox);
    this.scheduler = new Scheduler({
      nodeId: start.driver.nodeId,
      total: start.total,
      labels: start.labels,
      newThreadId: () => newId("worker"),
    });
    this.groups = new PlacementGroups();
    this.actors = new NodeActors({
      schedule: (event) => this.#schedule(event),
      send: (workerId, message) => this.#send(workerId, message),
      stopThread: (workerId, reason) => this.#stopThread(workerId, reason),
    });
    this.#disk = spillDisk(start.spillPath, (text) => this.#warn(text));
    this.store = new NodeStore({
      capacityBytes: start.storeBytes,
      send: (id, message) => this.#peers.send(id, message),
      sendShared: (id, message) => this.#peers.sendShared(id, message),
      collectGarbage: () => void host.collectGarbage(),
      after: (delayMs, callback) => void setTimeout(callback, delayMs),
      sentByItself: () => this.#peers.flush(),
      disk: this.#disk,
      returnMemory: host.returnMemory,
    });
    const { workerId, nodeId } = start.driver;
    this.#output = new NodeOutput({
      ...{ driver: workerId, nodeId },
      pid: process.pid,
      logFolder: logFolder(start.sessionPath),
      send: (to, message) => this.#send(to, message),
      unreadBytes: () => this.#peers.backlogBytes(workerId),
      after: (delayMs, callback) => {
        setTimeout(() => {
          callback();
          this.#peers.flush();
        }, delayMs);
      },
    });
    this.#addPeer(workerId, start.driverLink, start.driverMailbox);
    Comlink.expose(nodeControl(this), start.driverControl);
    this.#turn();
  }

  // -- Turns -----------------------------------------------------------------

  /** Takes in what has come, sends what follows, parks. */
  #turn(): void {
    do {
      this.#mailbox.unpark();
      this.#mailbox.poll();
      this.#peers.flush();
    } while (!this.#mailbox.park());
    this.#keepTicking();
  }

  takeIn(): void {
    this.#turn();
  }

  /** The clock runs only while something waits for time to pass. */
  #keepTicking(): void {
    const waits = this.scheduler.isWaiting() ||
      this.actors.directory.isWaiting ||
      this.store.isWaiting;
    if (!waits) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    } else if (this.#ticker === undefined) {
      this.#ticker = setInterval(() => this.#tick(), NODE_TICK_MS);
      this.#tick();
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#schedule({ type: "clock_ticked", nowMs });
    this.actors.direct({ type: "clock_ticked", nowMs });
    this.store.tick();
    this.#turn();
  }

  #send(workerId: WorkerId, message: FromNode): void {
    this.#peers.send(workerId, message);
  }

  #warn(text: string): void {
    this.#send(this.start.driver.workerId, { type: "warning", text });
  }

  #broadcast(message: LinkMessage): void {
    for (const id of this.#peers.ids) this.#peers.send(id, message);
  }

  // -- Messages of threads ---------------------------------------------------

  #receive(from: WorkerId, message: ToNode): void {
    this.#output.heard(from);
    if (isToStore(message)) return this.store.receive(from, message);
    switch (message.type) {
      case "demand_change": {
        const { key, strategy, ...spec } = message.schedulingClass;
        return this.#schedule({
          type: "demand_changed",
          owner: from,
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
        return this.#schedule({
          type: "lease_returned",
          leaseId: message.leaseId,
        });
      case "lease_block":
        return this.#schedule({
          type: "lease_blocked",
          leaseId: message.leaseId,
        });
      case "lease_unblock":
        return this.#schedule({
          type: "lease_unblocked",
          leaseId: message.leaseId,
        });
      case "lease_left":
        clearTimeout(this.#leaving.get(message.leaseId));
        return void this.#leaving.delete(message.leaseId);
      case "link_request":
        return this.#link(from, message.peer);
      case "thread_kill":
        return this.#stopThread(message.workerId, message.reason);
      case "thread_exiting":
        return this.#threadExiting(from, message.reason);
      case "output":
        return this.#output.printed(from, message.lines);
      case "output_wanted":
        return this.#output.wanted();
      case "output_given":
        return this.#output.given(from);
      case "task_events":
        return this.timeline.add(message.events);
      case "events_given":
        return this.timeline.given(from);
      default:
        return this.#receiveOfControl(from, message);
    }
  }

  /** Messages that concern actors and placement groups. */
  #receiveOfControl(from: WorkerId, message: ToNode): void {
    switch (message.type) {
      case "actor_register":
        return this.actors.direct({
          type: "actor_registered",
          actor: message.actor,
          creator: from,
        });
      case "actor_announce":
        return this.actors.direct({
          ...message,
          type: "actor_announced",
          workerId: from,
        });
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
          type: "actor_construction_failed",
          actorId: message.actorId,
          incarnation: message.incarnation,
          error: asMantaError(decodeError(message.error)),
        });
      case "actor_kill":
        return this.actors.direct({
          type: "actor_killed",
          actorId: message.actorId,
          noRestart: message.noRestart,
        });
      case "group_create":
        this.groups.create(message, from);
        return this.#schedule({
          type: "group_requested",
          groupId: message.groupId,
          bundles: message.bundles,
          strategy: message.strategy,
        });
      case "group_remove":
        return this.#removeGroup(message.groupId);
    }
  }

  #removeGroup(groupId: PlacementGroupId): void {
    this.groups.remove(groupId);
    this.#schedule({ type: "group_removed", groupId });
  }

  #link(from: WorkerId, peer: WorkerId): void {
    if (this.#peers.introduce(from, peer)) return;
    const reason = this.#endings.get(peer) ??
      new WorkerDiedError(`Cannot reach ${peer}: that thread has ended`);
    this.#send(from, {
      type: "worker_ended",
      workerId: peer,
      reason: encodeError(reason),
    });
  }

  /** Closes what the system would not close with the thread. */
  async end(): Promise<void> {
    await this.#disk?.[Symbol.asyncDispose]();
    this.#host.post({ type: "node_ended" });
  }

  /** The timeline with the latest events of all threads. */
  async trace(): Promise<unknown[]> {
    const { nodeId, workerId } = this.start.driver;
    const threads = [...this.#peers.ids].filter((id) => id !== workerId);
    const gathered = this.timeline.gather(threads, {
      ask: (id) => this.#send(id, { type: "events_wanted" }),
      after: (delayMs, callback) => void setTimeout(callback, delayMs),
    });
    this.#peers.flush();
    await gathered;
    return this.timeline.toChromeTrace(nodeId);
  }

  // -- Threads ---------------------------------------------------------------

  #addPeer(id: WorkerId, end: RingLinkEnd, mailbox: MailboxBuffer): void {
    this.store.workerStarted(id);
    this.#peers.add(
      id,
      end,
      mailbox,
      (message) => this.#receive(id, message as ToNode),
    );
  }

  #startThread(workerId: WorkerId): void {
    const mailbox = newMailboxBuffer();
    const [nodeEnd, threadEnd] = newRingLinkEnds(this.#mailbox.buffer, mailbox);
    const control = new MessageChannel();
    const shared = new MessageChannel();
    Comlink.expose(nodeControl(this), control.port1);
    this.#addPeer(workerId, { ...nodeEnd, port: shared.port1 }, mailbox);
    const start: ExecutorStart = {
      type: "executor_start",
      identity: { ...this.start.driver, workerId },
      mailbox,
      nodeLink: { ...threadEnd, port: shared.port2 },
      control: control.port2,
      driverId: this.start.driver.workerId,
      sessionPath: this.start.sessionPath,
    };
    this.#host.post({ type: "start_thread", workerId, start }, [
      shared.port2,
      control.port2,
    ]);
    // What is sent to it waits in its links until it is up.
    this.#schedule({ type: "thread_started", threadId: workerId });
  }

  #stopThread(workerId: WorkerId, reason: string): void {
    if (!this.#peers.has(workerId)) return;
    this.#endings.set(
      workerId,
      new WorkerDiedError(`Thread ${workerId} was stopped: ${reason}`),
    );
    this.#host.post({ type: "stop_thread", workerId });
  }

  #threadExiting(workerId: WorkerId, reason: WireError): void {
    this.#endings.set(workerId, asMantaError(decodeError(reason)));
    this.#host.post({ type: "stop_thread", workerId });
  }

  /** The host says that a thread is gone. */
  threadEnded(workerId: WorkerId, reason: string): void {
    if (!this.#peers.has(workerId)) return;
    // The last that it has said: it may not have seen its end coming.
    this.#mailbox.poll();
    this.#output.threadEnded(workerId);
    this.timeline.given(workerId);
    const error = this.#endings.get(workerId) ??
      new WorkerDiedError(`Thread ${workerId} ended: ${reason}`);
    this.#endings.set(workerId, error);
    this.#peers.remove(workerId);
    const ending = { workerId, reason: encodeError(error) };
    this.#broadcast({ type: "worker_ended", ...ending } as FromNode);
    this.#schedule({ type: "thread_ended", threadId: workerId });
    this.actors.direct({ type: "worker_ended", workerId, error });
    this.store.workerEnded(workerId);
    for (const groupId of this.groups.endedWith(workerId)) {
      this.#removeGroup(groupId);
    }
    this.#turn();
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
      case "start_thread":
        return this.#startThread(action.threadId);
      case "stop_thread":
        return this.#stopThread(action.threadId, "it is not needed any more");
      case "grant_lease":
        return this.#send(action.owner, {
          type: "lease_grant",
          classKey: action.classKey,
          leaseId: action.leaseId,
          threadId: action.threadId,
          ...gpuIdsOf(action.gpus),
        });
      case "reclaim_lease":
        return this.#send(action.owner, {
          type: "lease_reclaim",
          leaseId: action.leaseId,
        });
      case "revoke_lease":
        return this.#revoke(action);
      case "place_actor":
        return this.actors.direct({
          type: "actor_placed",
          actorId: action.actorId,
          threadId: action.threadId,
          ...gpuIdsOf(action.gpus),
        });
      case "fail_actor":
        return this.actors.direct({
          type: "actor_unschedulable",
          actorId: action.actorId,
          error: unschedulableError(action.reason, action.actorId),
        });
      case "fail_demand":
        return this.#send(action.owner, {
          type: "demand_fail",
          classKey: action.classKey,
          error: encodeError(unschedulableError(action.reason, "the task")),
        });
      case "warn_infeasible":
        return this.#warn(infeasibleText(action));
      case "confirm_group":
        return this.groups.created(action.groupId);
      case "fail_group":
        return this.groups.remove(action.groupId);
    }
  }

  /** A lease is over: whoever runs under it is stopped, its owner is told. */
  #revoke(action: RevokeLease): void {
    const { leaseId, owner, threadId, reason } = action;
    if (reason === "thread_ended") return;
    const error = new PlacementGroupRemovedError(
      "Cannot go on: the placement group of the task was removed",
    );
    if (reason === "group_removed") {
      this.#send(owner, {
        type: "lease_revoke",
        leaseId,
        error: encodeError(error),
      });
    }
    this.#send(threadId, {
      type: "lease_over",
      leaseId,
      error: encodeError(error),
    });
    // A thread that is too busy to notice would be given to others.
    const timer = setTimeout(() => {
      this.#leaving.delete(leaseId);
      this.#stopThread(threadId, "a task of it went on without a lease");
    }, LEASE_OVER_GRACE_MS);
    this.#leaving.set(leaseId, timer);
  }
}

const ACTOR_EVENTS = {
  actor_watch: "actor_watched",
  actor_hold: "actor_held",
  actor_drop: "actor_dropped",
} as const;

function asMantaError(error: Error): MantaError {
  return error instanceof MantaError
    ? error
    : new MantaError(error.message, { cause: error });
}
