// A link over one stream of a connection: frames as on a ring, a head and its
// attachments as pieces. There are no claims and no shared memory. What comes
// is not trusted: it is checked before it is decoded, and what is no frame ends
// the session with a `ProtocolError`.

import { InvariantError } from "../base/errors.ts";
import { encodeFrame, isTooLong } from "../protocol/frame_codec.ts";
import { decodeUntrusted } from "../protocol/head_check.ts";
import { FrameAssembler } from "./frame_assembler.ts";
import type { Link, LinkMessage, LinkReceiver } from "./link.ts";
import { PartQueue } from "./part_queue.ts";
import type {
  RemoteStream,
  RemoteStreams,
  StreamSink,
} from "./remote_streams.ts";

/** See the head of the file. */
export class RemoteLink implements Link, StreamSink {
  readonly #stream: RemoteStream;
  readonly #parts = new PartQueue();
  readonly #frames = new FrameAssembler(this.#parts, decodeUntrusted);
  /** Came before `start`; the stream's window bounds them. */
  #early: { readonly bytes: Uint8Array; readonly more: boolean }[] = [];
  #outgoing: LinkMessage[] = [];
  #receiver: LinkReceiver | undefined;
  #open = true;
  #receivedPieces = 0;
  /** The peer has closed before there was a receiver to tell. */
  #endedEarly = false;

  constructor(streams: RemoteStreams, streamNumber: number) {
    this.#stream = streams.open(streamNumber, this);
  }

  start(receiver: LinkReceiver): void {
    if (!this.#open) return;
    this.#receiver = receiver;
    for (const { bytes, more } of this.#early.splice(0)) this.part(bytes, more);
    if (this.#endedEarly) this.closed();
  }

  send(message: LinkMessage): void {
    this.#outgoing.push(message);
  }

  flush(): void {
    if (this.#outgoing.length === 0 || !this.#open) return;
    const messages = this.#outgoing;
    this.#outgoing = [];
    this.#sendFrames(messages);
  }

  /** Sends as few frames as the limits allow. */
  #sendFrames(messages: readonly LinkMessage[]): void {
    const frame = encodeFrame(messages);
    if (!isTooLong(frame)) {
      const { head, attachments } = frame;
      // The encoder reuses the memory of heads.
      this.#stream.send(head.slice());
      for (const bytes of attachments) this.#stream.send(bytes);
      return;
    }
    if (messages.length === 1) {
      throw new InvariantError(
        `Cannot send ${messages[0]!.type} over a connection: it is too long ` +
          "and must be sent in several",
      );
    }
    const middle = messages.length >> 1;
    this.#sendFrames(messages.slice(0, middle));
    this.#sendFrames(messages.slice(middle));
  }

  sendShared(message: LinkMessage): void {
    throw new InvariantError(
      `Cannot send ${message.type} over a connection: it shares memory`,
    );
  }

  /** What has come was delivered when it came. */
  drain(): void {}

  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#stream.close();
  }

  /** How much waits because the peer has not read what came before. */
  get backlogBytes(): number {
    return this.#stream.queuedBytes;
  }

  /** How many pieces of frames were taken in so far. */
  get receivedPieces(): number {
    return this.#receivedPieces;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  // -- As the sink of its stream ---------------------------------------------

  part(bytes: Uint8Array, more: boolean): void {
    if (!this.#receiver) {
      this.#early.push({ bytes: bytes.slice(), more });
      return;
    }
    this.#parts.push({ bytes, more });
    if (!more) this.#receivedPieces++;
    this.#stream.consumed(bytes.length);
    for (;;) {
      const contents = this.#frames.next();
      if (!contents) return;
      for (const message of contents.messages) {
        // Closed, maybe by what the message before led to.
        if (!this.#open) return;
        this.#receiver.receive(message);
      }
    }
  }

  closed(): void {
    if (!this.#open) return;
    this.#endedEarly = true;
    if (!this.#receiver) return;
    this.#open = false;
    this.#receiver.closed();
  }
}

/** A link over a stream, to whoever tells how much waits. */
export type BackedLink = Link & Pick<RemoteLink, "backlogBytes">;

/** The same link, but for the methods that are given. */
export function linkOver(
  link: RemoteLink,
  methods: Partial<Pick<Link, "start" | "send" | "sendShared" | "drain">>,
): BackedLink {
  return {
    get backlogBytes() {
      return link.backlogBytes;
    },
    start: (receiver) => link.start(receiver),
    send: (message) => link.send(message),
    sendShared: (message) => link.sendShared(message),
    flush: () => link.flush(),
    drain: () => link.drain(),
    close: () => link.close(),
    ...methods,
  };
}
