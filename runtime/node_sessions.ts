// The sessions of a node with other nodes, one with each: opened when they are
// first needed, from the side that the ids name, or from the other one where
// that cannot be reached. Knows nothing of what is said.

import { ConnectionError } from "./base/errors.ts";
import type { NodeId } from "./base/ids.ts";
import { NODE_CONNECT_MS_MAX, NODE_DIAL_MS_MAX } from "./base/limits.ts";
import { hostAndPort } from "./protocol/address.ts";
import { NodeSession } from "./node_session.ts";
import type { NodeSurroundings } from "./node_surroundings.ts";
import { isProcessAlive, type ProcessName } from "./platform/process_life.ts";
import { CLUSTER_MESSAGE } from "./protocol/cluster_message_shapes.ts";
import type {
  ClusterMessage,
  NodeFacts,
  NodeHello,
  NodeReport,
  NodeView,
} from "./protocol/cluster_messages.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import type {
  RemoteSession,
  RemoteSessionEnd,
} from "./transport/remote_session.ts";
import type { SessionUser } from "./transport/session_acceptor.ts";
import { beginSession } from "./transport/session_dialer.ts";

/** Where a node is reached. */
export interface NodePlace {
  readonly address: string;
  /** The fingerprint of its certificate, if it speaks TLS. */
  readonly pin?: string;
}

/** What the sessions need of their node. */
export interface NodeSessionsPorts {
  readonly nodeId: NodeId;
  readonly mailbox: Mailbox;
  /** What lets this node in at others. */
  readonly token: string;
  readonly surroundings: NodeSurroundings;
  facts(): NodeFacts;
  report(): NodeReport;
  /** Where another node is, as far as is known. */
  placeOf(nodeId: NodeId): NodePlace | undefined;
  /** All nodes, if this is the head. */
  views(): readonly NodeView[] | undefined;
  /** Has the head tell the other node that it is to dial this one. */
  askToDial(nodeId: NodeId): void;
  receive(from: NodeId, message: ClusterMessage): void;
  /** A stream for objects is there. */
  objectsLinked(nodeId: NodeId, link: RemoteLink, home: ProcessName): void;
  /** Something has come: the node's turn begins. */
  turn(): void;
  /** The session is over; a node that is asked for again is dialed again. */
  ended(nodeId: NodeId, reason: RemoteSessionEnd): void;
}

/** A connection on which somebody has said that it is a node. */
export interface ArrivedNode {
  readonly session: RemoteSession;
  readonly link: RemoteLink;
  /** For calls; answered by who takes it in. */
  readonly control: RemoteLink;
  readonly hello: NodeHello;
}

/** A node that this one has dialed. */
export interface DialedNode {
  readonly session: NodeSession;
  /** For the calls that it answers. */
  readonly control: RemoteLink;
}

/** See the head of the file. */
export class NodeSessions {
  readonly #ports: NodeSessionsPorts;
  readonly #sessions = new Map<NodeId, NodeSession>();
  readonly #dirty = new Set<NodeSession>();
  /** Those that were dialed from here: once is enough. */
  readonly #dialed = new WeakSet<NodeSession>();
  /** Nodes that are to be dialed once it is known where they are. */
  readonly #unplaced = new Set<NodeId>();

  constructor(ports: NodeSessionsPorts) {
    this.#ports = ports;
  }

  all(): Iterable<NodeSession> {
    return this.#sessions.values();
  }

  /** How many are not connected, and may never be. */
  get waitingCount(): number {
    let count = 0;
    for (const { isConnected } of this.#sessions.values()) {
      if (!isConnected) count++;
    }
    return count;
  }

  has(nodeId: NodeId): boolean {
    return this.#sessions.get(nodeId)?.isConnected ?? false;
  }

  /** The session with a node; begins to open one if there is none. */
  get(nodeId: NodeId): NodeSession {
    let session = this.#sessions.get(nodeId);
    if (session) return session;
    session = this.#add(nodeId);
    if (this.#ports.nodeId < nodeId) this.#dialOrAsk(session);
    else this.#ports.askToDial(nodeId);
    return session;
  }

  /** The other node cannot dial this one, or may not: this one does. */
  dialFor(nodeId: NodeId): void {
    this.#dialOrAsk(this.#sessions.get(nodeId) ?? this.#add(nodeId), true);
  }

  /** It is known where a node is. */
  placed(nodeId: NodeId): void {
    if (this.#unplaced.delete(nodeId)) this.dialFor(nodeId);
  }

  flush(): void {
    for (const session of this.#dirty) session.flush();
    this.#dirty.clear();
  }

  /** Says goodbye to all. */
  async leave(): Promise<void> {
    this.flush();
    await Promise.all([...this.#sessions.values()].map((one) => one.leave()));
  }

  /** The node is dead: what it says is not heard any more. */
  drop(nodeId: NodeId): void {
    const session = this.#sessions.get(nodeId);
    this.#sessions.delete(nodeId);
    this.#unplaced.delete(nodeId);
    session?.over();
  }

  // -- Being dialed ----------------------------------------------------------

  /** Takes a node in; the session's user hears of what comes and of its end. */
  accept({ session, link, hello }: ArrivedNode): SessionUser {
    const { facts: { nodeId }, home } = hello;
    session.peerLives = () => isProcessAlive(home);
    const known = this.#sessions.get(nodeId) ?? this.#add(nodeId);
    if (known.isConnected) {
      // Both have dialed: one session is enough.
      void session.leave();
      return { ended: () => {} };
    }
    const views = this.#ports.views();
    const welcome: ClusterMessage = {
      type: "node_welcome",
      nodeId: this.#ports.nodeId,
      home: this.#ports.surroundings.thisProcess(),
      ...(views ? { views } : {}),
    };
    link.send(welcome);
    link.flush();
    known.connect({ session, link, isNumbering: true, home });
    return {
      received: () => {
        known.received();
        this.#ports.turn();
      },
      ended: (reason) => this.#ended(known, reason),
    };
  }

  // -- Dialing ---------------------------------------------------------------

  /** Dials a node; resolves when this one is let in. */
  async dialAt(
    { address, pin }: NodePlace,
    isJoining: boolean,
  ): Promise<DialedNode> {
    const { promise, resolve, reject } = Promise.withResolvers<DialedNode>();
    promise.catch(() => {});
    const opened: {
      link?: RemoteLink;
      control?: RemoteLink;
      session?: NodeSession;
    } = {};
    const { session, connected } = beginSession({
      ...hostAndPort(address),
      ...this.#ports.surroundings,
      token: this.#ports.token,
      ...(pin === undefined ? {} : { pin }),
      ...(isJoining ? {} : { timeoutMs: NODE_DIAL_MS_MAX }),
      onSession: (session) => {
        opened.link = new RemoteLink(session.streams, 0);
        opened.control = new RemoteLink(session.streams, 1);
      },
      onReceived: () => {
        opened.session?.received();
        this.#ports.turn();
      },
      onEnded: (reason) => {
        if (opened.session) return this.#ended(opened.session, reason);
        reject(
          new ConnectionError(
            `Cannot join the node at ${address}: it has ended the connection ` +
              `(${reason}). See its log for why`,
          ),
        );
      },
    });
    const link = opened.link!;
    const hello: NodeHello = {
      type: "node_hello",
      facts: this.#ports.facts(),
      report: this.#ports.report(),
      home: this.#ports.surroundings.thisProcess(),
      isJoining,
    };
    link.send(hello);
    link.flush();
    link.start({
      receive: (message) => {
        const welcome = CLUSTER_MESSAGE.read(message);
        if (welcome.type !== "node_welcome") {
          const why = welcome.type === "node_refused" ? welcome.reason : "";
          reject(new ConnectionError(why || "Cannot join: it is no node"));
          return session.over("left");
        }
        const { nodeId, home } = welcome;
        session.peerLives = () => isProcessAlive(home);
        const known = this.#sessions.get(nodeId) ?? this.#add(nodeId);
        opened.session = known;
        known.connect({ session, link, isNumbering: false, home });
        this.#ports.receive(nodeId, welcome);
        resolve({ session: known, control: opened.control! });
      },
      closed: () => {},
    });
    await connected;
    return await promise;
  }

  /** One side after the other, so that the two never cross. */
  #dialOrAsk(session: NodeSession, isAsked = false): void {
    const { nodeId } = session;
    if (session.isConnected || this.#dialed.has(session)) return;
    const place = this.#ports.placeOf(nodeId);
    if (!place) {
      if (isAsked) this.#unplaced.add(nodeId);
      else this.#ports.askToDial(nodeId);
      return;
    }
    this.#dialed.add(session);
    this.#dial(nodeId, place).then((isConnected) => {
      if (!isConnected) this.#ports.askToDial(nodeId);
    });
  }

  /** Whether the other node could be reached from here. */
  async #dial(nodeId: NodeId, place: NodePlace): Promise<boolean> {
    try {
      const { session } = await this.dialAt(place, false);
      return session.nodeId === nodeId;
    } catch {
      return false;
    }
  }

  #add(nodeId: NodeId): NodeSession {
    const session = new NodeSession(nodeId, {
      mailbox: this.#ports.mailbox,
      isDirty: (session) => this.#dirty.add(session),
      receive: (message) => this.#ports.receive(nodeId, message),
      objectsLinked: (link, home) =>
        this.#ports.objectsLinked(nodeId, link, home),
    });
    this.#sessions.set(nodeId, session);
    this.#ports.surroundings.timers.after(NODE_CONNECT_MS_MAX, () => {
      if (!session.isConnected) this.#ended(session, "not_connected");
    });
    return session;
  }

  #ended(session: NodeSession, reason: RemoteSessionEnd): void {
    const { nodeId } = session;
    if (this.#sessions.get(nodeId) !== session) return;
    this.#sessions.delete(nodeId);
    this.#unplaced.delete(nodeId);
    this.#dirty.delete(session);
    this.#ports.ended(nodeId, reason);
    this.#ports.turn();
  }
}
