// A channel that loses, repeats, reorders and breaks, turned into an ordered
// stream of frames, each delivered once: sequence numbers, cumulative acks,
// resending by the clock. Pure: events in, actions out; no I/O, no timer.
// docs/decisions/0005-reliability-in-the-session-layer.md says why.

import { unreachable } from "../base/errors.ts";
import {
  SESSION_ACK_EVERY_FRAMES,
  SESSION_FRAMES_QUEUED_MAX,
  SESSION_RESEND_MS,
  SESSION_RESEND_MS_MAX,
  SESSION_SILENCE_MS_MAX,
  SESSION_WINDOW_FRAMES,
} from "../base/limits.ts";

/** What goes over the channel; plain, so that any codec carries it. */
export interface SessionSegment {
  /** Who sends: a new life of a peer has another, larger epoch. */
  readonly epoch: number;
  /** Whom it is for, as far as the sender knows; 0 = not known yet. */
  readonly peerEpoch: number;
  /** Number of the frame, from 1; 0 when the segment is an ack alone. */
  readonly sequence: number;
  /** All frames up to here have come. */
  readonly ack: number;
  /** Asks for an ack even where nothing came. */
  readonly probe?: true;
  /** The sender has ended in an orderly way. */
  readonly goodbye?: true;
  readonly frame?: Uint8Array;
}

export type SessionEvent =
  /** The user of the session sends a frame; see `room`. */
  | { readonly type: "frame_queued"; readonly frame: Uint8Array }
  | { readonly type: "segment_received"; readonly segment: SessionSegment }
  /** There is a channel, the first or a new one after a break. */
  | { readonly type: "channel_opened" }
  | { readonly type: "channel_closed" }
  /** There is other evidence that the peer lives. */
  | { readonly type: "peer_seen" }
  /** The user waits for acks: the peer is to send its own at once. */
  | { readonly type: "ack_wanted" }
  /** The user of the session ends; the peer is told if a channel is open. */
  | { readonly type: "session_left" }
  | { readonly type: "clock_ticked"; readonly nowMs: number };

/** Why a session is over; each means that the peer is dead to its user. */
export type SessionEnd =
  /** The peer has begun anew and knows nothing of this session. */
  | "peer_restarted"
  /** The peer has said goodbye. */
  | "peer_left"
  /** Nothing was heard for too long. */
  | "peer_silent"
  /** The peer says what no honest peer says. */
  | "protocol_broken";

export type SessionAction =
  | { readonly type: "send_segment"; readonly segment: SessionSegment }
  | { readonly type: "deliver_frame"; readonly frame: Uint8Array }
  /** There is room for frames again. */
  | { readonly type: "resume_sender" }
  | { readonly type: "end_session"; readonly reason: SessionEnd };

export interface SessionOptions {
  /** Of this life of this side: above 0, above those of former lives. */
  readonly epoch: number;
  /** The time on the clock that will tick. */
  readonly nowMs: number;
  /** @default {SESSION_WINDOW_FRAMES} */
  readonly windowFrames?: number;
  /** @default {SESSION_FRAMES_QUEUED_MAX} */
  readonly queuedFramesMax?: number;
  /**
   * Whether a channel loses nothing while it is open. Then nothing is sent
   * again until there is a new one, and acks wait for a frame, for some more
   * to come, or for the clock.
   * @default {false}
   */
  readonly isChannelReliable?: boolean;
  /** Gets each frame back that the peer has for certain. */
  readonly onAcknowledged?: (frame: Uint8Array) => void;
}

/** See the head of the file. One per side; both sides are the same. */
export class ReliableSession {
  readonly #epoch: number;
  readonly #windowFrames: number;
  readonly #queuedFramesMax: number;
  readonly #isChannelReliable: boolean;
  readonly #onAcknowledged: (frame: Uint8Array) => void;
  #peerEpoch = 0;
  #isOpen = false;
  #ended = false;
  #nowMs: number;
  #heardAtMs: number;
  /** Frames that are not acknowledged: the first is `#acked + 1`. */
  #unacked: Uint8Array[] = [];
  #unackedBytes = 0;
  /** The last frame that the peer has for certain. */
  #acked = 0;
  /** The last frame that was sent over this channel; at least `#acked`. */
  #sent = 0;
  #resendMs = SESSION_RESEND_MS;
  #resendAtMs = 0;
  #wasFull = false;
  /** The last frame that was delivered. */
  #delivered = 0;
  /** Frames that came before one that is missing; all within the window. */
  readonly #early = new Map<number, Uint8Array>();
  #owesAck = false;
  /** Frames that came since the last ack went out. */
  #owedFrames = 0;
  /** The ack that is owed waits no longer. */
  #ackIsDue = false;
  #actions: SessionAction[] = [];

  constructor(options: SessionOptions) {
    this.#epoch = options.epoch;
    this.#nowMs = options.nowMs;
    this.#heardAtMs = options.nowMs;
    this.#windowFrames = options.windowFrames ?? SESSION_WINDOW_FRAMES;
    this.#queuedFramesMax = options.queuedFramesMax ??
      SESSION_FRAMES_QUEUED_MAX;
    this.#isChannelReliable = options.isChannelReliable ?? false;
    this.#onAcknowledged = options.onAcknowledged ?? (() => {});
  }

  /** How many frames may be queued now; wait for `resume_sender` at 0. */
  get room(): number {
    return Math.max(0, this.#queuedFramesMax - this.#unacked.length);
  }

  /** The bytes of all frames that are not acknowledged. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  /** Whether an ack waits for the next tick. */
  get owesAck(): boolean {
    return this.#owesAck && this.#isOpen;
  }

  /** When the clock must tick, unless something happens before. */
  get dueAtMs(): number {
    const silentAtMs = this.#heardAtMs + SESSION_SILENCE_MS_MAX + 1;
    return this.#isOpen ? Math.min(this.#resendAtMs, silentAtMs) : silentAtMs;
  }

  /** When the peer was last heard of, on the clock that ticks. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether everything that was queued has arrived. */
  get isSettled(): boolean {
    return this.#unacked.length === 0;
  }

  handle(event: SessionEvent): SessionAction[] {
    this.#actions = [];
    if (this.#ended) return this.#actions;
    this.#apply(event);
    if (this.#isOpen && !this.#ended) this.#sendDue();
    return this.#actions;
  }

  #apply(event: SessionEvent): void {
    switch (event.type) {
      case "frame_queued":
        if (this.room === 0) {
          throw new RangeError(
            `Cannot queue a frame: ${this.#unacked.length} wait already. ` +
              "Wait until there is room",
          );
        }
        if (this.isSettled) this.#resetResending();
        this.#unacked.push(event.frame);
        this.#unackedBytes += event.frame.length;
        this.#wasFull = this.room === 0;
        return;
      case "segment_received":
        return this.#received(event.segment);
      case "channel_opened":
        this.#isOpen = true;
        // What was under way on the last channel may be lost with it.
        this.#sent = this.#acked;
        this.#resetResending();
        // Says who we are, and asks what the peer has.
        return this.#send(0, undefined, { probe: true });
      case "channel_closed":
        this.#isOpen = false;
        return;
      case "peer_seen":
        this.#heardAtMs = this.#nowMs;
        return;
      case "ack_wanted":
        this.#sendDue();
        return this.#send(0, undefined, { probe: true });
      case "session_left":
        if (this.#isOpen) this.#send(0, undefined, { goodbye: true });
        return this.#close();
      case "clock_ticked":
        return this.#tick(event.nowMs);
      default:
        return unreachable(event);
    }
  }

  // -- Receiving -------------------------------------------------------------

  #received(segment: SessionSegment): void {
    const { epoch, peerEpoch, sequence, ack, frame } = segment;
    // Meant for a former life of ours, or from one of the peer's.
    if (epoch < this.#peerEpoch) return;
    if (peerEpoch !== 0 && peerEpoch < this.#epoch) {
      return this.#answerStranger(segment);
    }
    if (this.#peerEpoch === 0) this.#peerEpoch = epoch;
    if (epoch > this.#peerEpoch) return this.#end("peer_restarted");
    const isSane = ack <= this.#acked + this.#unacked.length &&
      peerEpoch <= this.#epoch && (sequence === 0) === (frame === undefined);
    if (!isSane) return this.#end("protocol_broken");
    this.#heardAtMs = this.#nowMs;
    this.#acknowledged(ack);
    if (frame) this.#take(sequence, frame);
    if (segment.goodbye) return this.#end("peer_left");
    if (!frame && !segment.probe) return;
    this.#owesAck = true;
    this.#owedFrames++;
    this.#ackIsDue ||= segment.probe === true || !this.#isChannelReliable ||
      this.#owedFrames >= SESSION_ACK_EVERY_FRAMES;
  }

  /** Who speaks to a former life of ours must learn that it is over. */
  #answerStranger({ epoch }: SessionSegment): void {
    if (this.#peerEpoch === 0 || this.#peerEpoch === epoch) {
      this.#send(0);
    }
  }

  #acknowledged(ack: number): void {
    const count = ack - this.#acked;
    if (count <= 0) return;
    for (const frame of this.#unacked.splice(0, count)) {
      this.#unackedBytes -= frame.length;
      this.#onAcknowledged(frame);
    }
    this.#acked = ack;
    this.#sent = Math.max(this.#sent, ack);
    this.#resetResending();
    if (!this.#wasFull) return;
    this.#wasFull = false;
    this.#actions.push({ type: "resume_sender" });
  }

  #take(sequence: number, frame: Uint8Array): void {
    if (sequence > this.#delivered + this.#windowFrames) {
      return this.#end("protocol_broken");
    }
    if (sequence <= this.#delivered) return;
    const isNext = sequence === this.#delivered + 1;
    // The frame is a view on what the channel has received.
    this.#early.set(sequence, isNext ? frame : frame.slice());
    for (;;) {
      const next = this.#early.get(this.#delivered + 1);
      if (!next) return;
      this.#delivered++;
      this.#early.delete(this.#delivered);
      this.#actions.push({ type: "deliver_frame", frame: next });
    }
  }

  // -- Sending ---------------------------------------------------------------

  #tick(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    if (this.#nowMs - this.#heardAtMs > SESSION_SILENCE_MS_MAX) {
      return this.#end("peer_silent");
    }
    if (this.#owesAck) this.#ackIsDue = true;
    if (!this.#isOpen || this.#nowMs < this.#resendAtMs) return;
    this.#resendMs = Math.min(this.#resendMs * 2, SESSION_RESEND_MS_MAX);
    this.#resendAtMs = this.#nowMs + this.#resendMs;
    if (this.#sent > this.#acked && !this.#isChannelReliable) {
      this.#sent = this.#acked;
    } else {
      // Nothing to say again: hears whether the peer is still there.
      this.#send(0, undefined, { probe: true });
    }
  }

  /** Sends what the window allows, or the ack that is owed. */
  #sendDue(): void {
    const last = this.#acked +
      Math.min(this.#unacked.length, this.#windowFrames);
    while (this.#sent < last) {
      this.#sent++;
      this.#send(this.#sent, this.#unacked[this.#sent - this.#acked - 1]);
    }
    if (this.#ackIsDue) this.#send(0);
  }

  #resetResending(): void {
    this.#resendMs = SESSION_RESEND_MS;
    this.#resendAtMs = this.#nowMs + this.#resendMs;
  }

  #send(
    sequence: number,
    frame?: Uint8Array,
    flags: { readonly probe?: true; readonly goodbye?: true } = {},
  ): void {
    this.#owesAck = false;
    this.#ackIsDue = false;
    this.#owedFrames = 0;
    this.#actions.push({
      type: "send_segment",
      segment: {
        epoch: this.#epoch,
        peerEpoch: this.#peerEpoch,
        sequence,
        ack: this.#delivered,
        ...(frame ? { frame } : {}),
        ...flags,
      },
    });
  }

  #end(reason: SessionEnd): void {
    this.#close();
    this.#actions.push({ type: "end_session", reason });
  }

  #close(): void {
    this.#ended = true;
    this.#unacked = [];
    this.#unackedBytes = 0;
    this.#early.clear();
  }
}
