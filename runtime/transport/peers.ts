// The links of one thread to other threads, by id. A link is asked for when
// something is first sent; what is sent before it is open waits here.

import type { WorkerId } from "../base/ids.ts";
import type { Link, LinkMessage } from "./link.ts";

/** One peer as a sender sees it, whether its link is open yet or not. */
export class Peer {
  readonly id: WorkerId;
  #link: Link | undefined;
  #waiting: LinkMessage[] = [];
  #whenOpen: ((link: Link) => void)[] = [];
  #closed = false;
  readonly #dirty: Set<Peer>;

  constructor(id: WorkerId, dirty: Set<Peer>) {
    this.id = id;
    this.#dirty = dirty;
  }

  /** The open link, if it is open. */
  get link(): Link | undefined {
    return this.#link;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(message: LinkMessage): void {
    if (this.#link) {
      this.#link.send(message);
      this.#dirty.add(this);
    } else if (!this.#closed) {
      this.#waiting.push(message);
    }
  }

  flush(): void {
    this.#link?.flush();
  }

  /** Calls back once the link is open; at once when it is. */
  whenOpen(callback: (link: Link) => void): void {
    if (this.#link) callback(this.#link);
    else if (!this.#closed) this.#whenOpen.push(callback);
  }

  /** For {@linkcode Peers}: the link is there. */
  open(link: Link): void {
    this.#link = link;
    for (const message of this.#waiting.splice(0)) link.send(message);
    for (const callback of this.#whenOpen.splice(0)) callback(link);
    this.#dirty.add(this);
  }

  /** For {@linkcode Peers}: the peer is gone. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#whenOpen = [];
    this.#link?.close();
    this.#link = undefined;
  }
}

/** All peers of a thread. */
export class Peers {
  readonly #peers = new Map<WorkerId, Peer>();
  readonly #dirty = new Set<Peer>();
  readonly #request: (id: WorkerId) => void;

  /** `request` asks for a link; `opened` answers it, once per peer. */
  constructor(request: (id: WorkerId) => void) {
    this.#request = request;
  }

  /** The peer; its link is requested when this is the first use. */
  get(id: WorkerId): Peer {
    let peer = this.#peers.get(id);
    if (!peer) {
      peer = new Peer(id, this.#dirty);
      this.#peers.set(id, peer);
      this.#request(id);
    }
    return peer;
  }

  /** The peer if it is known; never asks for a link. */
  find(id: WorkerId): Peer | undefined {
    return this.#peers.get(id);
  }

  /** A link is open, asked for by either side; of an ended peer, late. */
  opened(id: WorkerId, link: Link): Peer {
    let peer = this.#peers.get(id);
    if (peer?.closed) {
      link.close();
      return peer;
    }
    if (!peer) {
      peer = new Peer(id, this.#dirty);
      this.#peers.set(id, peer);
    }
    peer.open(link);
    return peer;
  }

  /** The peer is gone for good; a later `get` gives a closed one. */
  ended(id: WorkerId): void {
    const peer = this.#peers.get(id) ?? new Peer(id, this.#dirty);
    this.#peers.set(id, peer);
    // Its last words may have come by a slower way than the news of its end.
    peer.link?.drain();
    peer.close();
  }

  /** Sends what was queued for any peer. */
  flush(): void {
    if (this.#dirty.size === 0) return;
    for (const peer of this.#dirty) peer.flush();
    this.#dirty.clear();
  }
}
