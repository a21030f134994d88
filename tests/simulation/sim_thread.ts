// A thread of a simulated cluster: a real owner, and in executors a real
// executor, wired as `runtime/thread_session.ts` and `executor_session.ts`
// wire them, without threads, time or a garbage collector of their own.

import { MantaError, TaskError } from "../../runtime/base/errors.ts";
import type { ActorId, WorkerId } from "../../runtime/base/ids.ts";
import { constructActor } from "../../runtime/executor/actor_host.ts";
import { Executor } from "../../runtime/executor/executor.ts";
import type { ExecutorPorts } from "../../runtime/executor/ports.ts";
import type { TaskRun } from "../../runtime/executor/task_run.ts";
import { isFromStore } from "../../runtime/object_store/messages.ts";
import { StoreClient } from "../../runtime/object_store/store_client.ts";
import { ObjectRef } from "../../runtime/owner/object_ref.ts";
import { Owner } from "../../runtime/owner/owner.ts";
import type {
  ActorPin,
  Encoded,
  OwnerPeer,
  OwnerPorts,
} from "../../runtime/owner/ports.ts";
import type { TaskRecord } from "../../runtime/owner/task_record.ts";
import { Reading, type WaitScope } from "../../runtime/owner/waiting.ts";
import type {
  ObjectKey,
  PeerMessage,
} from "../../runtime/protocol/messages.ts";
import type {
  FromNode,
  ToNode,
  WireClass,
} from "../../runtime/protocol/node_messages.ts";
import { FROM_PEER } from "../../runtime/protocol/peer_message_shapes.ts";
import type { WireError } from "../../runtime/protocol/wire_error.ts";
import { SessionCodec } from "../../runtime/session_codec.ts";
import type { Link, LinkMessage } from "../../runtime/transport/link.ts";
import { newLoopbackLinks } from "../../runtime/transport/loopback_link.ts";
import { Peers } from "../../runtime/transport/peers.ts";
import { TEST_NODE } from "../support/store_kit.ts";
import { RefCollector, ViewCollector } from "./sim_collector.ts";
import type { SimLink } from "./sim_network.ts";
import type { SimLinkOpened } from "./sim_node.ts";
import type { SimRing } from "./sim_ring.ts";

const EXECUTOR_MESSAGES: ReadonlySet<string> = new Set([
  "template_define",
  "task_push",
  "task_cancel",
  "stream_consumed",
  "results_taken",
]);

/** Steps for which what was decoded is taken to be on somebody's stack. */
const STACK_STEPS = 4;

/** What a thread asks of its world. */
export interface SimSurroundings {
  nowMs(): number;
  /** How many steps the world has made. */
  steps(): number;
  after(delayMs: number, callback: () => void): () => void;
  loadCode(thread: SimThread, hash: string): Promise<unknown>;
  /** An executor tells the outcome of a task or call. */
  told(owner: WorkerId, number: number, error?: WireError): void;
}

/** What one piece of user code holds while it runs. */
export class Frame {
  readonly held = new Set<object>();
}

/** A hold on an actor, as values contain it. */
export class SimHold implements ActorPin {
  readonly actorId: ActorId;
  pins = 0;

  constructor(actorId: ActorId) {
    this.actorId = actorId;
  }

  pin(): void {
    this.pins++;
  }

  unpin(): void {
    this.pins--;
  }
}

/** A handle as user code has it. */
export class SimHandle {
  readonly hold: SimHold;

  constructor(hold: SimHold) {
    this.hold = hold;
  }
}

/** See the head of the file. */
export class SimThread {
  readonly id: WorkerId;
  readonly owner: Owner;
  readonly reading: Reading;
  readonly store: StoreClient;
  readonly codec: SessionCodec;
  readonly executor: Executor | undefined;
  readonly collector = new RefCollector();
  /** Frames of user code, drivers' included. */
  readonly frames = new Set<Frame>();
  readonly tasks = new Set<TaskRecord>();
  /** Objects of this thread that it has written itself. */
  readonly written = new Set<number>();
  /** The run that calls user code at this moment. */
  current: TaskRun | undefined;
  alive = true;
  templateCount = 0;
  readonly #world: SimSurroundings;
  readonly #node: SimLink;
  readonly #peers: Peers;
  readonly #ownerPeers = new Map<WorkerId, OwnerPeer>();
  readonly #links: SimRing[] = [];
  readonly #views = new ViewCollector();
  readonly #holds = new Map<ActorId, SimHold>();
  readonly #runFrames = new Map<TaskRun, Frame>();
  /** What was decoded and is on its way to user code, and since when. */
  readonly #stack = new Map<object, number>();
  readonly #pinCounts = new Map<object, number>();
  #loopback: Link | undefined;
  #turnScheduled = false;

  constructor(
    id: WorkerId,
    world: SimSurroundings,
    node: SimLink,
    isDriver: boolean,
  ) {
    this.id = id;
    this.#world = world;
    this.#node = node;
    this.#peers = new Peers((peer) => this.#requestLink(peer));
    this.codec = this.#newCodec();
    this.store = new StoreClient({
      identity: { workerId: id, nodeId: TEST_NODE },
      send: (message) => this.sendNode(message as unknown as ToNode),
      collector: this.#views,
      collectGarbage: () => {},
    });
    this.owner = new Owner(this.#ownerPorts());
    this.reading = new Reading({
      references: this.owner.references,
      codec: this.codec,
      store: this.store,
      timers: { after: (ms, callback) => this.#after(ms, callback) },
    });
    if (!isDriver) this.executor = new Executor(this.#executorPorts());
    node.start({
      receive: (message) => this.#fromNode(message),
      closed: () => {},
    });
  }

  /** The thread is gone, with all that it was about to send. */
  kill(): void {
    this.alive = false;
    this.#node.kill();
    for (const link of this.#links) link.kill();
  }

  // -- Turns -----------------------------------------------------------------

  schedule(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    queueMicrotask(() => {
      this.#turnScheduled = false;
      this.turn();
    });
  }

  turn(): void {
    if (!this.alive) return;
    this.executor?.begin();
    this.executor?.results.collect();
    this.flush();
  }

  flush(): void {
    if (!this.alive) return;
    this.owner.flush();
    this.#node.flush();
    this.#peers.flush();
  }

  sendNode(message: ToNode): void {
    if (!this.alive) return;
    this.#node.send(message);
    this.schedule();
  }

  send(peer: WorkerId, message: PeerMessage): void {
    if (this.alive) this.#peers.get(peer).send(message);
  }

  #after(delayMs: number, callback: () => void): () => void {
    return this.#world.after(delayMs, () => {
      if (this.alive) callback();
    });
  }

  // -- What user code does ---------------------------------------------------

  /** How `get` waits here: a task gives its CPU back meanwhile. */
  scope(run: TaskRun | undefined): WaitScope {
    const { executor } = this;
    return {
      before: () => this.flush(),
      begin: () => {
        if (run) executor!.waitBegun(run);
      },
      end: () => {
        if (run) executor!.waitEnded(run);
      },
      get signal() {
        return run?.signal;
      },
    };
  }

  /** The frame of a run that is under way. */
  frameOf(run: TaskRun): Frame {
    let frame = this.#runFrames.get(run);
    if (!frame) {
      frame = new Frame();
      this.#runFrames.set(run, frame);
      this.frames.add(frame);
    }
    return frame;
  }

  handle(actorId: ActorId, isNew = false): SimHandle {
    const hold = this.#hold(actorId, isNew);
    const channel = this.owner.channel(actorId);
    if (!channel.watched) {
      channel.watched = true;
      const type = isNew ? "actor_announce" : "actor_watch";
      this.sendNode({ type, actorId });
    }
    return new SimHandle(hold);
  }

  #hold(actorId: ActorId, isNew = false): SimHold {
    let hold = this.#holds.get(actorId);
    if (!hold) {
      hold = new SimHold(actorId);
      this.#holds.set(actorId, hold);
      if (!isNew) this.sendNode({ type: "actor_hold", actorId });
    }
    this.#stack.set(hold, this.#world.steps());
    return hold;
  }

  /** Refs that are borrowed or lent, and holds: what must go in the end. */
  leftovers(): Record<string, number> {
    return {
      tasks: this.owner.taskCount,
      lineage: this.owner.lineageCount,
      lent: this.owner.references.lentCount,
      watched: this.collector.watched.size,
      holds: this.#holds.size,
      pinned: this.#pinCounts.size,
      idle: (this.executor?.isIdle ?? true) ? 0 : 1,
      ...this.store.counts(),
    };
  }

  // -- Garbage collection ----------------------------------------------------

  /** Collects what nothing reaches; `isLate` keeps the news for later. */
  sweep(isLate: boolean): void {
    if (!this.alive) return;
    const roots = this.#roots();
    this.#views.sweep();
    this.collector.sweep((ref) =>
      roots.has(ref) || ref.pins > 0 || ref.waiters !== undefined ||
      // Who is to settle an own ref has it, and nobody else may.
      ref.state === "pending" && ref.ownerId === this.id ||
      this.owner.references.find(ref.number) === ref
    );
    for (const object of this.collector.contained()) roots.add(object);
    for (const [actorId, hold] of this.#holds) {
      if (roots.has(hold) || hold.pins > 0) continue;
      this.#holds.delete(actorId);
      this.owner.forgetChannel(actorId);
      this.sendNode({ type: "actor_drop", actorId });
    }
    if (isLate) return;
    this.collector.finalize((collected) =>
      this.owner.references.collected(collected)
    );
  }

  #roots(): Set<object> {
    const roots = new Set<object>(this.#pinCounts.keys());
    for (const [run, frame] of this.#runFrames) {
      if (run.ended) this.#endFrame(run, frame);
    }
    for (const frame of this.frames) frame.held.forEach((o) => roots.add(o));
    for (const actor of this.executor?.actors.values() ?? []) {
      const { kept } = (actor.instance ?? {}) as { kept?: Iterable<object> };
      for (const object of kept ?? []) roots.add(object);
    }
    for (const task of this.tasks) {
      if (task.status === "ended") this.tasks.delete(task);
      for (const ref of task.refs) roots.add(ref);
      for (const object of task.contained ?? []) roots.add(object);
    }
    this.#sweepStack(roots);
    // Sources of what is not acknowledged are inside; all count as such.
    if (!this.owner.references.allAcknowledged) {
      for (const ref of this.collector.watched.keys()) roots.add(ref);
    }
    return roots;
  }

  #sweepStack(roots: Set<object>): void {
    const isIdle = this.executor?.isIdle ?? true;
    const now = this.#world.steps();
    for (const [object, since] of this.#stack) {
      if (isIdle && now - since > STACK_STEPS) this.#stack.delete(object);
      else roots.add(object);
    }
  }

  #endFrame(run: TaskRun, frame: Frame): void {
    this.#runFrames.delete(run);
    this.frames.delete(frame);
  }

  // -- Messages --------------------------------------------------------------

  #fromNode(message: LinkMessage): void {
    this.schedule();
    if (isFromStore(message)) return this.store.receive(message);
    const known = message as FromNode | SimLinkOpened;
    switch (known.type) {
      case "link_opened":
        return this.#linkOpened(known);
      case "lease_grant":
        return this.owner.leaseGranted(
          known.classKey,
          known.leaseId,
          known.threadId,
        );
      case "lease_reclaim":
        return this.owner.leaseReclaimed(known.leaseId);
      case "lease_revoke":
        return this.owner.leaseRevoked(known.leaseId, known.error);
      case "demand_fail":
        return this.owner.demandFailed(known.classKey, known.error);
      case "actor_registered":
        if (!known.error) return;
        return this.owner.channel(known.actorId).gone(known.error);
      case "actor_state": {
        const thread = this.owner.threadOfActor(known.actorId);
        if (thread) this.#peers.find(thread)?.link?.drain();
        return this.owner.actorChanged(known, this.#holds.has(known.actorId));
      }
      case "objects_lost":
        return this.owner.objectsLost(known.numbers, known.reason);
      case "worker_ended":
        this.#peers.ended(known.workerId);
        this.owner.workerEnded(known.workerId, known.reason);
        this.executor?.ownerEnded(known.workerId);
        return;
      default:
        return this.#toExecutor(known);
    }
  }

  #toExecutor(message: FromNode): void {
    const { executor } = this;
    if (!executor) return;
    switch (message.type) {
      case "actor_start":
        return constructActor(message, executor, this.#executorPorts());
      case "actor_retire":
        return executor.retireActor(message.actorId);
      case "actor_stop":
        return executor.dropActor(message.actorId);
      case "lease_over":
        return executor.leaseOver(message.leaseId, new Error("Over"));
    }
  }

  #fromPeer(peer: WorkerId, message: PeerMessage): void {
    if (EXECUTOR_MESSAGES.has(message.type)) {
      this.executor?.receive(peer, message);
    } else {
      this.owner.receive(peer, message);
    }
  }

  #requestLink(id: WorkerId): void {
    if (id !== this.id) {
      return this.sendNode({ type: "link_request", peer: id });
    }
    const [near, far] = newLoopbackLinks(() => this.schedule());
    const receive = (message: LinkMessage) => {
      if (this.alive) this.#fromPeer(id, message as PeerMessage);
    };
    near.start({ receive, closed: () => {} });
    far.start({ receive, closed: () => {} });
    queueMicrotask(() => {
      this.#loopback = far;
      this.#peers.opened(id, near);
      this.schedule();
    });
  }

  #linkFrom(id: WorkerId): Link | undefined {
    return id === this.id ? this.#loopback : this.#peers.find(id)?.link;
  }

  #linkOpened({ peer, end }: SimLinkOpened): void {
    this.#links.push(end);
    this.#peers.opened(peer, end);
    end.start({
      receive: end.isForeign
        ? (message) => this.#fromPeer(peer, FROM_PEER.read(message))
        : (message) => this.#fromPeer(peer, message as PeerMessage),
      closed: () => {},
      broken: (error) => {
        throw error;
      },
    });
    this.schedule();
  }

  // -- Ports -----------------------------------------------------------------

  #newCodec(): SessionCodec {
    return new SessionCodec({
      ref: {
        write: (object) =>
          object instanceof ObjectRef
            ? { value: [object.ownerId, object.number], holds: object }
            : undefined,
        read: (value, source) => {
          const { references } = this.owner;
          const ref = references.importRef(value as ObjectKey, { source });
          this.#stack.set(ref, this.#world.steps());
          return ref;
        },
      },
      actor: {
        write: (object) =>
          object instanceof SimHandle
            ? { value: object.hold.actorId, holds: object.hold }
            : undefined,
        read: (value) => this.handle(value as ActorId),
      },
    });
  }

  #write(
    owner: WorkerId,
    number: number,
    { sizeBytes, layOut }: Pick<Encoded, "sizeBytes" | "layOut">,
  ): Promise<void> {
    if (owner === this.id) this.written.add(number);
    const copy = new Uint8Array(sizeBytes);
    layOut(copy);
    return this.store.create(owner, number, sizeBytes).then((writable) => {
      using target = writable;
      target.bytes.set(copy);
      target.seal();
    });
  }

  #ownerPorts(): OwnerPorts {
    return {
      workerId: this.id,
      peer: (id) => this.#ownerPeer(id),
      node: {
        demand: ({ key, resources, strategy }, count) =>
          this.sendNode({
            type: "demand_change",
            schedulingClass: { key, resources, strategy } as WireClass,
            count,
            depth: this.executor ? 1 : 0,
          }),
        returnLease: (leaseId) =>
          this.sendNode({ type: "lease_return", leaseId }),
        killThread: (workerId, reason) =>
          this.sendNode({ type: "thread_kill", workerId, reason }),
      },
      store: {
        write: (owner, number, encoded) => this.#write(owner, number, encoded),
        open: (owner, number) => this.store.open(owner, number),
        free: (owner, number) => this.store.free(owner, number),
      },
      codec: this.codec,
      collector: this.collector,
      timers: { after: (ms, callback) => this.#after(ms, callback) },
      nowMs: () => this.#world.nowMs(),
      scheduleFlush: () => this.schedule(),
      holdActor: (actorId) => this.#hold(actorId),
      reportUnseen: () => {},
    };
  }

  #ownerPeer(id: WorkerId): OwnerPeer {
    let known = this.#ownerPeers.get(id);
    if (!known) {
      const peer = this.#peers.get(id);
      known = {
        id,
        get closed() {
          return peer.closed;
        },
        get claims() {
          return peer.link?.pushed;
        },
        send: (message) => peer.send(message),
        whenOpen: (callback) => peer.whenOpen(callback),
      };
      this.#ownerPeers.set(id, known);
    }
    return known;
  }

  #executorPorts(): ExecutorPorts {
    const { references } = this.owner;
    return {
      workerId: this.id,
      send: (owner, message) => {
        this.#noteOutcome(owner, message);
        this.send(owner, message);
      },
      claim: (owner, claim) =>
        this.#linkFrom(owner)?.taken?.start(claim) ?? false,
      revoke: (owner, claim) =>
        this.#linkFrom(owner)?.taken?.revoke(claim) ?? false,
      flush: () => this.schedule(),
      flushNow: () => this.flush(),
      poll: () => {},
      codec: this.codec,
      store: {
        write: (owner, number, encoded) => this.#write(owner, number, encoded),
        open: (owner, number) => this.store.open(owner, number),
        again: (value, error, run) =>
          this.reading.again(value, error, this.scope(run)),
      },
      node: this.#executorNode(),
      loadCode: (code) => this.#world.loadCode(this, code.hash),
      runAs: (run, work) => {
        this.current = run;
        try {
          return work();
        } finally {
          this.current = undefined;
        }
      },
      constructAs: (_actor, work) => work(),
      whenAcknowledged: (callback) => references.whenAcknowledged(callback),
      allAcknowledged: () => references.allAcknowledged,
      pin: (contained) => {
        this.#countPins(contained, 1);
        references.pin(contained);
      },
      unpin: (contained) => {
        this.#countPins(contained, -1);
        references.unpin(contained);
      },
      cancelChildren: (run) => this.owner.cancelChildren(run),
      taskError: ({ template }, error) => taskError(template.spec.name, error),
      actorError: ({ className }, error) => taskError(className, error),
      ended: (run) => {
        const frame = this.#runFrames.get(run);
        if (frame) this.#endFrame(run, frame);
      },
      nowMs: () => this.#world.nowMs(),
    };
  }

  #executorNode(): ExecutorPorts["node"] {
    return {
      blockLease: (leaseId) => this.sendNode({ type: "lease_block", leaseId }),
      unblockLease: (leaseId) =>
        this.sendNode({ type: "lease_unblock", leaseId }),
      leaveLease: (leaseId) => this.sendNode({ type: "lease_left", leaseId }),
      actorConstructed: ({ actorId, incarnation }) =>
        this.sendNode({ type: "actor_constructed", actorId, incarnation }),
      actorConstructionFailed: ({ actorId, incarnation }, error) => {
        const type = "actor_construction_failed";
        this.sendNode({ type, actorId, incarnation, error });
      },
      actorExited: ({ actorId, incarnation }) =>
        this.sendNode({ type: "actor_exited", actorId, incarnation }),
    };
  }

  #countPins(contained: readonly object[], change: number): void {
    for (const object of contained) {
      const count = (this.#pinCounts.get(object) ?? 0) + change;
      if (count === 0) this.#pinCounts.delete(object);
      else this.#pinCounts.set(object, count);
    }
  }

  #noteOutcome(owner: WorkerId, message: PeerMessage): void {
    switch (message.type) {
      case "tasks_done":
        for (const number of message.numbers) {
          this.#world.told(owner, number);
        }
        break;
      case "task_returned":
      case "stream_ended":
        this.#world.told(owner, message.number);
        break;
      case "task_failed":
        this.#world.told(owner, message.number, message.error);
        break;
    }
  }
}

function taskError(name: string, error: unknown): MantaError {
  if (error instanceof MantaError) return error;
  return new TaskError(`${name} failed: ${error}`, { cause: error });
}
