// The threads that a node is linked to, and the links that it makes between
// them on request. Knows nothing of what they say.

import type { WorkerId } from "./base/ids.ts";
import type { Link, LinkMessage } from "./transport/link.ts";
import type { Mailbox, MailboxBuffer } from "./transport/mailbox.ts";
import {
  newRingLinkEnds,
  RingLink,
  type RingLinkEnd,
} from "./transport/ring_link.ts";

/** One linked thread. */
interface NodePeer {
  readonly link: RingLink;
  readonly mailbox: MailboxBuffer;
}

/** See the head of the file. */
export class NodePeers {
  readonly #mailbox: Mailbox;
  readonly #peers = new Map<WorkerId, NodePeer>();
  readonly #dirty = new Set<Link>();
  /** Pairs of threads that have a link. */
  readonly #introduced = new Set<string>();

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  get ids(): Iterable<WorkerId> {
    return this.#peers.keys();
  }

  has(id: WorkerId): boolean {
    return this.#peers.has(id);
  }

  /** Opens the node's end of a link to a thread. */
  add(
    id: WorkerId,
    end: RingLinkEnd,
    mailbox: MailboxBuffer,
    receive: (message: LinkMessage) => void,
  ): void {
    const link = new RingLink(end, this.#mailbox);
    this.#peers.set(id, { link, mailbox });
    link.start({ receive, closed: () => {} });
  }

  remove(id: WorkerId): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    this.#dirty.delete(peer.link);
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
    const pair = [source, target].sort().join(" ");
    if (this.#introduced.has(pair)) return true;
    this.#introduced.add(pair);
    const [sourceEnd, targetEnd] = newRingLinkEnds(from.mailbox, to.mailbox);
    openLink(from.link, target, sourceEnd);
    openLink(to.link, source, targetEnd);
    return true;
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

/** Hands a thread its end of a link; see `LinkOpened`. */
function openLink(link: Link, peer: WorkerId, end: RingLinkEnd): void {
  link.sendShared({ type: "link_opened", peer, end } as LinkMessage);
}

/** What a thread gets when a link to a peer is there. */
export interface LinkOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly end: RingLinkEnd;
}
