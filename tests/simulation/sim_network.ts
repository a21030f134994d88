// The links of a simulated cluster: perfect rings with delays, or sessions
// over channels that lose, repeat, reorder and break. What arrives when is
// thrown by dice; nothing here runs by itself.

import { ClaimTable, newClaimBuffer } from "../../runtime/transport/claims.ts";
import type {
  Link,
  LinkMessage,
  LinkReceiver,
} from "../../runtime/transport/link.ts";
import {
  ReliableSession,
  type SessionEvent,
  type SessionSegment,
} from "../../runtime/transport/reliable_session.ts";
import {
  encodeFrame,
  joinFrame,
  readFrame,
} from "../../runtime/protocol/frame_codec.ts";
import { assert } from "../support/harness.ts";
import type { Dice } from "./dice.ts";

/** No message of a ring is under way for longer. */
const LATENCY_MS_MAX = 30;

interface Transit<T> {
  readonly sentAtMs: number;
  readonly content: T;
}

/** All links, and what is under way on them. */
export class SimNetwork {
  nowMs = 0;
  /** How often a channel loses or repeats something; 0 in a calm world. */
  faults: number;
  readonly #dice: Dice;
  #links: SimLink[] = [];
  #epoch = 0;

  constructor(dice: Dice, faults: number) {
    this.#dice = dice;
    this.faults = faults;
  }

  /** Two ends; a `wake` is called when its end has got something. */
  connect(
    wakes: readonly [() => void, () => void],
    isLossy: boolean,
  ): [SimLink, SimLink] {
    const forth = new ClaimTable(newClaimBuffer());
    const back = new ClaimTable(newClaimBuffer());
    const source = new SimLink(this, forth, back, wakes[0]);
    const target = new SimLink(this, back, forth, wakes[1]);
    source.peer = target;
    target.peer = source;
    if (isLossy) {
      source.session = this.#session();
      target.session = this.#session();
    }
    this.#links.push(source, target);
    source.opened();
    target.opened();
    return [source, target];
  }

  #session(): ReliableSession {
    const epoch = ++this.#epoch;
    return new ReliableSession({ epoch, nowMs: this.nowMs, windowFrames: 8 });
  }

  /** Whether nothing is under way that somebody will take in. */
  get isQuiet(): boolean {
    return this.#links.every((link) => link.isQuiet);
  }

  /** Something arrives somewhere. */
  deliver(): void {
    const busy = this.#links.filter((link) => link.hasMail);
    if (busy.length === 0) return;
    const link = this.#dice.pick(busy);
    const count = 1 + this.#dice.below(4);
    for (let turn = 0; turn < count; turn++) link.deliverOne(this.#dice);
  }

  /** Time passes; what would be late by then arrives before. */
  advance(ms: number): void {
    this.nowMs += ms;
    for (const link of [...this.#links]) {
      link.deliverUntil(this.nowMs - LATENCY_MS_MAX);
      link.feed({ type: "clock_ticked", nowMs: this.nowMs });
    }
    this.#links = this.#links.filter((link) => !link.isOver);
  }

  /** A channel breaks and comes back. */
  breakSome(): void {
    const lossy = this.#links.filter(({ session }) => session);
    if (lossy.length === 0) return;
    const link = this.#dice.pick(lossy);
    for (const end of [link, link.peer!]) end.lose();
    for (const end of [link, link.peer!]) end.opened();
  }

  /** For links: how often a segment is sent. */
  copies(): number {
    if (this.#dice.chance(this.faults)) return 0;
    return this.#dice.chance(this.faults) ? 2 : 1;
  }
}

/** One end of a simulated link. */
export class SimLink implements Link {
  readonly pushed: ClaimTable;
  readonly taken: ClaimTable;
  readonly backlogBytes = 0;
  peer: SimLink | undefined;
  session: ReliableSession | undefined;
  readonly #network: SimNetwork;
  readonly #wake: () => void;
  #outgoing: LinkMessage[] = [];
  #frames: Transit<Uint8Array>[] = [];
  #shared: Transit<LinkMessage>[] = [];
  #segments: Transit<SessionSegment>[] = [];
  #receiver: LinkReceiver | undefined;
  #early: LinkMessage[] = [];
  /** This side has closed the link, or its thread has died. */
  #closed = false;

  constructor(
    network: SimNetwork,
    pushed: ClaimTable,
    taken: ClaimTable,
    wake: () => void,
  ) {
    this.#network = network;
    this.pushed = pushed;
    this.taken = taken;
    this.#wake = wake;
  }

  get isQuiet(): boolean {
    if (this.#closed || this.peer!.#closed) return true;
    return this.#frames.length === 0 && this.#shared.length === 0 &&
      this.#early.length === 0 && (this.session?.isSettled ?? true);
  }

  get isOver(): boolean {
    return this.#closed && this.peer!.#closed;
  }

  get hasMail(): boolean {
    return !this.#closed && this.#frames.length + this.#shared.length +
            this.#segments.length > 0;
  }

  // -- As a link -------------------------------------------------------------

  start(receiver: LinkReceiver): void {
    if (this.#closed) return;
    this.#receiver = receiver;
    for (const message of this.#early.splice(0)) receiver.receive(message);
  }

  send(message: LinkMessage): void {
    this.#outgoing.push(message);
  }

  flush(): void {
    if (this.#outgoing.length === 0 || this.#closed) return;
    const frame = joinFrame(encodeFrame(this.#outgoing));
    this.#outgoing = [];
    if (this.session) this.feed({ type: "frame_queued", frame });
    else this.peer!.#frames.push(this.#transit(frame));
  }

  sendShared(message: LinkMessage): void {
    if (this.#closed) return;
    this.peer!.#shared.push(this.#transit(message));
  }

  sendBacklog(): void {}

  drain(): void {
    this.deliverUntil(Infinity);
  }

  close(): void {
    this.flush();
    this.kill();
  }

  /** The thread on this side is gone. */
  kill(): void {
    this.#closed = true;
    this.#receiver = undefined;
  }

  // -- As a simulation -------------------------------------------------------

  opened(): void {
    this.feed({ type: "channel_opened" });
  }

  /** What is under way to this end is lost. */
  lose(): void {
    this.#segments = [];
    this.feed({ type: "channel_closed" });
  }

  feed(event: SessionEvent): void {
    if (!this.session || this.#closed) return;
    for (const action of this.session.handle(event)) {
      switch (action.type) {
        case "send_segment":
          for (let copy = this.#network.copies(); copy > 0; copy--) {
            this.peer!.#segments.push(this.#transit(action.segment));
          }
          break;
        case "deliver_frame":
          this.#receive(action.frame);
          break;
        case "end_session":
          // Dead threads fall silent; those alive must never lose each other.
          assert(this.peer!.#closed, `A session has ended: ${action.reason}`);
          this.#closed = true;
          break;
      }
    }
  }

  deliverOne(dice: Dice): void {
    const { length } = this.#segments;
    if (length > 0 && dice.chance(0.7)) {
      // Segments overtake one another.
      const at = dice.chance(0.7) ? 0 : dice.below(length);
      const [segment] = this.#segments.splice(at, 1);
      this.feed({ type: "segment_received", segment: segment!.content });
    } else if (this.#shared.length > 0 && dice.chance(0.5)) {
      this.#receiveShared();
    } else if (this.#frames.length > 0) {
      this.#receive(this.#frames.shift()!.content);
    }
  }

  deliverUntil(atMs: number): void {
    while (!this.#closed && this.#isDue(this.#shared, atMs)) {
      this.#receiveShared();
    }
    while (!this.#closed && this.#isDue(this.#frames, atMs)) {
      this.#receive(this.#frames.shift()!.content);
    }
  }

  #isDue(queue: readonly Transit<unknown>[], atMs: number): boolean {
    const first = queue[0];
    return first !== undefined && first.sentAtMs < atMs;
  }

  #transit<T>(content: T): Transit<T> {
    return { sentAtMs: this.#network.nowMs, content };
  }

  #receiveShared(): void {
    this.#take(this.#shared.shift()!.content);
    this.#wake();
  }

  #receive(frame: Uint8Array): void {
    if (this.#closed) return;
    for (const message of readFrame(frame)) this.#take(message);
    this.#wake();
  }

  #take(message: LinkMessage): void {
    // A link that was closed by the message before takes nothing more.
    if (this.#closed) return;
    if (this.#receiver) this.#receiver.receive(message);
    else this.#early.push(message);
  }
}
