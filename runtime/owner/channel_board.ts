// All channels of an owner to actors: makes them on first use, leads what the
// node says of an actor to its channel, and forgets those nobody needs.

import type { ActorId, WorkerId } from "../base/ids.ts";
import { ACTOR_OUT_OF_REACH_MS } from "../base/limits.ts";
import type { FromNode } from "../protocol/node_messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { ActorChannel, type ActorEffects } from "./actor_channel.ts";
import type { OwnerPorts } from "./ports.ts";
import type { TaskRecord } from "./task_record.ts";

export type ActorStateMessage = Extract<
  FromNode,
  { readonly type: "actor_state" }
>;

type BoardPorts = Pick<OwnerPorts, "timers" | "scheduleFlush">;

/** See the head of the file. */
export class ChannelBoard {
  readonly #effectsOf: (actorId: ActorId) => ActorEffects;
  readonly #ports: BoardPorts;
  readonly #channels = new Map<ActorId, ActorChannel>();
  /** Channels that may have something to send. */
  readonly #dirty = new Set<ActorChannel>();

  constructor(
    effectsOf: (actorId: ActorId) => ActorEffects,
    ports: BoardPorts,
  ) {
    this.#effectsOf = effectsOf;
    this.#ports = ports;
  }

  /** The channel to an actor, made on first use. */
  get(actorId: ActorId): ActorChannel {
    let channel = this.#channels.get(actorId);
    if (!channel) {
      channel = new ActorChannel(actorId, this.#effectsOf(actorId));
      this.#channels.set(actorId, channel);
    }
    return channel;
  }

  /** The channel to an actor, if there is one. */
  find(actorId: ActorId): ActorChannel | undefined {
    return this.#channels.get(actorId);
  }

  /** The channel has something to send with the next flush. */
  touch(channel: ActorChannel): void {
    this.#dirty.add(channel);
  }

  /** Channels with something to send. */
  get touchedCount(): number {
    return this.#dirty.size;
  }

  flush(): void {
    if (this.#dirty.size === 0) return;
    for (const channel of this.#dirty) channel.dispatch();
    this.#dirty.clear();
  }

  /** Calls of one actor are meant for another from now on. */
  redirect(from: ActorId, to: ActorId): void {
    const source = this.get(from);
    const target = this.get(to);
    this.#channels.set(from, target);
    this.#dirty.add(target);
    source.redirect(target);
  }

  /** Forgets an actor that no handle names any more, if nothing waits. */
  forget(actorId: ActorId): void {
    const channel = this.#channels.get(actorId);
    if (!channel) return;
    const isNeeded = channel.pendingCount > 0 || channel.isAwaited;
    // What was redirected has its calls counted by the other actor.
    if (channel.actorId === actorId && isNeeded) return;
    this.#channels.delete(actorId);
  }

  /** A thread was stopped: calls that it ran fail with why. */
  threadEnded(threadId: WorkerId, reason: WireError): void {
    for (const channel of this.#channels.values()) {
      if (channel.threadId === threadId) channel.threadEnded(reason);
    }
  }

  /**
   * A thread is gone: what has become of its actors is told soon. If not, it
   * is only out of reach, and the calls that were sent to it are ended.
   */
  awaitNews(threadId: WorkerId, reason: WireError): void {
    for (const channel of this.#channels.values()) {
      const calls = channel.sentTo(threadId);
      if (calls.length > 0) this.cutOffSoon(channel, calls, reason);
    }
  }

  /** Calls that have no way to their actor; news of it may still come. */
  cutOffSoon(
    channel: ActorChannel,
    calls: readonly TaskRecord[],
    reason: WireError,
  ): void {
    this.#ports.timers.after(ACTOR_OUT_OF_REACH_MS, () => {
      channel.cutOff(calls, reason);
      this.#ports.scheduleFlush();
    });
  }

  /** The node says what has become of an actor; of a forgotten one, late. */
  changed(
    { actorId, state, incarnation, threadId, error }: ActorStateMessage,
    isHeld: boolean,
  ): void {
    const channel = this.#channels.get(actorId);
    if (!channel) return;
    channel.changed(state, incarnation, threadId, error);
    if (state === "DEAD" && !isHeld) this.forget(actorId);
  }
}
