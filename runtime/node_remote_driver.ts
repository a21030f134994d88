// A driver in another process, as its node has it: what it says first, its
// link as the node's other peers have one, and the relays between its streams
// and the rings of the threads that it speaks with.

import { ProtocolError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import type { NodeCode } from "./node_code.ts";
import type { NodePeer } from "./node_peers.ts";
import { isProcessAlive } from "./platform/process_life.ts";
import {
  type CodePut,
  type DriverHello,
  type DriverWelcome,
  type ObserverHello,
  readHello,
  type StreamOpened,
  type StreamsAwaited,
} from "./protocol/driver_messages.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import type { LinkMessage, LinkReceiver } from "./transport/link.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import type { RemoteSession } from "./transport/remote_session.ts";
import type { RingLinkEnd } from "./transport/ring_link.ts";
import { RingRelay } from "./transport/ring_relay.ts";

/** What the gateway does for one connection. */
export interface RemoteDriverPorts {
  readonly mailbox: Mailbox;
  readonly code: NodeCode;
  /** Somebody has said who it is; throws what ends the connection. */
  joined(driver: RemoteDriver, hello: DriverHello | ObserverHello): void;
}

/** See the head of the file. */
export class RemoteDriver {
  readonly session: RemoteSession;
  readonly control: RemoteLink;
  /** How the node reaches it, as all who are linked to it. */
  readonly peer: NodePeer;
  /** Set once it has joined. */
  workerId: WorkerId | undefined;
  readonly #link: RemoteLink;
  readonly #ports: RemoteDriverPorts;
  readonly #relays = new Map<WorkerId, readonly [RingRelay, number]>();
  #receiver: LinkReceiver | undefined;

  constructor(session: RemoteSession, ports: RemoteDriverPorts) {
    this.session = session;
    this.#ports = ports;
    this.#link = new RemoteLink(session.streams, 0);
    this.control = new RemoteLink(session.streams, 1);
    this.#link.start({
      receive: (message) => this.#receive(message),
      closed: () => {},
    });
    this.peer = {
      link: this.#peerLink(),
      mailbox: ports.mailbox.buffer,
      memory: "none",
      open: (peer, end) => this.#openPeer(peer, end),
    };
  }

  /** The driver is let in. */
  welcome(message: DriverWelcome, hello: DriverHello): void {
    this.session.peerLives = () => isProcessAlive(hello.home);
    this.workerId = hello.workerId;
    this.#send(message);
  }

  #send(message: LinkMessage): void {
    this.#link.send(message);
    this.#link.flush();
  }

  // -- What comes ------------------------------------------------------------

  /** Nothing that a driver says may hurt the node: it ends its session. */
  #receive(message: LinkMessage): void {
    try {
      this.#lead(message);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      throw new ProtocolError(`Cannot answer a driver: ${error}`);
    }
  }

  #lead(message: LinkMessage): void {
    if (message.type === "code_put") return this.#keepCode(message as CodePut);
    if (this.#receiver) return this.#receiver.receive(message);
    this.#ports.joined(this, readHello(message));
  }

  #keepCode(message: CodePut): void {
    this.#ports.code.keep(message).then((answer) => this.#send(answer));
  }

  // -- As a peer of the node -------------------------------------------------

  #peerLink(): NodePeer["link"] {
    const link = this.#link;
    return {
      get backlogBytes() {
        return link.backlogBytes;
      },
      start: (receiver) => this.#receiver = receiver,
      send: (message) => this.#sendNews(message as FromNode),
      sendShared: (message) => link.sendShared(message),
      flush: () => link.flush(),
      drain: () => {},
      close: () => link.close(),
    };
  }

  /** What a thread has said comes before what is said of its end. */
  #sendNews(message: FromNode): void {
    const streams: StreamsAwaited["streams"][number][] = [];
    if (message.type === "worker_ended") {
      const [relay, stream] = this.#relays.get(message.workerId) ?? [];
      if (relay) streams.push([stream!, relay.sendAll()]);
      relay?.close();
      this.#relays.delete(message.workerId);
    } else if (message.type === "actor_state" && message.state !== "ALIVE") {
      for (const [relay, stream] of this.#relays.values()) {
        streams.push([stream, relay.sendAll()]);
      }
    }
    if (streams.length > 0) {
      const awaited: StreamsAwaited = { type: "streams_awaited", streams };
      this.#link.send(awaited);
    }
    this.#link.send(message);
  }

  /** Its end of a link to a thread: a ring here, a stream from here on. */
  #openPeer(peer: WorkerId, end: RingLinkEnd): void {
    const { streams } = this.session;
    const stream = streams.nextNumber();
    const relay = new RingRelay(end, this.#ports.mailbox, streams, { stream });
    this.#relays.set(peer, [relay, stream]);
    const opened: StreamOpened = { type: "link_opened", peer, stream };
    this.#link.send(opened);
    this.#link.flush();
  }
}
