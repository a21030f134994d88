// The main thread of a child process: relays the streams of the node to the
// rings of the one executor thread, which is like any other. It runs no user
// code, so that it hears at once when the node is gone, and ends the process.

import type { WorkerId } from "./base/ids.ts";
import { systemClock, systemTimers } from "./base/clock.ts";
import {
  CHILD_STREAM,
  type ChildStart,
  type FromChild,
  type MemoryLimit,
  NODE_STREAM,
  type ToChild,
} from "./child_messages.ts";
import type { ExecutorStart } from "./host_messages.ts";
import { MemoryWatch } from "./memory_watch.ts";
import type { LinkOpened } from "./node_peers.ts";
import type { Channel } from "./platform/channel.ts";
import type { Platform, PlatformThread } from "./platform/platform.ts";
import { Mailbox, newMailboxBuffer } from "./transport/mailbox.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import { RemoteSession } from "./transport/remote_session.ts";
import { newRingLinkEnds, type RingLinkEnd } from "./transport/ring_link.ts";
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

/** See the head of the file. */
export class ChildBridge {
  readonly #setup: ChildBridgeSetup;
  readonly #session: RemoteSession;
  readonly #node: RemoteLink;
  readonly #executor: PlatformThread;
  readonly #executorMailbox = newMailboxBuffer();
  readonly #mailbox = new Mailbox();
  readonly #memory: MemoryWatch;
  /** The executor's end of its link to the node. */
  readonly #nodeEnd: RingLinkEnd;
  /** To the executor: memory that is shared with it. */
  readonly #shared = new MessageChannel();
  /** For the executor's calls to the node. */
  readonly #control = new MessageChannel();

  constructor(setup: ChildBridgeSetup) {
    this.#setup = setup;
    this.#memory = new MemoryWatch((exceeded) =>
      this.#tell({ type: "memory_exceeded", ...exceeded })
    );
    this.#mailbox.onMail = () => this.#turn();
    this.#executor = setup.platform.startThread(setup.executorUrl, {
      name: "manta-executor",
      onMessage: (message) => this.#memory.limit(message as MemoryLimit),
      onEnded: (reason) =>
        this.#executorEnded(
          reason.type === "crashed" ? reason.message : reason.type,
        ),
    });
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
    this.#node = new RemoteLink(this.#session.streams, CHILD_STREAM);
    this.#node.start({
      receive: (message) => this.#fromNode(message as ToChild),
      closed: () => {},
    });
    this.#control.port1.onmessage = ({ data: message }) => {
      // What the executor said before it asked comes first.
      this.#turn();
      this.#tell({ type: "control_message", message });
    };
    // With its stream there before anything can come.
    this.#nodeEnd = this.#newRelay(NODE_STREAM);
    this.#session.attach(setup.channel);
    this.#turn();
  }

  #turn(): void {
    do {
      this.#mailbox.unpark();
      this.#mailbox.poll();
    } while (!this.#mailbox.park());
  }

  #tell(message: FromChild): void {
    this.#node.send(message);
    this.#node.flush();
  }

  #fromNode(message: ToChild): void {
    switch (message.type) {
      case "child_start":
        return this.#startExecutor(message);
      case "peer_opened":
        return this.#open(message.peer, message.stream);
      case "control_message":
        return this.#control.port1.postMessage(message.message);
    }
  }

  #startExecutor({ type: _, ...home }: ChildStart): void {
    const start: ExecutorStart = {
      type: "executor_start",
      ...home,
      mailbox: this.#executorMailbox,
      nodeLink: { ...this.#nodeEnd, port: this.#shared.port2 },
      control: this.#control.port2,
      isChild: true,
    };
    this.#executor.post(start, [this.#shared.port2, this.#control.port2]);
  }

  #open(peer: WorkerId, stream: number): void {
    const end = this.#newRelay(stream);
    const opened: LinkOpened = { type: "link_opened", peer, end };
    this.#shared.port1.postMessage(opened);
  }

  /** Relays a stream to a ring; gives the executor's end of it. */
  #newRelay(stream: number): RingLinkEnd {
    const [near, far] = newRingLinkEnds(
      ...[this.#mailbox.buffer, this.#executorMailbox] as const,
      { hasClaims: false },
    );
    new RingRelay(near, this.#mailbox, this.#session.streams, { stream });
    return far;
  }

  async #executorEnded(reason: string): Promise<void> {
    this.#turn();
    this.#tell({ type: "executor_ended", reason });
    await this.#session.leave();
    this.#setup.die();
  }
}
