// The main thread of a child process: passes on what the node and the one
// executor thread say, and relays the streams of its peers to rings, so that
// the executor is like any other. It runs no user code, so that it hears at
// once when the node is gone, and ends the process.

import { systemClock, systemTimers } from "./base/clock.ts";
import { GOODBYE_MS_MAX } from "./base/limits.ts";
import {
  CHILD_STREAM,
  type ChildStart,
  type FromChild,
  type MemoryLimit,
  NODE_STREAM,
  type ToChild,
} from "./child_messages.ts";
import { HeldNews } from "./held_news.ts";
import type { ExecutorStart } from "./host_messages.ts";
import { MemoryWatch } from "./memory_watch.ts";
import type { LinkOpened } from "./node_peers.ts";
import type { Channel } from "./platform/channel.ts";
import type { Platform, PlatformThread } from "./platform/platform.ts";
import type { StreamOpened } from "./protocol/driver_messages.ts";
import type { LinkMessage } from "./transport/link.ts";
import { Mailbox, newMailboxBuffer } from "./transport/mailbox.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import { RemoteSession } from "./transport/remote_session.ts";
import {
  newRingLinkEnds,
  RingLink,
  type RingLinkEnd,
} from "./transport/ring_link.ts";
import { RingRelay } from "./transport/ring_relay.ts";

/** What a child process gives to its bridge. */
export interface ChildBridgeSetup {
  readonly platform: Platform;
  readonly channel: Channel;
  /** The entry of the executor's thread. */
  readonly executorUrl: string;
  /** Ends the process at once. */
  die(): void;
}

/** How often it looks whether what was sent has arrived. */
const SETTLED_EVERY_MS = 1;

/** See the head of the file. */
export class ChildBridge {
  readonly #setup: ChildBridgeSetup;
  readonly #session: RemoteSession;
  readonly #node: RemoteLink;
  readonly #bridge: RemoteLink;
  readonly #news = new HeldNews((message) => this.#deliver(message));
  readonly #executor: PlatformThread;
  readonly #executorMailbox = newMailboxBuffer();
  readonly #mailbox = new Mailbox();
  /** To the executor. */
  readonly #link: RingLink;
  /** The executor's end of it. */
  readonly #linkEnd: RingLinkEnd;
  readonly #relays = new Set<RingRelay>();
  readonly #memory: MemoryWatch;
  /** For the executor's calls to the node. */
  readonly #control = new MessageChannel();

  constructor(setup: ChildBridgeSetup) {
    this.#setup = setup;
    this.#memory = new MemoryWatch((exceeded) =>
      this.#tell({ type: "memory_exceeded", ...exceeded })
    );
    this.#mailbox.onMail = () => this.#turn();
    this.#executor = this.#startThread();
    this.#session = new RemoteSession({
      epoch: 1,
      isNumbering: false,
      clock: systemClock,
      timers: systemTimers,
      onReceived: () => this.#turn(),
      onDetached: () => setup.die(),
      onEnded: () => setup.die(),
    });
    this.#session.peerLives = () => true;
    const { streams } = this.#session;
    this.#node = new RemoteLink(streams, NODE_STREAM);
    this.#bridge = new RemoteLink(streams, CHILD_STREAM);
    const shared = new MessageChannel();
    const [near, far] = this.#newRings();
    this.#link = new RingLink({ ...near, port: shared.port1 }, this.#mailbox);
    this.#linkEnd = { ...far, port: shared.port2 };
    this.#startLinks();
    this.#session.attach(setup.channel);
    this.#turn();
  }

  #startThread(): PlatformThread {
    const { platform, executorUrl } = this.#setup;
    return platform.startThread(executorUrl, {
      name: "manta-executor",
      onMessage: (message) => this.#memory.limit(message as MemoryLimit),
      onEnded: (reason) =>
        this.#executorEnded(
          reason.type === "crashed" ? reason.message : reason.type,
        ),
    });
  }

  #startLinks(): void {
    const closed = () => {};
    this.#link.start({
      receive: (message) => this.#fromExecutor(message),
      closed,
    });
    this.#node.start({
      receive: (message) => this.#news.take(message),
      closed,
    });
    this.#bridge.start({
      receive: (message) => this.#fromNode(message as ToChild),
      closed,
    });
    this.#control.port1.onmessage = ({ data: message }) => {
      // What the executor said before it asked comes first.
      this.#turn();
      this.#tell({ type: "control_message", message });
    };
  }

  #turn(): void {
    do {
      this.#mailbox.unpark();
      this.#mailbox.poll();
      this.#news.release();
      this.#node.flush();
      this.#link.flush();
    } while (!this.#mailbox.park());
  }

  #tell(message: FromChild): void {
    this.#bridge.send(message);
    this.#bridge.flush();
  }

  // -- What the node says ----------------------------------------------------

  #fromNode(message: ToChild): void {
    if (message.type === "child_start") return this.#startExecutor(message);
    this.#control.port1.postMessage(message.message);
  }

  #deliver(message: LinkMessage): void {
    if (message.type === "link_opened") this.#open(message as StreamOpened);
    else this.#link.send(message);
  }

  #startExecutor({ type: _, ...home }: ChildStart): void {
    const start: ExecutorStart = {
      type: "executor_start",
      ...home,
      mailbox: this.#executorMailbox,
      nodeLink: this.#linkEnd,
      control: this.#control.port2,
      isChild: true,
    };
    this.#executor.post(start, [this.#linkEnd.port!, this.#control.port2]);
  }

  /** The node has made a link to a peer: a stream here, a ring from here on. */
  #open({ peer, stream }: StreamOpened): void {
    const [near, far] = this.#newRings();
    const { streams } = this.#session;
    const relay = new RingRelay(near, this.#mailbox, streams, {
      stream,
      onClosed: () => this.#relays.delete(relay),
    });
    this.#relays.add(relay);
    this.#news.opened(stream, relay);
    const opened: LinkOpened = { type: "link_opened", peer, end: far };
    this.#link.sendShared(opened as LinkMessage);
  }

  #newRings(): [RingLinkEnd, RingLinkEnd] {
    const { buffer } = this.#mailbox;
    return newRingLinkEnds(buffer, this.#executorMailbox, { hasClaims: false });
  }

  // -- What the executor says ------------------------------------------------

  #fromExecutor(message: LinkMessage): void {
    if (message.type !== "thread_exiting") return this.#node.send(message);
    // The node ends the process then: what peers were told goes before.
    this.#whenSettled(() => {
      this.#node.send(message);
      this.#node.flush();
    });
  }

  #whenSettled(callback: () => void): void {
    for (const relay of this.#relays) relay.sendAll();
    this.#node.flush();
    const untilMs = systemClock.nowMs() + GOODBYE_MS_MAX;
    const look = () => {
      const isLate = systemClock.nowMs() > untilMs;
      if (this.#session.isSettled || isLate) callback();
      else systemTimers.after(SETTLED_EVERY_MS, look);
    };
    look();
  }

  async #executorEnded(reason: string): Promise<void> {
    this.#turn();
    this.#tell({ type: "executor_ended", reason });
    await this.#session.leave();
    this.#setup.die();
  }
}
