// A link between two threads of one process: a ring each way for frames, a
// MessagePort as doorbell and for what only structured clone can carry
// (SharedArrayBuffers, ports, frames too large for the ring).

import { RING_BYTES } from "../base/limits.ts";
import { decodeFrame, encodeFrame } from "../protocol/frame_codec.ts";
import { ClaimTable, newClaimBuffer } from "./claims.ts";
import type { Link, LinkMessage, LinkReceiver } from "./link.ts";
import { type Mailbox, type MailboxBuffer, MailboxSignal } from "./mailbox.ts";
import { newRingBuffer, RingReader, RingWriter } from "./ring.ts";

/** What a thread needs to open its side; structured-cloneable. */
export interface RingLinkEnd {
  readonly port: MessagePort;
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  readonly pushed: SharedArrayBuffer;
  readonly taken: SharedArrayBuffer;
  /** The mailbox of the thread on the other side. */
  readonly peerMailbox: MailboxBuffer;
}

/** What travels on the port. */
type PortMessage =
  | { readonly type: "doorbell" }
  | { readonly type: "frame"; readonly bytes: Uint8Array }
  | { readonly type: "shared"; readonly message: LinkMessage }
  | { readonly type: "closed" };

/** Makes both ends of a link between the owners of the two mailboxes. */
export function newRingLinkEnds(
  source: MailboxBuffer,
  target: MailboxBuffer,
): [RingLinkEnd, RingLinkEnd] {
  const { port1, port2 } = new MessageChannel();
  const forth = newRingBuffer(RING_BYTES);
  const back = newRingBuffer(RING_BYTES);
  const forthClaims = newClaimBuffer();
  const backClaims = newClaimBuffer();
  return [
    {
      port: port1,
      incoming: back,
      outgoing: forth,
      pushed: forthClaims,
      taken: backClaims,
      peerMailbox: target,
    },
    {
      port: port2,
      incoming: forth,
      outgoing: back,
      pushed: backClaims,
      taken: forthClaims,
      peerMailbox: source,
    },
  ];
}

const DOORBELL: PortMessage = { type: "doorbell" };

/** The link of one thread to another; see {@linkcode Link}. */
export class RingLink implements Link {
  readonly pushed: ClaimTable;
  readonly taken: ClaimTable;
  readonly #port: MessagePort;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #peer: MailboxSignal;
  readonly #mailbox: Mailbox;
  readonly #wake: () => void;
  #outgoing: LinkMessage[] = [];
  /** Frames that found no room in the ring; sent before anything newer. */
  #backlog: Uint8Array[] = [];
  /** Frames that came over the port and whose marker was not read yet. */
  #beside: Uint8Array[] = [];
  /** The marker was read, its frame has not come over the port yet. */
  #waitsForBeside = false;
  #receiver: LinkReceiver | undefined;
  #early: LinkMessage[] = [];
  #open = true;

  /** `wake` is called when the doorbell rang: the thread shall poll. */
  constructor(end: RingLinkEnd, mailbox: Mailbox, wake: () => void) {
    this.pushed = new ClaimTable(end.pushed);
    this.taken = new ClaimTable(end.taken);
    this.#port = end.port;
    this.#reader = new RingReader(end.incoming);
    this.#writer = new RingWriter(end.outgoing);
    this.#peer = new MailboxSignal(end.peerMailbox);
    this.#mailbox = mailbox;
    this.#wake = wake;
    this.#port.onmessage = (event) => {
      // On Deno a message refs the port again.
      unref(this.#port);
      this.#onPort(event.data);
    };
    unref(this.#port);
    mailbox.add(this);
  }

  start(receiver: LinkReceiver): void {
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
    const frame = encodeFrame(messages);
    if (this.#backlog.length === 0 && this.#write(frame)) {
      this.#notify();
    } else {
      // The encoder reuses its memory.
      this.#backlog.push(frame.slice());
    }
  }

  sendShared(message: LinkMessage, transfer: MessagePort[] = []): void {
    if (this.#open) this.#post({ type: "shared", message }, transfer);
  }

  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#post({ type: "closed" });
    this.#mailbox.remove(this);
    this.#port.close();
  }

  /** Takes in all frames that lie in the ring; called by the mailbox. */
  poll(): boolean {
    if (this.#backlog.length > 0) this.#sendBacklog();
    if (this.#waitsForBeside || !this.#receiver) return false;
    let any = false;
    for (;;) {
      const frame = this.#reader.read();
      if (frame === undefined) break;
      any = true;
      if (frame === "beside") {
        if (!this.#takeBeside()) break;
      } else {
        this.#deliver(frame);
      }
    }
    if (any && this.#reader.takeWriterWaits()) this.#notify();
    return any;
  }

  #write(frame: Uint8Array): boolean {
    if (frame.length <= this.#writer.frameBytesMax) {
      return this.#writer.write(frame);
    }
    if (!this.#writer.writeBeside()) return false;
    const bytes = frame.slice();
    this.#post({ type: "frame", bytes }, [bytes.buffer]);
    return true;
  }

  #sendBacklog(): void {
    let sent = 0;
    while (sent < this.#backlog.length && this.#write(this.#backlog[sent]!)) {
      sent++;
    }
    if (sent === 0) return;
    this.#backlog = this.#backlog.slice(sent);
    this.#notify();
  }

  #notify(): void {
    this.#peer.notify(() => this.#post(DOORBELL));
  }

  #post(message: PortMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #takeBeside(): boolean {
    const frame = this.#beside.shift();
    this.#waitsForBeside = frame === undefined;
    if (frame) this.#deliver(frame);
    return !this.#waitsForBeside;
  }

  #deliver(frame: Uint8Array): void {
    const receiver = this.#receiver!;
    for (const message of decodeFrame(frame)) receiver.receive(message);
  }

  #onPort(message: PortMessage): void {
    switch (message.type) {
      case "doorbell":
        break;
      case "frame":
        this.#beside.push(message.bytes);
        if (this.#waitsForBeside) {
          this.#takeBeside();
          this.poll();
        }
        break;
      case "shared":
        if (this.#receiver) this.#receiver.receive(message.message);
        else this.#early.push(message.message);
        break;
      case "closed":
        this.#onClosed();
        break;
    }
    this.#wake();
  }

  #onClosed(): void {
    if (!this.#open) return;
    this.poll();
    this.#open = false;
    this.#mailbox.remove(this);
    this.#port.close();
    this.#receiver?.closed();
  }
}

/** A link never keeps a process alive; who waits for one does. */
function unref(port: MessagePort): void {
  (port as { unref?(): void }).unref?.();
}
