// A driver in another process, as its node has it: what it says first, its
// link as the node's other peers have one, and the relays between its streams
// and the rings of the threads that it speaks with.

import type { WorkerId } from "./base/ids.ts";
import type { NodeCode } from "./node_code.ts";
import type { NodePeer } from "./node_peers.ts";
import type { ArrivedNode } from "./node_sessions.ts";
import { isFromStore } from "./object_store/messages.ts";
import type { ChunkPlatform } from "./object_store/chunk_port.ts";
import { RemoteObjects } from "./object_store/remote_objects.ts";
import { isProcessAlive } from "./platform/process_life.ts";
import { NODE_HELLO } from "./protocol/cluster_message_shapes.ts";
import {
  type DriverHello,
  type DriverWelcome,
  type ObserverHello,
  readHello,
} from "./protocol/driver_messages.ts";
import { unexpectedMessage, withStranger } from "./protocol/message_shape.ts";
import { DRIVER_TO_NODE } from "./protocol/node_message_shapes.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import type { LinkMessage, LinkReceiver } from "./transport/link.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { linkOver, RemoteLink } from "./transport/remote_link.ts";
import { RelayedPeers } from "./relayed_peers.ts";
import type { RemoteSession } from "./transport/remote_session.ts";

/** What the gateway does for one connection. */
export interface RemoteDriverPorts {
  readonly mailbox: Mailbox;
  readonly code: NodeCode;
  readonly platform: ChunkPlatform;
  /** Somebody has said who it is; throws what ends the connection. */
  joined(driver: RemoteDriver, hello: DriverHello | ObserverHello): void;
  /** It is a node: who takes it in answers it from now on. */
  nodeJoined(arrived: ArrivedNode): void;
  /** What was told outside of the driver's messages has a turn. */
  turn(): void;
  /** A thread has got something of the driver's: it may answer soon. */
  relayed(lengthBytes: number): void;
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
  /** Its stand-in at the store; set once it has joined. */
  #objects: RemoteObjects | undefined;
  readonly #peers: RelayedPeers;
  #receiver: LinkReceiver | undefined;
  #hasSaidHello = false;

  constructor(session: RemoteSession, ports: RemoteDriverPorts) {
    this.session = session;
    this.#ports = ports;
    this.#link = new RemoteLink(session.streams, 0);
    this.control = new RemoteLink(session.streams, 1);
    this.#peers = new RelayedPeers({
      link: this.#link,
      streams: session.streams,
      mailbox: ports.mailbox,
      relayed: ports.relayed,
    });
    this.#link.start({
      receive: (message) => withStranger(() => this.#receive(message)),
      closed: () => {},
    });
    this.peer = {
      link: this.#peerLink(),
      mailbox: ports.mailbox.buffer,
      memory: "none",
      open: (peer, end) => this.#peers.open(peer, end),
      broken: (error) => session.breakOff(error),
    };
  }

  /** The driver is let in. */
  welcome(message: DriverWelcome, hello: DriverHello): void {
    this.session.peerLives = () => isProcessAlive(hello.home);
    this.workerId = hello.workerId;
    this.#objects = new RemoteObjects({
      workerId: hello.workerId,
      near: { platform: this.#ports.platform, process: () => hello.home },
      toStore: (message) => this.#receiver!.receive(message),
      toldStore: () => this.#ports.turn(),
      send: (message) => this.#link.send(message),
      flush: () => this.#link.flush(),
    });
    this.#send(message);
  }

  /** The connection is over. */
  end(): void {
    this.#objects?.end();
  }

  #send(message: LinkMessage): void {
    this.#link.send(message);
    this.#link.flush();
  }

  // -- What comes ------------------------------------------------------------

  #receive(message: LinkMessage): void {
    if (!this.#hasSaidHello) {
      this.#hasSaidHello = true;
      return this.#greet(message);
    }
    // Who only asks does so on the other stream.
    if (!this.#receiver) throw unexpectedMessage(message.type);
    if (message.type === "code_put") return this.#keepCode(message);
    if (this.#objects?.receive(message)) return;
    this.#receiver.receive(DRIVER_TO_NODE.read(message));
  }

  #greet(message: LinkMessage): void {
    if (message.type !== "node_hello") {
      return this.#ports.joined(this, readHello(message));
    }
    const hello = NODE_HELLO.read(message);
    const { session, control } = this;
    const link = this.#link;
    this.#ports.nodeJoined({ session, link, control, hello });
  }

  #keepCode(message: LinkMessage): void {
    this.#ports.code.keep(message).then((answer) => this.#send(answer));
  }

  // -- As a peer of the node -------------------------------------------------

  #peerLink(): NodePeer["link"] {
    const link = this.#link;
    return linkOver(link, {
      start: (receiver) => this.#receiver = receiver,
      send: (message) => {
        if (isFromStore(message)) this.#objects!.fromStore(message);
        else this.#peers.sendNews(message as FromNode);
      },
      sendShared: (message) => {
        if (isFromStore(message)) this.#objects!.fromStore(message);
        else link.sendShared(message);
      },
      drain: () => {},
    });
  }
}
