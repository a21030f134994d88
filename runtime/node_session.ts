// A node's session with another node: the messages between the two, and the
// relays between rings of threads of this node and streams to threads of that
// one. What is sent before they are connected waits. It decodes nothing that
// threads say to one another.

import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import { HeldNews } from "./held_news.ts";
import type { ProcessName } from "./platform/process_life.ts";
import { CLUSTER_MESSAGE } from "./protocol/cluster_message_shapes.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";
import type { StreamsAwaited } from "./protocol/driver_messages.ts";
import type { LinkMessage } from "./transport/link.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import type { RemoteSession } from "./transport/remote_session.ts";
import type { RingLinkEnd } from "./transport/ring_link.ts";
import { RingRelay } from "./transport/ring_relay.ts";

/** What a session with another node needs. */
export interface NodeSessionPorts {
  /** The node's. */
  readonly mailbox: Mailbox;
  /** Something waits to be flushed. */
  isDirty(session: NodeSession): void;
  /** There is a stream for objects, to a node in this process. */
  objectsLinked(link: RemoteLink, home: ProcessName): void;
  /** A thread has got so much of one of the other node's. */
  relayed(lengthBytes: number): void;
  /** Takes a message of the other node in, in the order sent. */
  receive(message: ClusterMessage): void;
}

/** How two nodes are connected. */
export interface NodeConnection {
  readonly session: RemoteSession;
  /** Stream 0. */
  readonly link: RemoteLink;
  /** Whether this node numbers the streams: the other has dialed. */
  readonly isNumbering: boolean;
  /** The process of the other node, as it says. */
  readonly home: ProcessName;
}

/** A worker of this node and one of the other. */
export interface Pair {
  readonly local: WorkerId;
  readonly remote: WorkerId;
}

interface LinkedPair extends Pair {
  readonly relay: RingRelay;
  readonly stream: number;
}

/** See the head of the file. */
export class NodeSession {
  readonly nodeId: NodeId;
  readonly #ports: NodeSessionPorts;
  readonly #news: HeldNews;
  #connection: NodeConnection | undefined;
  /** Sent, or opened, before there was a connection. */
  #early: (() => void)[] = [];
  readonly #linked = new Map<string, LinkedPair>();
  /** Ends of rings that wait for the other node to number their streams. */
  readonly #waiting = new Map<string, RingLinkEnd>();
  #hasObjects = false;
  /** Streams of pairs that are being opened. */
  readonly #numbered = new Map<string, number>();

  constructor(nodeId: NodeId, ports: NodeSessionPorts) {
    this.nodeId = nodeId;
    this.#ports = ports;
    this.#news = new HeldNews((message) =>
      ports.receive(CLUSTER_MESSAGE.read(message))
    );
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** The two are connected: what waited is sent. */
  connect(connection: NodeConnection): void {
    this.#connection = connection;
    for (const go of this.#early.splice(0)) go();
    connection.link.start({
      receive: (message) => this.#news.take(message),
      closed: () => {},
    });
  }

  /** The other node has said something on any of the streams. */
  received(): void {
    this.#news.release();
  }

  send(message: ClusterMessage | StreamsAwaited): void {
    if (this.#connection) {
      this.#connection.link.send(message as LinkMessage);
      this.#ports.isDirty(this);
    } else this.#early.push(() => this.send(message));
  }

  flush(): void {
    this.#connection?.link.flush();
  }

  /** What was sent and the other node has not taken. */
  get backlogBytes(): number {
    return this.#connection?.link.backlogBytes ?? 0;
  }

  /** Ends it in an orderly way. */
  async leave(): Promise<void> {
    await this.#connection?.session.leave();
  }

  /** Ends it at once. */
  over(): void {
    this.#connection?.session.over("left");
  }

  // -- Objects ---------------------------------------------------------------

  /** Opens the stream for objects, or has the other node open it; once. */
  openObjects(): void {
    if (!this.#connection) {
      return void this.#early.push(() => this.openObjects());
    }
    const { isNumbering, session } = this.#connection;
    if (this.#hasObjects) return;
    if (!isNumbering) return this.send({ type: "objects_wanted" });
    const stream = session.streams.nextNumber();
    this.objectsLinked(stream);
    this.send({ type: "objects_linked", stream });
  }

  /** The stream for objects has this number. */
  objectsLinked(stream: number): void {
    const { session: { streams }, home } = this.#connection!;
    this.#hasObjects = true;
    this.#ports.objectsLinked(new RemoteLink(streams, stream), home);
  }

  // -- Pairs -----------------------------------------------------------------

  /** Links a worker's ring to a worker of the other node. */
  openPair(pair: Pair, jobId: JobId, end: RingLinkEnd): void {
    if (!this.#connection) {
      this.#early.push(() => this.openPair(pair, jobId, end));
      return;
    }
    const { isNumbering, session } = this.#connection;
    const { local: source, remote: target } = pair;
    const numbered = this.#numbered.get(keyOf(pair));
    if (numbered !== undefined) return this.#relay(pair, end, numbered);
    if (!isNumbering) {
      this.#waiting.set(keyOf(pair), end);
      return this.send({ type: "peers_wanted", source, jobId, target });
    }
    const stream = session.streams.nextNumber();
    this.#relay(pair, end, stream);
    this.send({ type: "peers_linked", stream, source, jobId, target });
  }

  /**
   * The other node has numbered the stream of a pair; `open` has this side's
   * worker open its end, if it has not asked for the link itself.
   */
  pairNumbered(pair: Pair, stream: number, open: () => void): void {
    const key = keyOf(pair);
    const end = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (end) return this.#relay(pair, end, stream);
    this.#numbered.set(key, stream);
    open();
    this.#numbered.delete(key);
    if (this.#linked.get(key)?.stream === stream) return;
    // Nobody is there to speak over it.
    const { streams } = this.#connection!.session;
    streams.open(stream, { part: () => {}, closed: () => {} }).close();
  }

  #relay(pair: Pair, end: RingLinkEnd, stream: number): void {
    const { streams } = this.#connection!.session;
    const key = keyOf(pair);
    const relay = new RingRelay(end, this.#ports.mailbox, streams, {
      stream,
      onClosed: () => this.#linked.delete(key),
      onWritten: this.#ports.relayed,
    });
    this.#linked.set(key, { ...pair, relay, stream });
    this.#news.opened(stream, {
      get receivedPieces() {
        return relay.arrivedPieces;
      },
      get isOpen() {
        return relay.isOpen;
      },
    });
  }

  /** A worker of this node is gone: its last words go first. */
  localEnded(local: WorkerId): void {
    const streams: StreamsAwaited["streams"][number][] = [];
    for (const [key, linked] of this.#linked) {
      if (linked.local !== local) continue;
      streams.push([linked.stream, linked.relay.sendAll()]);
      linked.relay.close();
      this.#linked.delete(key);
    }
    for (const key of this.#waiting.keys()) {
      if (key.startsWith(`${local} `)) this.#waiting.delete(key);
    }
    if (streams.length > 0) this.send({ type: "streams_awaited", streams });
  }

  /** A worker of the other node is gone: what it said is still delivered. */
  remoteEnded(remote: WorkerId): void {
    for (const [key, linked] of this.#linked) {
      if (linked.remote !== remote) continue;
      linked.relay.closeWhenWritten();
      this.#linked.delete(key);
    }
  }
}

function keyOf({ local, remote }: Pair): string {
  return `${local} ${remote}`;
}
