// What keeps actors alive from this thread: one hold per actor, shared by all
// handles, values and calls that need it. When the last of these is given up
// or collected, the node is told that this thread holds the actor no more.

import type { ActorId } from "./base/ids.ts";
import type { ActorHold } from "./api/session_port.ts";
import type { ActorPin } from "./owner/ports.ts";
import type { WireActorInterface } from "./protocol/node_messages.ts";

/** What holds belong to: one per session. */
export interface HoldKeeper {
  /** Tells holds of handles that were collected. */
  readonly handles: FinalizationRegistry<Hold>;
  /** Nothing needs the hold any more. */
  unpinned(hold: Hold): void;
}

/** See the head of the file. */
export class Hold implements ActorHold, ActorPin {
  readonly keeper: HoldKeeper;
  readonly actorId: ActorId;
  /** Unknown while the hold is only for a value that contains the actor. */
  shape: WireActorInterface | undefined;
  /** The actor that is meant when this one was not made: see `getIfExists`. */
  #existing: Hold | undefined;
  /** Handles, values under way or here, and calls without an outcome. */
  #pins = 0;

  constructor(keeper: HoldKeeper, actorId: ActorId) {
    this.keeper = keeper;
    this.actorId = actorId;
  }

  get interface(): WireActorInterface {
    return this.shape!;
  }

  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    if (--this.#pins > 0) return;
    this.keeper.unpinned(this);
    this.#existing?.unpin();
    this.#existing = undefined;
  }

  attach(handle: object): void {
    this.pin();
    this.keeper.handles.register(handle, this, handle);
  }

  detach(handle: object): void {
    this.keeper.handles.unregister(handle);
    this.unpin();
  }

  /** What holds this actor is meant to hold another. */
  follow(existing: Hold): void {
    existing.pin();
    this.#existing = existing;
  }
}

/** All holds of a thread. */
export class ActorHolds implements HoldKeeper {
  readonly handles = new FinalizationRegistry<Hold>((hold) => hold.unpin());
  readonly #holds = new Map<ActorId, Hold>();
  readonly #tellNode: (
    type: "actor_hold" | "actor_drop",
    actorId: ActorId,
  ) => void;

  constructor(
    tellNode: (type: "actor_hold" | "actor_drop", actorId: ActorId) => void,
  ) {
    this.#tellNode = tellNode;
  }

  /** Actors that this thread holds. */
  get count(): number {
    return this.#holds.size;
  }

  /** Whether this thread holds the actor. */
  has(actorId: ActorId): boolean {
    return this.#holds.has(actorId);
  }

  /** The hold on an actor that this thread holds already. */
  find(actorId: ActorId): Hold | undefined {
    return this.#holds.get(actorId);
  }

  /**
   * The hold on an actor, to be pinned in the same turn; the node hears of the
   * first.
   */
  get(
    actorId: ActorId,
    shape?: WireActorInterface,
    isNew = false,
  ): Hold {
    let hold = this.#holds.get(actorId);
    if (!hold) {
      hold = new Hold(this, actorId);
      this.#holds.set(actorId, hold);
      // The creator of an actor holds it from the start.
      if (!isNew) this.#tellNode("actor_hold", actorId);
    }
    hold.shape ??= shape;
    return hold;
  }

  unpinned(hold: Hold): void {
    const { actorId } = hold;
    if (this.#holds.get(actorId) !== hold) return;
    this.#holds.delete(actorId);
    this.#tellNode("actor_drop", actorId);
  }
}
