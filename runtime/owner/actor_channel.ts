// The calls of this thread on one actor: sent in the order submitted, held
// back while the actor is made or restarted, resent or failed when it dies.

import { Deque } from "../base/deque.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import { ACTOR_CALLS_UNDER_WAY_MAX } from "../base/limits.ts";
import type { WireError } from "../protocol/wire_error.ts";
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
  unavailable(channel: ActorChannel): WireError;
}

/** See the head of the file. */
export class ActorChannel {
  readonly actorId: ActorId;
  state: ActorState = "PENDING_CREATION";
  threadId: WorkerId | undefined;
  incarnation = -1;
  /** Whether the node tells us of the actor's state. */
  watched = false;
  /** Keeps the actor alive while calls have no outcome. */
  hold: unknown = undefined;
  /** Why the actor is dead. */
  deathError: WireError | undefined;
  readonly #effects: ActorEffects;
  readonly #whenDead: (() => void)[] = [];
  /** Submitted and not sent; may wait for arguments. */
  readonly #queue = new Deque<TaskRecord>();
  /** This thread has killed the actor and has not heard of its end. */
  #killed = false;
  /** How many of the queue have ended there: failed or cancelled. */
  #withdrawnCount = 0;
  /** Sent and not answered, in the order sent. */
  readonly #sent = new Set<TaskRecord>();

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

  /** Calls that have no outcome yet. */
  get pendingCount(): number {
    return this.#queue.length - this.#withdrawnCount + this.#sent.size;
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
    if (this.pendingCount === 0) this.hold = undefined;
  }

  /** Hands what was not sent over to another channel. */
  redirect(target: ActorChannel): void {
    this.hold = undefined;
    for (const callback of this.#whenDead.splice(0)) callback();
    for (;;) {
      this.#dropWithdrawn();
      const call = this.#queue.shift();
      if (!call) return;
      target.submit(call);
    }
  }

  /** A call of the queue has ended before it was sent. */
  withdrawn(): void {
    this.#withdrawnCount++;
    if (this.pendingCount === 0) this.hold = undefined;
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
    if (state === "DEAD") this.deathError = error;
    if (lost) this.#recover();
    if (state !== "DEAD") return this.dispatch();
    this.#failQueue();
    for (const callback of this.#whenDead.splice(0)) callback();
  }

  /** The sent calls may or may not have run: resends those that allow it. */
  #recover(): void {
    const calls = [...this.#sent];
    this.#sent.clear();
    const again: TaskRecord[] = [];
    for (const call of calls) {
      call.place = undefined;
      const { maxRetries } = call.template;
      const retried = this.state !== "DEAD" && !call.cancelRequested &&
        (maxRetries < 0 || call.attempt < maxRetries);
      if (retried) {
        call.attempt++;
        call.status = "queued";
        again.push(call);
      } else {
        this.#fail(call, this.deathError ?? this.#effects.unavailable(this));
      }
    }
    for (const call of again.reverse()) this.#queue.unshift(call);
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
