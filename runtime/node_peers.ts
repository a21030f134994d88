// The threads that a node is linked to, and the links that it makes between
// them on request. Knows nothing of what they say.

import type { ProtocolError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import type { Link, LinkMessage } from "./transport/link.ts";
import type { Mailbox, MailboxBuffer } from "./transport/mailbox.ts";
import {
  newRingLinkEnds,
  RingLink,
  type RingLinkEnd,
} from "./transport/ring_link.ts";

/** How a node reaches a thread, and how other threads do. */
export interface NodePeer {
  readonly link: Link & {
    /** What was sent and found no room yet. */
    readonly backlogBytes: number;
  };
  /** Where the peer, or who stands in for it, is told of news in rings. */
  readonly mailbox: MailboxBuffer;
  /**
   * How it gets large objects: "shared" is a thread of this process, which can
   * claim tasks, too.
   */
  readonly memory: "shared" | "files" | "none";
  /** It is of another node, and hears of ends by that one. */
  readonly isStandIn?: true;
  /** Hands it its end of a link to another peer. */
  open(peer: WorkerId, end: RingLinkEnd): void;
  /** Another process has sent what is no message: ends it. */
  broken?(error: ProtocolError): void;
}

/** A thread of the node's own process. */
export function threadPeer(
  end: RingLinkEnd,
  mailbox: MailboxBuffer,
  nodeMailbox: Mailbox,
): NodePeer {
  const link = new RingLink(end, nodeMailbox);
  return {
    link,
    mailbox,
    memory: "shared",
    open: (peer, end) =>
      link.sendShared({ type: "link_opened", peer, end } as LinkMessage),
  };
}

/** See the head of the file. */
export class NodePeers {
  readonly #peers = new Map<WorkerId, NodePeer>();
  readonly #dirty = new Set<Link>();
  /** Who has a link to whom, from either side. */
  readonly #introduced = new Map<WorkerId, Set<WorkerId>>();

  /** The workers of this node. */
  *ownIds(): Iterable<WorkerId> {
    for (const [id, { isStandIn }] of this.#peers) if (!isStandIn) yield id;
  }

  has(id: WorkerId): boolean {
    return this.#peers.has(id);
  }

  /** Opens the node's end of the link to a thread. */
  add(
    id: WorkerId,
    peer: NodePeer,
    receive: (message: LinkMessage) => void,
  ): void {
    this.#peers.set(id, peer);
    this.#introduced.set(id, new Set());
    peer.link.start({ receive, closed: () => {} });
  }

  remove(id: WorkerId): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    this.#dirty.delete(peer.link);
    for (const other of this.#introduced.get(id) ?? []) {
      this.#introduced.get(other)?.delete(id);
    }
    this.#introduced.delete(id);
    peer.link.close();
  }

  send(id: WorkerId, message: LinkMessage): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    peer.link.send(message);
    this.#dirty.add(peer.link);
  }

  sendShared(id: WorkerId, message: LinkMessage): void {
    this.#peers.get(id)?.link.sendShared(message);
  }

  /** Links two threads; false when one of them is gone. */
  introduce(source: WorkerId, target: WorkerId): boolean {
    const from = this.#peers.get(source);
    const to = this.#peers.get(target);
    if (!from || !to) return false;
    if (this.#introduced.get(source)?.has(target)) return true;
    this.#introduced.get(source)?.add(target);
    this.#introduced.get(target)?.add(source);
    const hasClaims = from.memory === "shared" && to.memory === "shared";
    const [sourceEnd, targetEnd] = newRingLinkEnds(
      ...[from.mailbox, to.mailbox] as const,
      { hasClaims },
    );
    from.open(target, sourceEnd);
    to.open(source, targetEnd);
    return true;
  }

  broken(id: WorkerId, error: ProtocolError): void {
    this.#peers.get(id)?.broken?.(error);
  }

  /** What was sent to the thread and found no room yet. */
  backlogBytes(id: WorkerId): number {
    return this.#peers.get(id)?.link.backlogBytes ?? 0;
  }

  flush(): void {
    for (const link of this.#dirty) link.flush();
    this.#dirty.clear();
  }
}

/** What a thread gets when a link to a peer is there. */
export interface LinkOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly end: RingLinkEnd;
}
