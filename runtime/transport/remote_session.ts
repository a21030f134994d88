// Runs a reliable session and its streams over channels that come and go: the
// shell of two pure parts. Who opens a new channel after a break is not its
// business (`session_dialer.ts` does, the node waits).

import type { Clock, Timers } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import {
  CHANNEL_STALL_MS_MAX,
  GOODBYE_MS_MAX,
  PEER_LIVES_EVERY_MS,
  SESSION_ACK_DELAY_MS,
  SESSION_UNACKED_BYTES_MAX,
  THREAD_LATE_MS_MAX,
} from "../base/limits.ts";
import type { Channel } from "../platform/channel.ts";
import {
  decodePacket,
  encodePacket,
  PacketFrame,
} from "../protocol/session_packet.ts";
import {
  ReliableSession,
  type SessionEnd,
  type SessionEvent,
} from "./reliable_session.ts";
import { RemoteStreams } from "./remote_streams.ts";

/** Why a session is over for its user. */
export type RemoteSessionEnd =
  | SessionEnd
  /** This side has left. */
  | "left"
  /** The peer's process is gone. */
  | "peer_died"
  /** The first try to connect has failed. */
  | "not_connected"
  /** The node refuses to go on: another token, another version. */
  | "peer_refuses";

export interface RemoteSessionOptions {
  /** Grows from one life of this side to the next. */
  readonly epoch: number;
  /** Whether this side, the node, numbers the streams. */
  readonly isNumbering: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Called once; no stream says anything any more. */
  readonly onEnded: (reason: RemoteSessionEnd) => void;
  /** Streams have got something: the thread's turn begins. */
  readonly onReceived?: () => void;
  /** The channel is gone, and the session is not. */
  readonly onDetached?: () => void;
}

/** How old the session's time may be when something comes. */
const TIME_MS_MAX = 1_000;

/** See the head of the file. */
export class RemoteSession {
  readonly streams: RemoteStreams;
  /**
   * Whether the peer's process lives, for one of this machine; undefined when
   * that cannot be known. Such a peer may be silent for as long as it wants.
   */
  peerLives: () => boolean | undefined = () => undefined;
  /** With `protocol_broken`: what one side has sent that is no message. */
  brokenBy: ProtocolError | undefined;
  readonly #options: RemoteSessionOptions;
  readonly #session: ReliableSession;
  #channel: Channel | undefined;
  #pumpIsDue = false;
  /** Time in which this thread did not run, and nobody can be blamed. */
  #lostMs = 0;
  #tickedAtMs: number;
  /** Something came over this channel since the last tick. */
  #hasHeard = false;
  #heardAtMs = 0;
  #lookedAtMs = -Infinity;
  #peerLived: boolean | undefined;
  #cancelTimer = () => {};
  #timerAtMs = Infinity;
  #end: RemoteSessionEnd | undefined;
  #whenSettled: (() => void) | undefined;

  constructor(options: RemoteSessionOptions) {
    this.#options = options;
    this.#tickedAtMs = this.#nowMs();
    this.#session = new ReliableSession({
      epoch: options.epoch,
      nowMs: this.#tickedAtMs,
      isChannelReliable: true,
      onAcknowledged: (frame) => PacketFrame.giveBack(frame),
    });
    this.streams = new RemoteStreams({
      isNumbering: options.isNumbering,
      onOutput: () => this.#schedule(),
    });
    this.#arm();
  }

  /** Why it is over, if it is. */
  get end(): RemoteSessionEnd | undefined {
    return this.#end;
  }

  get isAttached(): boolean {
    return this.#channel !== undefined;
  }

  /** Goes on over this channel; the one before it, if any, is closed. */
  attach(channel: Channel): void {
    if (this.#end) return channel.close();
    this.#channel?.close();
    if (this.#channel) this.#handle({ type: "channel_closed" });
    this.#channel = channel;
    this.#heardAtMs = this.#nowMs();
    this.#handle({ type: "channel_opened" });
    channel.start({
      message: (bytes) => this.#received(channel, bytes),
      closed: () => this.#detached(channel),
    });
    this.#arm();
  }

  /** Ends in an orderly way: what was sent arrives, if it can in time. */
  async leave(): Promise<void> {
    if (this.#end) return;
    this.#pump();
    if (!this.isSettled && this.#channel) {
      this.#handle({ type: "ack_wanted" });
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenSettled = resolve;
      const cancel = this.#options.timers.after(GOODBYE_MS_MAX, resolve);
      await promise;
      cancel();
    }
    this.#handle({ type: "session_left" });
    this.over("left");
  }

  /** Ends at once, for what one side has sent. */
  breakOff(error: ProtocolError): void {
    this.brokenBy ??= error;
    this.over("protocol_broken");
  }

  /** Ends at once; the peer hears nothing of it. */
  over(reason: RemoteSessionEnd): void {
    if (this.#end) return;
    this.#end = reason;
    this.#cancelTimer();
    this.#channel?.close();
    this.#channel = undefined;
    this.#whenSettled?.();
    this.streams.closeAll();
    this.#options.onEnded(reason);
  }

  /** Whether all that was sent has arrived. */
  get isSettled(): boolean {
    return this.#session.isSettled && this.streams.queuedBytes === 0;
  }

  // -- Sending ---------------------------------------------------------------

  /** Sends what is queued without waiting for the end of the turn. */
  sendNow(): void {
    if (this.#end || !this.streams.hasOutput) return;
    this.#pump();
    this.#arm();
  }

  /** What is sent in one turn of the event loop goes in as few frames. */
  #schedule(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    queueMicrotask(() => {
      this.#pumpIsDue = false;
      this.#pump();
      this.#arm();
    });
  }

  #pump(): void {
    const session = this.#session;
    while (
      !this.#end && session.room > 0 &&
      session.unackedBytes < SESSION_UNACKED_BYTES_MAX
    ) {
      const frame = this.streams.nextFrame();
      if (!frame) return;
      this.#handle({ type: "frame_queued", frame });
    }
  }

  #handle(event: SessionEvent): void {
    for (const action of this.#session.handle(event)) {
      switch (action.type) {
        case "send_segment":
          // A channel that breaks says so by itself, later.
          this.#channel?.send(encodePacket(action.segment));
          break;
        case "deliver_frame":
          if (!this.#end) this.streams.receive(action.frame);
          break;
        case "resume_sender":
          this.#schedule();
          break;
        case "end_session":
          this.over(action.reason);
          break;
      }
    }
  }

  // -- Receiving -------------------------------------------------------------

  #received(channel: Channel, bytes: Uint8Array): void {
    if (channel !== this.#channel) return;
    if (this.#nowMs() - this.#tickedAtMs > TIME_MS_MAX) this.#tick();
    if (channel !== this.#channel) return;
    this.#hasHeard = true;
    try {
      const segment = decodePacket(bytes);
      this.#handle({ type: "segment_received", segment });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.breakOff(error);
    }
    if (this.#end) return;
    this.#options.onReceived?.();
    if (this.streams.hasOutput) this.#pump();
    if (this.#whenSettled && this.isSettled) this.#whenSettled();
    this.#arm();
  }

  #detached(channel: Channel): void {
    if (channel !== this.#channel) return;
    this.#channel = undefined;
    this.#handle({ type: "channel_closed" });
    if (this.#end) return;
    if (this.peerLives() === false) return this.over("peer_died");
    this.#arm();
    this.#options.onDetached?.();
  }

  // -- Time ------------------------------------------------------------------

  #nowMs(): number {
    return this.#options.clock.nowMs() - this.#lostMs;
  }

  /** Asked for at most so often while there is a channel: it is a file. */
  #looksForPeer(nowMs: number): boolean | undefined {
    const isFresh = nowMs - this.#lookedAtMs < PEER_LIVES_EVERY_MS;
    if (this.#channel && isFresh) return this.#peerLived;
    this.#lookedAtMs = nowMs;
    return this.#peerLived = this.peerLives();
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    this.#tickedAtMs = nowMs;
    if (this.#hasHeard) this.#heardAtMs = nowMs;
    this.#hasHeard = false;
    const channel = this.#channel;
    const lives = this.#looksForPeer(nowMs);
    if (!channel && lives === false) return this.over("peer_died");
    if (channel && lives) this.#handle({ type: "peer_seen" });
    this.#handle({ type: "clock_ticked", nowMs });
    if (this.#end || !channel || channel !== this.#channel) return;
    if (lives || nowMs - this.#heardAtMs <= CHANNEL_STALL_MS_MAX) return;
    // Half open, maybe: nothing will say so, and a new one may do better.
    channel.close();
    this.#detached(channel);
  }

  /** Sets the one timer for what is due first. */
  #arm(): void {
    if (this.#end) return;
    const nowMs = this.#nowMs();
    let dueAtMs = this.#session.dueAtMs;
    if (this.#session.owesAck) {
      dueAtMs = Math.min(dueAtMs, nowMs + SESSION_ACK_DELAY_MS);
    }
    if (!this.#channel) {
      dueAtMs = Math.min(dueAtMs, nowMs + PEER_LIVES_EVERY_MS);
    }
    if (this.#timerAtMs <= dueAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = dueAtMs;
    const delayMs = Math.max(1, dueAtMs - nowMs);
    this.#cancelTimer = this.#options.timers.after(delayMs, () => {
      this.#timerAtMs = Infinity;
      const lateMs = this.#nowMs() - (nowMs + delayMs);
      if (lateMs > THREAD_LATE_MS_MAX) this.#lostMs += lateMs;
      this.#tick();
      this.#arm();
    });
  }
}
