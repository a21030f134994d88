// The sessions of a node with other nodes, one with each: opened when they are
// first needed, from the side that the ids name, or from the other one where
// that cannot be reached. Knows nothing of what is said.

import type { AnswerWatch } from "./answer_watch.ts";
import { ConnectionError } from "./base/errors.ts";
import type { NodeId } from "./base/ids.ts";
import {
  NODE_CONNECT_MS_MAX,
  NODE_DIAL_MS_MAX,
  NODE_REDIAL_MS,
} from "./base/limits.ts";
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
  /** That outlives the head's process. */
  clusterId(): string | undefined;
  /** Has the head tell the other node that it is to dial this one. */
  askToDial(nodeId: NodeId): void;
  isHeadLost(): boolean;
  receive(from: NodeId, message: ClusterMessage): void;
  /** A stream for objects is there. */
  objectsLinked(nodeId: NodeId, link: RemoteLink, home: ProcessName): void;
  /** Takes in what has come: the node's turn begins. */
  readonly answers: AnswerWatch;
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
  readonly #dialing = new Set<NodeSession>();
  /** When those were dialed from here that cannot be: once is enough. */
  readonly #unreachable = new WeakMap<NodeSession, number>();
  /** When others were asked again to dial this node. */
  #askedAgainAtMs = -Infinity;
  /** Nodes that are to be dialed once it is known where they are. */
  readonly #unplaced = new Set<NodeId>();

  constructor(ports: NodeSessionsPorts) {
    this.#ports = ports;
  }

  all(): Iterable<NodeSession> {
    return this.#sessions.values();
  }

  /** Says something to a node if it is connected. */
  tell(nodeId: NodeId, message: ClusterMessage): void {
    if (this.has(nodeId)) this.#sessions.get(nodeId)!.send(message);
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
    this.#begin(session);
    return session;
  }

  #begin(session: NodeSession): void {
    const { nodeId } = session;
    if (this.#ports.nodeId < nodeId) this.#dialOrAsk(session);
    else this.#ports.askToDial(nodeId);
  }

  /** There is another head: what the former was asked, it may not have done. */
  askAgain(): void {
    this.#askedAgainAtMs = this.#nowMs();
    for (const session of this.#sessions.values()) {
      if (session.isConnected || this.#dialing.has(session)) continue;
      this.#unreachable.delete(session);
      this.#begin(session);
    }
  }

  #nowMs(): number {
    return this.#ports.surroundings.clock.nowMs();
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

  /** Ends all at once: the others hear nothing of it. */
  cut(): void {
    for (const nodeId of [...this.#sessions.keys()]) this.drop(nodeId);
  }

  /** The node is dead: what it says is not heard any more. */
  drop(nodeId: NodeId): void {
    const session = this.#sessions.get(nodeId);
    this.#sessions.delete(nodeId);
    this.#unplaced.delete(nodeId);
    session?.over();
  }

  // -- Being dialed ----------------------------------------------------------

  /**
   * A node is at the door: what is said to it waits until it is let in. That it
   * comes may be what work waits for, and who is there is not to be dialed.
   */
  expect({ hello }: ArrivedNode): void {
    const { nodeId } = hello.facts;
    if (!this.#sessions.has(nodeId)) this.#add(nodeId);
  }

  /** Tells a node why it may not come in. */
  refuse({ link, session, hello }: ArrivedNode, reason: string): SessionUser {
    if (!this.has(hello.facts.nodeId)) this.drop(hello.facts.nodeId);
    const refused: ClusterMessage = { type: "node_refused", reason };
    link.send(refused);
    link.flush();
    void session.leave();
    return { ended: () => {} };
  }

  /**
   * Takes a node in; the session's user hears of what comes, before the node's
   * turn, and of its end.
   */
  accept({ session, link, hello }: ArrivedNode): SessionUser {
    const { facts: { nodeId }, home } = hello;
    session.peerLives = () => isProcessAlive(home);
    const known = this.#sessions.get(nodeId) ?? this.#add(nodeId);
    const isOwnFirst = this.#dialing.has(known) && this.#ports.nodeId < nodeId;
    if (known.isConnected || isOwnFirst) {
      // Both have dialed: one session is enough.
      void session.leave();
      return { ended: () => {} };
    }
    const views = this.#ports.views();
    const clusterId = views && this.#ports.clusterId();
    const welcome: ClusterMessage = {
      type: "node_welcome",
      nodeId: this.#ports.nodeId,
      home: this.#ports.surroundings.thisProcess(),
      ...(views ? { views } : {}),
      ...(clusterId === undefined ? {} : { clusterId }),
    };
    link.send(welcome);
    link.flush();
    known.connect({ session, link, isNumbering: true, home });
    return {
      received: () => known.received(),
      ended: (reason) => this.#ended(known, reason),
    };
  }

  // -- Dialing ---------------------------------------------------------------

  /**
   * Dials a node; resolves when this one is let in. `connected` is called
   * then, before anything else that the other node says is taken in.
   */
  async dialAt(
    { address, pin }: NodePlace,
    isJoining: boolean,
    connected: (dialed: DialedNode) => void = () => {},
  ): Promise<DialedNode> {
    const { promise, resolve, reject } = Promise.withResolvers<DialedNode>();
    promise.catch(() => {});
    const opened: {
      link?: RemoteLink;
      control?: RemoteLink;
      session?: NodeSession;
    } = {};
    const { session, connected: whenOpen } = beginSession({
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
        this.#ports.answers.takeIn();
      },
      onEnded: (reason) => {
        if (opened.session) return this.#ended(opened.session, reason);
        const text = `Cannot join the node at ${address}: it has ended the ` +
          `connection (${reason}). See its log for why`;
        reject(new ConnectionError(text, { details: { reason } }));
      },
    });
    const link = opened.link!;
    link.send(this.#hello(isJoining));
    link.flush();
    link.start({
      receive: (message) => {
        const welcome = CLUSTER_MESSAGE.read(message);
        if (welcome.type !== "node_welcome") {
          const why = welcome.type === "node_refused" ? welcome.reason : "";
          const text = why || "Cannot join: it is no node";
          const details = { reason: "refused" };
          reject(new ConnectionError(text, { details }));
          return session.over("left");
        }
        const { nodeId, home } = welcome;
        session.peerLives = () => isProcessAlive(home);
        const known = this.#sessions.get(nodeId) ?? this.#add(nodeId);
        opened.session = known;
        known.connect({ session, link, isNumbering: false, home });
        this.#ports.receive(nodeId, welcome);
        const dialed = { session: known, control: opened.control! };
        connected(dialed);
        resolve(dialed);
      },
      closed: () => {},
    });
    await whenOpen;
    return await promise;
  }

  #hello(isJoining: boolean): NodeHello {
    const clusterId = isJoining ? this.#ports.clusterId() : undefined;
    return {
      type: "node_hello",
      facts: this.#ports.facts(),
      report: this.#ports.report(),
      home: this.#ports.surroundings.thisProcess(),
      isJoining,
      ...(clusterId === undefined ? {} : { clusterId }),
    };
  }

  /** One side after the other, so that the two never cross. */
  #dialOrAsk(session: NodeSession, isAsked = false): void {
    const { nodeId } = session;
    if (session.isConnected || this.#dialing.has(session)) return;
    const sinceMs = this.#nowMs() -
      (this.#unreachable.get(session) ?? -Infinity);
    if (sinceMs < NODE_REDIAL_MS) return;
    const place = this.#ports.placeOf(nodeId);
    if (!place) {
      if (isAsked) this.#unplaced.add(nodeId);
      else this.#ports.askToDial(nodeId);
      return;
    }
    this.#dialing.add(session);
    this.#dial(nodeId, place).then((isConnected) => {
      this.#dialing.delete(session);
      // The other one's own dialing may have come first.
      if (isConnected || session.isConnected) return;
      this.#unreachable.set(session, this.#nowMs());
      this.#ports.askToDial(nodeId);
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
      relayed: (lengthBytes) => this.#ports.answers.relayed(lengthBytes),
    });
    this.#sessions.set(nodeId, session);
    this.#giveUpAfter(NODE_CONNECT_MS_MAX, session);
    return session;
  }

  /** Nobody is waited for in vain, but that a head is away is nobody's end. */
  #giveUpAfter(delayMs: number, session: NodeSession): void {
    const { surroundings: { timers }, isHeadLost } = this.#ports;
    timers.after(delayMs, () => {
      if (session.isConnected) return;
      const sinceMs = this.#nowMs() - this.#askedAgainAtMs;
      const restMs = isHeadLost()
        ? NODE_CONNECT_MS_MAX
        : NODE_CONNECT_MS_MAX - sinceMs;
      if (restMs > 0) this.#giveUpAfter(restMs, session);
      else this.#ended(session, "not_connected");
    });
  }

  #ended(session: NodeSession, reason: RemoteSessionEnd): void {
    const { nodeId } = session;
    if (this.#sessions.get(nodeId) !== session) return;
    this.#sessions.delete(nodeId);
    this.#unplaced.delete(nodeId);
    this.#dirty.delete(session);
    this.#ports.ended(nodeId, reason);
    this.#ports.answers.takeIn();
  }
}
