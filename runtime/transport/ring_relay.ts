// Moves the parts of frames between a pair of rings and a stream, for a peer
// that is in another process. Decodes nothing. Parts are taken off the ring
// only while the stream has room, and the peer's window is opened again only
// when what it sent is in the ring: who does not read slows only itself.

import { Deque } from "../base/deque.ts";
import { type Mailbox, MailboxSignal, type Pollable } from "./mailbox.ts";
import type {
  RemoteStream,
  RemoteStreams,
  StreamSink,
} from "./remote_streams.ts";
import { type RingPart, RingReader, RingWriter } from "./ring.ts";
import type { RingLinkEnd } from "./ring_link.ts";

/** See the head of the file. */
export class RingRelay implements Pollable, StreamSink {
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #peer: MailboxSignal;
  readonly #mailbox: Mailbox;
  readonly #stream: RemoteStream;
  /** What found no room in the ring; a window of the stream at most. */
  readonly #held = new Deque<RingPart>();
  #open = true;
  #sentPieces = 0;
  #receivedPieces = 0;
  #arrivedPieces = 0;
  /** Nothing more will come: it ends when all that came is in the ring. */
  #isLast = false;
  /** Called once when the driver has closed the stream. */
  readonly #onClosed: () => void;
  /** Called when the thread has got something. */
  readonly #onWritten: (lengthBytes: number) => void;

  constructor(
    end: RingLinkEnd,
    mailbox: Mailbox,
    streams: RemoteStreams,
    options: {
      readonly stream: number;
      readonly onClosed?: () => void;
      readonly onWritten?: (lengthBytes: number) => void;
    },
  ) {
    this.#reader = new RingReader(end.incoming);
    this.#writer = new RingWriter(end.outgoing);
    this.#peer = new MailboxSignal(end.peerMailbox);
    this.#mailbox = mailbox;
    this.#onClosed = options.onClosed ?? (() => {});
    this.#onWritten = options.onWritten ?? (() => {});
    this.#stream = streams.open(options.stream, this);
    mailbox.add(this);
    this.poll();
  }

  /** How many pieces of the stream have come, in the ring or not. */
  get arrivedPieces(): number {
    return this.#arrivedPieces;
  }

  /** How many pieces of the stream are in the ring, or were. */
  get receivedPieces(): number {
    return this.#receivedPieces;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Moves what there is room for, both ways; called by the mailbox. */
  poll(): void {
    if (!this.#open) return;
    this.#writeHeld();
    this.#forward();
  }

  /** From ring to stream; `drained` goes on when the stream was full. */
  #forward(): void {
    let madeRoom = false;
    while (this.#stream.awaitRoom()) {
      const part = this.#reader.readPart();
      if (!part) break;
      this.#send(part);
      madeRoom = true;
    }
    // Only then: who finds no room waits again, and where both ends are of one
    // thread they would tell each other without end.
    if (madeRoom && this.#reader.takeWriterWaits()) this.#peer.notify();
  }

  /** From stream to ring, as far as the ring has room. */
  #writeHeld(): void {
    let wrote = false;
    for (;;) {
      const part = this.#held.peek();
      if (!part || !this.#writer.writePart(part.bytes, part.more)) break;
      this.#held.shift();
      if (!part.more) this.#receivedPieces++;
      this.#stream.consumed(part.bytes.length);
      wrote = true;
    }
    if (wrote) this.#peer.notify();
    if (this.#isLast && this.#held.length === 0) this.close();
  }

  /** Ends once all that came is in the ring. */
  closeWhenWritten(): void {
    this.#isLast = true;
    this.poll();
  }

  /**
   * Sends what lies in the ring, room or not: no more than the ring holds.
   * Gives how many pieces were sent so far, for who must hear them first.
   */
  sendAll(): number {
    while (this.#open) {
      const part = this.#reader.readPart();
      if (!part) break;
      this.#send(part);
    }
    if (this.#reader.takeWriterWaits()) this.#peer.notify();
    return this.#sentPieces;
  }

  #send({ bytes, more }: RingPart): void {
    if (!more) this.#sentPieces++;
    this.#stream.send(bytes, more);
  }

  /** Takes in what the thread said last, then ends both ways. */
  close(): void {
    if (!this.#open) return;
    this.sendAll();
    this.#open = false;
    this.#mailbox.remove(this);
    this.#stream.close();
  }

  // -- As the sink of its stream ---------------------------------------------

  part(bytes: Uint8Array, more: boolean): void {
    if (!this.#open) return;
    const waits = this.#held.length > 0;
    if (!more) this.#arrivedPieces++;
    if (!waits && this.#writer.writePart(bytes, more)) {
      if (!more) this.#receivedPieces++;
      this.#stream.consumed(bytes.length);
      this.#peer.notify();
      this.#onWritten(bytes.length);
    } else {
      // A copy: the part is a view on a message that may be much larger.
      this.#held.push({ bytes: bytes.slice(), more });
    }
  }

  drained(): void {
    if (this.#open) this.#forward();
  }

  closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#mailbox.remove(this);
    this.#onClosed();
  }
}
