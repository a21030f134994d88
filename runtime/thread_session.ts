// The session of one thread with user code, driver or executor: its links,
// its owner, its access to the store, and the turns in which it takes in what
// has come and sends what follows. The wiring of `owner/`, `object_store/`
// and `transport/` for such a thread.

import { setImmediate, setInterval } from "node:timers";
import { ActorHolds, type Hold } from "./actor_holds.ts";
import { CodeExchange } from "./code_exchange.ts";
import type { ActorId, WorkerId } from "./base/ids.ts";
import { ConnectionError, type MantaError } from "./base/errors.ts";
import {
  CALL_WAIT_MS_MAX,
  CALL_WATCH_US_MAX,
  CALLS_UNSENT_MAX,
  SPIN_US_MAX,
  TURN_MS_MAX,
} from "./base/limits.ts";
import type { LinkOpened } from "./node_peers.ts";
import { isFromAnyStore } from "./object_store/chunk_messages.ts";
import type { StoreAccess } from "./object_store/store_access.ts";
import { after, ownerPorts } from "./owner_ports.ts";
import { Owner } from "./owner/owner.ts";
import type { Collected, Encoded } from "./owner/ports.ts";
import { Reading, type WaitScope } from "./owner/waiting.ts";
import type { Platform } from "./platform/platform.ts";
import { Watch } from "./platform/spin.ts";
import type { StreamOpened } from "./protocol/driver_messages.ts";
import type { PeerMessage, WireCode } from "./protocol/messages.ts";
import { FROM_PEER } from "./protocol/peer_message_shapes.ts";
import type {
  FromNode,
  SessionIdentity,
  ToNode,
  WireActorInterface,
} from "./protocol/node_messages.ts";
import type { RunningTask, ThreadTasks } from "./protocol/thread_tasks.ts";
import type { WireError } from "./protocol/wire_error.ts";
import type { SessionCodec } from "./session_codec.ts";
import type { Link, LinkMessage } from "./transport/link.ts";
import { newLoopbackLinks } from "./transport/loopback_link.ts";
import { type Peer, Peers } from "./transport/peers.ts";
import { openStore, ThreadObjects } from "./thread_objects.ts";
import type { NodeLink, ThreadMail, ThreadWires } from "./thread_wires.ts";

/** What a thread session is made of. */
export interface ThreadSessionSetup {
  readonly platform: Platform;
  readonly identity: SessionIdentity;
  readonly wires: ThreadWires;
  /** How deep what this thread submits is nested; 0 for the driver. */
  depth(): number;
  makeCodec(session: ThreadSession): SessionCodec;
  reportUnseen(error: WireError): void;
}

/** The executor's side of a thread; drivers have none. */
export interface TurnWork {
  receive(peer: WorkerId, message: PeerMessage): void;
  fromNode(message: FromNode): void;
  /** Begins what can be begun and collects results to send. */
  run(): void;
  /** Tells the node of tasks that have ended; gives those that have not. */
  tellTasks(): RunningTask[];
  readonly isIdle: boolean;
}

/** Messages of peers that concern an executor; the rest is the owner's. */
const EXECUTOR_MESSAGES: ReadonlySet<string> = new Set(
  [
    "template_define",
    "task_push",
    "task_cancel",
    "stream_consumed",
    "results_taken",
  ] satisfies PeerMessage["type"][],
);

/** See the head of the file. */
export class ThreadSession {
  readonly identity: SessionIdentity;
  readonly owner: Owner;
  readonly reading: Reading;
  readonly store: StoreAccess;
  readonly codec: SessionCodec;
  readonly holds: ActorHolds;
  readonly codeExchange: CodeExchange;
  readonly control: ThreadWires["control"];
  /** Set before the first turn in a thread that runs tasks. */
  work: TurnWork | undefined;
  /** Hears what only a driver or only an executor wants to hear. */
  onNodeMessage: (message: FromNode) => void = () => {};
  readonly #setup: ThreadSessionSetup;
  readonly #mailbox: ThreadMail;
  readonly #node: NodeLink;
  readonly #peers: Peers;
  readonly #objects: ThreadObjects;
  readonly #collected: FinalizationRegistry<Collected>;
  #keepAlive: { ref(): unknown; unref(): unknown } | undefined;
  #keepers = 0;
  #unsentCalls = 0;
  #sentAtMs = 0;
  #turnScheduled = false;
  #turning = false;
  #ended = false;
  #lostBy: MantaError | undefined;
  /** Before a caller sleeps that waits for an answer. */
  readonly #waitWatch = new Watch(SPIN_US_MAX);
  /** Before an executor sleeps that has nothing to do. */
  readonly #idleWatch = new Watch(SPIN_US_MAX);
  /** The same, when the last push of a driver elsewhere was one call. */
  readonly #loneCallWatch: Watch;
  #isLoneCall = false;

  constructor(setup: ThreadSessionSetup) {
    this.#setup = setup;
    this.identity = setup.identity;
    this.#mailbox = setup.wires.mail;
    const { yieldProcessor } = setup.platform;
    this.#loneCallWatch = new Watch(CALL_WATCH_US_MAX, yieldProcessor);
    this.#mailbox.onMail = () => this.turn();
    this.#node = setup.wires.node;
    this.#peers = new Peers((id) => this.#requestLink(id));
    this.codec = setup.makeCodec(this);
    this.store = openStore(this, setup, this.#node);
    this.#objects = new ThreadObjects(this.store, setup.wires);
    this.#collected = new FinalizationRegistry((collected) => {
      if (!this.#ended) this.owner.references.collected(collected);
    });
    this.owner = new Owner(ownerPorts(this, setup, this.#collected));
    this.reading = new Reading({
      references: this.owner.references,
      codec: this.codec,
      store: {
        // Who reads waits for the store, and for nothing else meanwhile.
        open: (owner, number) => this.holdOpen(this.openObject(owner, number)),
      },
      timers: { after },
    });
    this.holds = new ActorHolds((type, actorId) => {
      if (this.#ended) return;
      if (type === "actor_drop") this.owner.forgetChannel(actorId);
      this.sendNode({ type, actorId });
    });
    this.codeExchange = new CodeExchange(this);
    this.control = setup.wires.control;
  }

  /** Begins to take messages in, once everybody is there to hear them. */
  open(): void {
    this.#node.start({
      receive: (message) => this.#fromNode(message),
      closed: () => {},
    });
    this.turn();
  }

  // -- Turns -----------------------------------------------------------------

  /** Has a turn come soon: something is to be sent or begun. */
  schedule(): void {
    if (this.#turnScheduled || this.#turning) return;
    this.#turnScheduled = true;
    queueMicrotask(() => {
      this.#turnScheduled = false;
      this.turn();
    });
  }

  /** Takes in what has come and sends what follows, until nothing is left. */
  turn(): void {
    if (this.#turning || this.#ended) return;
    this.#turning = true;
    const untilMs = performance.now() + TURN_MS_MAX;
    try {
      this.#mailbox.unpark();
      do {
        this.#mailbox.poll();
        this.work?.run();
        this.flush();
        if (performance.now() > untilMs) {
          // Timers and ports of user code want their turn, too.
          setImmediate(() => this.turn());
          return;
        }
      } while (this.#spinIfIdle() || !this.#mailbox.park());
    } finally {
      this.#turning = false;
    }
  }

  /** An idle executor watches for its next task before it parks. */
  #spinIfIdle(): boolean {
    if (!this.work?.isIdle) return false;
    const watch = this.#isLoneCall ? this.#loneCallWatch : this.#idleWatch;
    return watch.until(() => this.#mailbox.hasMail);
  }

  /** Takes in what has come, in the middle of other work. */
  poll(): void {
    if (this.#mailbox.hasMail) this.#mailbox.poll();
  }

  /**
   * A call was made. Calls travel together at the end of the turn, but not
   * behind a loop that makes many, or takes its time.
   */
  called(): void {
    const waitedMs = performance.now() - this.#sentAtMs;
    const callsMax = CALLS_UNSENT_MAX * this.owner.receiverCount;
    if (++this.#unsentCalls >= callsMax || waitedMs > CALL_WAIT_MS_MAX) {
      this.flush();
      this.#setup.wires.sendNow?.();
    }
  }

  /** Sends everything that waits to be sent. */
  flush(): void {
    this.#unsentCalls = 0;
    this.#sentAtMs = performance.now();
    this.owner.flush();
    // Output goes before the results that may end a driver.
    this.#node.flush();
    this.#peers.flush();
  }

  sendNode(message: ToNode): void {
    this.#node.send(message);
    this.schedule();
  }

  /** Sends without waiting for the turn: the thread may end or be busy. */
  sendNodeNow(message: ToNode): void {
    this.#node.send(message);
    this.#node.flush();
  }

  /** What waits because the node has not read what came before. */
  get nodeBacklogBytes(): number {
    return this.#node.backlogBytes;
  }

  sendNodeBacklog(): void {
    this.#node.sendBacklog();
  }

  /** Takes messages in, blocking, until `isOver` says so or time is up. */
  takeInUntil(isOver: () => boolean, timeoutMs: number): void {
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      this.flush();
      this.#mailbox.poll();
      const leftMs = untilMs - performance.now();
      if (isOver() || leftMs <= 0) return;
      this.#mailbox.sleep(leftMs);
    }
  }

  send(peer: WorkerId, message: PeerMessage): void {
    this.#peers.get(peer).send(message);
  }

  peer(id: WorkerId): Peer {
    return this.#peers.get(id);
  }

  /** The hold on an actor that this thread may call from now on. */
  actorHold(actorId: ActorId, shape: WireActorInterface): Hold {
    const hold = this.holds.get(actorId, shape);
    this.watchActor(actorId);
    return hold;
  }

  /** Has the node tell of the actor's state. */
  watchActor(actorId: ActorId): Hold {
    const channel = this.owner.channel(actorId);
    if (!channel.watched) {
      channel.watched = true;
      this.sendNode({ type: "actor_watch", actorId });
    }
    return this.holds.get(actorId);
  }

  /** See {@linkcode ThreadObjects}. */
  writeObject(
    owner: WorkerId,
    number: number,
    encoded: Pick<Encoded, "sizeBytes" | "layOut">,
  ): Promise<void> {
    return this.#objects.write(owner, number, encoded);
  }

  /** See {@linkcode ThreadObjects}. */
  openObject(owner: WorkerId, number: number): Promise<Uint8Array> {
    return this.#objects.open(owner, number);
  }

  /** Has the code where executors find it; they are told what is returned. */
  async sendCode(code: WireCode): Promise<WireCode> {
    return await this.#setup.wires.code?.put(code) ?? code;
  }

  /** Whether executors find the code already. */
  hasSentCode(code: WireCode): boolean {
    return this.#setup.wires.code?.has(code) ?? true;
  }

  // -- Waiting ---------------------------------------------------------------

  /** Keeps the process alive while the work is pending. */
  async holdOpen<T>(work: Promise<T>): Promise<T> {
    this.keep();
    try {
      return await work;
    } finally {
      this.letGo();
    }
  }

  keep(): void {
    if (this.#keepers++ > 0) return;
    this.#keepAlive ??= setInterval(() => {}, 2 ** 30);
    this.#keepAlive.ref();
  }

  letGo(): void {
    if (--this.#keepers === 0) this.#keepAlive?.unref();
  }

  /**
   * Before a wait: sends what waits and watches for the answer for a moment,
   * unless that has been in vain lately.
   */
  watch(isSettled: () => boolean): void {
    if (this.#turning) return;
    this.flush();
    if (!this.#setup.wires.canWatch) return;
    this.#mailbox.unpark();
    this.#waitWatch.until(() => {
      if (this.#mailbox.hasMail) this.#mailbox.poll();
      return isSettled();
    });
    if (!this.#mailbox.park()) this.schedule();
  }

  /** How a driver waits; executors add their leases to it. */
  readonly waitScope: WaitScope = {
    before: (isSettled) => this.watch(isSettled),
    begin: () => this.keep(),
    end: () => this.letGo(),
    signal: undefined,
  };

  // -- The end ---------------------------------------------------------------

  /** Stops everything; refs of this session cannot be read any more. */
  end(lostBy?: MantaError): void {
    if (this.#ended) return;
    this.owner.references.reportAllUnseen();
    this.#ended = true;
    this.#lostBy = lostBy;
    const reason = lostBy ?? new ConnectionError(
      "Cannot wait any longer: the session has ended",
    );
    this.reading.endAll(reason);
    this.owner.endStreams(this.codec.encodeError(reason));
    this.store.failAll(reason);
    this.#keepAlive?.unref();
    this.#setup.wires.end(reason);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Why it has ended, if not by its user. */
  get lostBy(): MantaError | undefined {
    return this.#lostBy;
  }

  // -- Messages --------------------------------------------------------------

  #fromNode(message: LinkMessage): void {
    if (isFromAnyStore(message)) return this.store.receive(message);
    const known = message as FromNode | LinkOpened | StreamOpened;
    switch (known.type) {
      case "link_opened":
        return this.#linkOpened(known);
      case "lease_grant": {
        const { classKey, leaseId, threadId, gpuIds } = known;
        return this.owner.leaseGranted(classKey, leaseId, threadId, gpuIds);
      }
      case "lease_reclaim":
        return this.owner.leaseReclaimed(known.leaseId);
      case "lease_revoke":
        return this.owner.leaseRevoked(known.leaseId, known.error);
      case "demand_fail":
        return this.owner.demandFailed(known.classKey, known.error);
      case "actor_state":
        this.#hearOut(this.owner.threadOfActor(known.actorId));
        this.owner.actorChanged(known, this.holds.has(known.actorId));
        return this.schedule();
      case "tasks_wanted":
        return this.#tellTasks();
      case "objects_lost":
        this.owner.objectsLost(known.numbers, known.reason);
        return this.schedule();
      case "worker_ended":
        this.#peers.ended(known.workerId);
        this.owner.workerEnded(known.workerId, known.reason);
        this.codeExchange.workerEnded(known.workerId);
        break;
    }
    this.work?.fromNode(known);
    this.onNodeMessage(known);
  }

  /** For listings: somebody asks, which is rare. */
  #tellTasks(): void {
    const running = this.work?.tellTasks() ?? [];
    const { open, openOmitted, lost } = this.owner.listTasks();
    const tasks: ThreadTasks = {
      ...{ open, openOmitted, running },
      lost: lost.map((it) => ({
        ...it,
        endedAtMs: it.endedAtMs + performance.timeOrigin,
      })),
    };
    this.sendNodeNow({ type: "tasks_given", tasks });
  }

  /** What an actor's thread has said comes before the news of its end. */
  #hearOut(thread: WorkerId | undefined): void {
    if (thread) this.#peers.find(thread)?.link?.drain();
  }

  #fromPeer(peer: WorkerId, message: PeerMessage): void {
    if (message.type === "code_wanted" || message.type === "code_found") {
      return this.codeExchange.receive(peer, message);
    }
    if (!EXECUTOR_MESSAGES.has(message.type)) {
      this.owner.receive(peer, message);
    } else this.work?.receive(peer, message);
  }

  /** Its next call comes later than one of this process would. */
  #fromForeign(peer: WorkerId, message: PeerMessage): void {
    if (message.type === "task_push") {
      this.#isLoneCall = message.numbers.length === 1;
    }
    this.#fromPeer(peer, message);
  }

  #requestLink(id: WorkerId): void {
    if (id !== this.identity.workerId) {
      return this.sendNode({ type: "link_request", peer: id });
    }
    const [near, far] = newLoopbackLinks(() => this.schedule());
    const receive = (message: LinkMessage) =>
      this.#fromPeer(id, message as PeerMessage);
    // Both roles of this thread speak over their own end.
    near.start({ receive, closed: () => {} });
    far.start({ receive, closed: () => {} });
    queueMicrotask(() => {
      this.#loopback = far;
      this.#peers.opened(id, near);
      this.schedule();
    });
  }

  /** The executor's end of this thread's link to itself. */
  #loopback: Link | undefined;

  /** The link on which a peer's pushes come, for its claims. */
  linkFrom(id: WorkerId): Link | undefined {
    return id === this.identity.workerId
      ? this.#loopback
      : this.#peers.find(id)?.link;
  }

  #linkOpened(opened: LinkOpened | StreamOpened): void {
    const { peer } = opened;
    const link = this.#setup.wires.openPeer(opened);
    this.#peers.opened(peer, link);
    link.start({
      receive: link.isForeign
        ? (message) => this.#fromForeign(peer, FROM_PEER.read(message))
        : (message) => this.#fromPeer(peer, message as PeerMessage),
      closed: () => {},
      broken: (error) =>
        this.sendNode({
          type: "peer_broken",
          peer,
          error: this.codec.encodeError(error),
        }),
    });
    this.schedule();
  }
}
