// The peers of an executor or a driver in another process, as its node has
// them: relays between its streams and the rings of threads. They see to it
// that what a thread has said comes before the news of its end.

import type { WorkerId } from "./base/ids.ts";
import type {
  StreamOpened,
  StreamsAwaited,
} from "./protocol/driver_messages.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import type { RemoteLink } from "./transport/remote_link.ts";
import type { RemoteStreams } from "./transport/remote_streams.ts";
import type { RingLinkEnd } from "./transport/ring_link.ts";
import { RingRelay } from "./transport/ring_relay.ts";

/** What relays are made of. */
export interface RelayedPeersSetup {
  /** The node's link to the process. */
  readonly link: RemoteLink;
  readonly streams: RemoteStreams;
  /** The node's. */
  readonly mailbox: Mailbox;
  /** A thread has got something of the process: it may answer soon. */
  relayed?(lengthBytes: number): void;
}

/** See the head of the file. */
export class RelayedPeers {
  readonly #setup: RelayedPeersSetup;
  readonly #relays = new Map<WorkerId, readonly [RingRelay, number]>();

  constructor(setup: RelayedPeersSetup) {
    this.#setup = setup;
  }

  /** Sends what the node says, behind what it is about. */
  sendNews(message: FromNode): void {
    const { link } = this.#setup;
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
      link.send(awaited);
    }
    link.send(message);
  }

  /** Its end of a link to a thread: a ring here, a stream from here on. */
  open(peer: WorkerId, end: RingLinkEnd): void {
    const { link, streams, mailbox, relayed } = this.#setup;
    const stream = streams.nextNumber();
    const relay = new RingRelay(end, mailbox, streams, {
      stream,
      ...(relayed ? { onWritten: relayed } : {}),
    });
    this.#relays.set(peer, [relay, stream]);
    const opened: StreamOpened = { type: "link_opened", peer, stream };
    link.send(opened);
    link.flush();
  }
}
