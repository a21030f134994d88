// The calls of this thread on one actor: sent in the order submitted, held
// back while the actor is made or restarted, resent or failed when it dies.

import { Deque } from "../base/deque.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import { ACTOR_CALLS_UNDER_WAY_MAX } from "../base/limits.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { ActorPin } from "./ports.ts";
import type { TaskRecord } from "./task_record.ts";

export type ActorState = "PENDING_CREATION" | "ALIVE" | "RESTARTING" | "DEAD";

/** What a channel does to the world. */
export interface ActorEffects {
  /** Sends calls, in order, to the thread that hosts the actor. */
  push(
    thread: WorkerId,
    calls: readonly TaskRecord[],
    incarnation: number,
  ): void;
  /** Settles the call with an error. */
  fail(call: TaskRecord, error: WireError): void;
  /** The error of a sent call; `reason` ended the actor's thread, if known. */
  lost(call: TaskRecord, reason: WireError | undefined): WireError;
  /** A sent call is sent again; its thread was lost with it. */
  sentAgain(call: TaskRecord, reason: WireError | undefined): void;
}

/** See the head of the file. */
export class ActorChannel {
  readonly actorId: ActorId;
  state: ActorState = "PENDING_CREATION";
  threadId: WorkerId | undefined;
  incarnation = -1;
  /** Whether the node tells us of the actor's state. */
  watched = false;
  /** Why the actor is dead. */
  deathError: WireError | undefined;
  readonly #effects: ActorEffects;
  readonly #whenDead: (() => void)[] = [];
  /** Submitted and not sent; may wait for arguments. */
  readonly #queue = new Deque<TaskRecord>();
  /** This thread has killed the actor and has not heard of its end. */
  #killed = false;
  /** Why the actor's thread has ended, if it was not its own doing. */
  #threadError: WireError | undefined;
  /** How many of the queue have ended there: failed or cancelled. */
  #withdrawnCount = 0;
  /** Sent and not answered, in the order sent. */
  readonly #sent = new Set<TaskRecord>();
  /** How many of the sent were stopped: nobody waits for their outcome. */
  #stoppedCount = 0;
  /** What keeps the actor alive while somebody waits for an outcome. */
  readonly #kept = new Set<ActorPin>();

  constructor(actorId: ActorId, effects: ActorEffects) {
    this.actorId = actorId;
    this.#effects = effects;
  }

  /** Calls back when the actor is dead; at once if it is. */
  whenDead(callback: () => void): void {
    if (this.state === "DEAD") callback();
    else this.#whenDead.push(callback);
  }

  /** Whether somebody is to be called back when the actor is dead. */
  get isAwaited(): boolean {
    return this.#whenDead.length > 0;
  }

  /** The call that was sent first of those without an outcome. */
  get first(): TaskRecord | undefined {
    return this.#sent.values().next().value;
  }

  /** Calls that have no outcome yet. */
  get pendingCount(): number {
    return this.#queue.length - this.#withdrawnCount + this.#sent.size;
  }

  /** Keeps the actor alive until all calls have an outcome. */
  keep(hold: ActorPin): void {
    if (!this.#isAwaitedFor || this.#kept.has(hold)) return;
    this.#kept.add(hold);
    hold.pin();
  }

  get #isAwaitedFor(): boolean {
    return this.pendingCount > this.#stoppedCount;
  }

  #letGo(): void {
    if (this.#kept.size === 0 || this.#isAwaitedFor) return;
    for (const hold of this.#kept) {
      this.#kept.delete(hold);
      hold.unpin();
    }
  }

  /** Takes a call in; it is sent by `dispatch` once it is "queued". */
  submit(call: TaskRecord): void {
    if (this.state === "DEAD") this.#fail(call, this.deathError!);
    else this.#queue.push(call);
  }

  /** Sends what can be sent: ready calls up to the first that waits. */
  dispatch(): void {
    this.#dropWithdrawn();
    if (this.state !== "ALIVE" || !this.threadId || this.#killed) return;
    const calls: TaskRecord[] = [];
    for (;;) {
      const call = this.#queue.peek();
      if (!call || this.#sent.size >= ACTOR_CALLS_UNDER_WAY_MAX) break;
      if (call.status === "waiting") break;
      this.#queue.shift();
      call.status = "pushed";
      call.place = this;
      this.#sent.add(call);
      calls.push(call);
      this.#dropWithdrawn();
    }
    if (calls.length === 0) return;
    this.#effects.push(this.threadId, calls, this.incarnation);
  }

  /** A sent call has its outcome. */
  ended(call: TaskRecord): void {
    this.#sent.delete(call);
    call.place = undefined;
    if (call.stopped) this.#stoppedCount--;
    this.#letGo();
  }

  /** A sent call has failed, and is to be tried once more. */
  resubmit(call: TaskRecord): void {
    this.#sent.delete(call);
    call.place = undefined;
    call.status = "queued";
    this.submit(call);
  }

  /** A sent call was stopped; its thread may never be done with it. */
  stopped(): void {
    this.#stoppedCount++;
    this.#letGo();
  }

  /** Hands what was not sent over to another channel. */
  redirect(target: ActorChannel): void {
    for (const callback of this.#whenDead.splice(0)) callback();
    for (;;) {
      this.#dropWithdrawn();
      const call = this.#queue.shift();
      if (!call) break;
      target.submit(call);
    }
    for (const hold of this.#kept) target.keep(hold);
    this.#letGo();
  }

  /** A call of the queue has ended before it was sent. */
  withdrawn(): void {
    this.#withdrawnCount++;
    this.#letGo();
  }

  /** Takes calls that have ended from the head of the queue. */
  #dropWithdrawn(): void {
    while (this.#queue.peek()?.status === "ended") {
      this.#queue.shift();
      this.#withdrawnCount--;
    }
  }

  /** What is called after `kill()` must not run before it. */
  killed(): void {
    this.#killed = true;
  }

  /** Its thread was stopped; what the actor becomes is told next. */
  threadEnded(reason: WireError): void {
    this.#threadError = reason;
  }

  /** Sent calls of an actor that lives, as far as is known, on that thread. */
  sentTo(threadId: WorkerId): TaskRecord[] {
    const isThere = this.state === "ALIVE" && this.threadId === threadId;
    return isThere ? [...this.#sent] : [];
  }

  /** These were sent to a thread that is cut off, and nothing came of them. */
  cutOff(calls: readonly TaskRecord[], reason: WireError): void {
    this.#recover(calls.filter((call) => this.#sent.has(call)), reason);
    this.dispatch();
  }

  /** There is no such actor, or none any more, whatever was known of it. */
  gone(error: WireError | undefined): void {
    this.changed("DEAD", Math.max(0, this.incarnation), undefined, error);
  }

  changed(
    state: ActorState,
    incarnation: number,
    threadId: WorkerId | undefined,
    error: WireError | undefined,
  ): void {
    if (this.state === "DEAD" || incarnation < this.incarnation) return;
    const restarted = incarnation > this.incarnation && this.incarnation >= 0;
    const ended = state === "RESTARTING" || state === "DEAD" || restarted;
    const lost = this.#sent.size > 0 && ended;
    if (ended) this.#killed = false;
    this.state = state;
    this.incarnation = incarnation;
    this.threadId = threadId;
    if (state === "DEAD") {
      this.deathError = error;
      for (const callback of this.#whenDead.splice(0)) callback();
    }
    if (lost) this.#recover([...this.#sent], this.#threadError);
    if (lost) this.#threadError = undefined;
    if (state === "DEAD") this.#failQueue();
    else this.dispatch();
  }

  /** The sent calls may or may not have run: resends those that allow it. */
  #recover(calls: readonly TaskRecord[], reason: WireError | undefined): void {
    // First what goes on: the last call that fails lets go of the actor.
    for (const call of calls.toReversed()) {
      if (!this.#maySendAgain(call)) continue;
      this.#effects.sentAgain(call, reason);
      this.#sent.delete(call);
      call.place = undefined;
      call.attempt++;
      call.status = "queued";
      this.#queue.unshift(call);
    }
    for (const call of calls.filter((call) => this.#sent.has(call))) {
      const error = reason ? undefined : this.deathError;
      this.#fail(call, error ?? this.#effects.lost(call, reason));
    }
  }

  #maySendAgain({ template, attempt, cancelRequested }: TaskRecord): boolean {
    const { maxRetries } = template;
    return this.state !== "DEAD" && !cancelRequested &&
      (maxRetries < 0 || attempt < maxRetries);
  }

  #failQueue(): void {
    for (;;) {
      this.#dropWithdrawn();
      const call = this.#queue.shift();
      if (!call) return;
      this.#fail(call, this.deathError!);
    }
  }

  /** Fails a call that is in no queue any more; it leaves by `ended`. */
  #fail(call: TaskRecord, error: WireError): void {
    this.#sent.add(call);
    call.place = this;
    this.#effects.fail(call, error);
  }
}
