// A link between two threads of one process: a ring each way for frames, and
// for links to the node a port for what only structured clone can carry
// (SharedArrayBuffers).

import { receiveMessageOnPort } from "node:worker_threads";
import { Deque } from "../base/deque.ts";
import { REMOTE_PIECE_BYTES_MAX, RING_BYTES } from "../base/limits.ts";
import { encodeFrame, isTooLong } from "../protocol/frame_codec.ts";
import { decodeUntrusted } from "../protocol/head_check.ts";
import { asProtocolError } from "../protocol/message_shape.ts";
import { ClaimTable, newClaimBuffer } from "./claims.ts";
import { FrameAssembler } from "./frame_assembler.ts";
import type { Link, LinkMessage, LinkReceiver } from "./link.ts";
import { type Mailbox, type MailboxBuffer, MailboxSignal } from "./mailbox.ts";
import { newRingBuffer, RingReader, RingWriter } from "./ring.ts";

/** What a thread needs to open its side; structured-cloneable. */
export interface RingLinkEnd {
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  /** Claims; absent when the other side is not of this process. */
  readonly pushed?: SharedArrayBuffer;
  readonly taken?: SharedArrayBuffer;
  /** The mailbox of the thread on the other side. */
  readonly peerMailbox: MailboxBuffer;
  /** For `sendShared`; links between two executors have none. */
  readonly port?: MessagePort;
}

/** Makes both ends of a link between the owners of the two mailboxes. */
export function newRingLinkEnds(
  source: MailboxBuffer,
  target: MailboxBuffer,
  { hasClaims } = { hasClaims: true },
): [RingLinkEnd, RingLinkEnd] {
  const forth = newRingBuffer(RING_BYTES);
  const back = newRingBuffer(RING_BYTES);
  if (!hasClaims) {
    return [
      { incoming: back, outgoing: forth, peerMailbox: target },
      { incoming: forth, outgoing: back, peerMailbox: source },
    ];
  }
  const forthClaims = newClaimBuffer();
  const backClaims = newClaimBuffer();
  return [
    {
      incoming: back,
      outgoing: forth,
      pushed: forthClaims,
      taken: backClaims,
      peerMailbox: target,
    },
    {
      incoming: forth,
      outgoing: back,
      pushed: backClaims,
      taken: forthClaims,
      peerMailbox: source,
    },
  ];
}

/** The link of one thread to another; see {@linkcode Link}. */
export class RingLink implements Link {
  readonly pushed?: ClaimTable;
  readonly taken?: ClaimTable;
  /** The other side is another process, whose bytes are relayed unread. */
  readonly isForeign: boolean;
  readonly #reader: RingReader;
  readonly #frames: FrameAssembler;
  readonly #writer: RingWriter;
  readonly #peer: MailboxSignal;
  readonly #mailbox: Mailbox;
  readonly #port: MessagePort | undefined;
  #outgoing: LinkMessage[] = [];
  /** What found no room; the first is written up to `#written`. */
  readonly #backlog = new Deque<Uint8Array>();
  #backlogBytes = 0;
  #written = 0;
  #receiver: LinkReceiver | undefined;
  #early: LinkMessage[] = [];
  #open = true;

  constructor(end: RingLinkEnd, mailbox: Mailbox) {
    if (end.pushed) this.pushed = new ClaimTable(end.pushed);
    if (end.taken) this.taken = new ClaimTable(end.taken);
    this.isForeign = !end.pushed && !end.port;
    this.#reader = new RingReader(
      end.incoming,
      this.isForeign ? REMOTE_PIECE_BYTES_MAX : Infinity,
    );
    this.#frames = this.isForeign
      ? new FrameAssembler(this.#reader, decodeUntrusted)
      : new FrameAssembler(this.#reader);
    this.#writer = new RingWriter(end.outgoing);
    this.#peer = new MailboxSignal(end.peerMailbox);
    this.#mailbox = mailbox;
    this.#port = end.port;
    mailbox.add(this);
    if (!end.port) return;
    end.port.onmessage = (event) => this.#receive(event.data);
  }

  start(receiver: LinkReceiver): void {
    if (!this.#open) return;
    this.#receiver = receiver;
    for (const message of this.#early.splice(0)) receiver.receive(message);
    this.poll();
  }

  send(message: LinkMessage): void {
    this.#outgoing.push(message);
  }

  flush(): void {
    if (this.#outgoing.length === 0 || !this.#open) return;
    const messages = this.#outgoing;
    this.#outgoing = [];
    this.#sendFrames(messages);
    this.#peer.notify();
  }

  /** Sends one frame, or to another process as few as it takes in. */
  #sendFrames(messages: readonly LinkMessage[]): void {
    const frame = encodeFrame(messages);
    if (this.isForeign && messages.length > 1 && isTooLong(frame)) {
      const middle = messages.length >> 1;
      this.#sendFrames(messages.slice(0, middle));
      return this.#sendFrames(messages.slice(middle));
    }
    const { head, attachments } = frame;
    // The encoder reuses the memory of heads.
    this.#write(head, () => head.slice());
    for (const bytes of attachments) this.#write(bytes, () => bytes);
  }

  /** Writes a piece into the ring, or has it wait with those before it. */
  #write(piece: Uint8Array, keep: () => Uint8Array): void {
    const waits = this.#backlog.length > 0;
    const written = waits ? 0 : this.#writer.write(piece);
    // An empty piece may be all written, or not at all.
    if (!waits && written === piece.length) return;
    if (!waits) this.#written = written;
    this.#backlog.push(keep());
    this.#backlogBytes += piece.length;
  }

  sendShared(message: LinkMessage, transfer: MessagePort[] = []): void {
    if (this.#open) this.#port!.postMessage(message, transfer);
  }

  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#mailbox.remove(this);
    this.#port?.close();
  }

  drain(): void {
    this.poll();
  }

  /** Takes in all frames that lie in the ring; called by the mailbox. */
  poll(): void {
    if (this.#backlog.length > 0) this.sendBacklog();
    const receiver = this.#receiver;
    if (!receiver) return;
    if (!this.isForeign) return this.#takeIn(receiver);
    try {
      this.#takeIn(receiver);
    } catch (error) {
      this.close();
      receiver.broken?.(asProtocolError(error));
    }
  }

  #takeIn(receiver: LinkReceiver): void {
    for (;;) {
      const contents = this.#frames.next();
      // Room was made: who waits for it must hear of it.
      if (this.#reader.takeWriterWaits()) this.#peer.notify();
      if (!contents) return;
      for (const message of contents.messages) {
        // Closed, maybe by what the message before led to.
        if (!this.#open) return;
        receiver.receive(message);
      }
    }
  }

  /** Takes in what has come over the port, without waiting for a turn. */
  pollShared(): void {
    if (!this.#port || !this.#receiver) return;
    const received = receiveMessageOnPort(this.#port as never);
    if (received) this.#receiver.receive(received.message as LinkMessage);
  }

  /** How much waits because the peer has not read what came before. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Sends of that what there is room for now. */
  sendBacklog(): void {
    for (;;) {
      const piece = this.#backlog.peek();
      if (!piece) break;
      this.#written = this.#writer.write(piece, this.#written);
      if (this.#written < piece.length) break;
      this.#backlog.shift();
      this.#backlogBytes -= piece.length;
      this.#written = 0;
    }
    this.#peer.notify();
  }

  #receive(message: LinkMessage): void {
    if (!this.#open) return;
    if (this.#receiver) this.#receiver.receive(message);
    else this.#early.push(message);
    this.#mailbox.onMail();
  }
}
