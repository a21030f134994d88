// What keeps actors alive from this thread: one hold per actor, shared by all
// handles and by the values that contain them. When the last of these is
// collected, the node is told that this thread holds the actor no more.

import type { ActorId } from "./base/ids.ts";
import type { ActorHold } from "./api/session_port.ts";
import type { WireActorInterface } from "./protocol/node_messages.ts";

/** See the head of the file. */
export class Hold implements ActorHold {
  readonly actorId: ActorId;
  /** Unknown while the hold is only for a value that contains the actor. */
  shape: WireActorInterface | undefined;
  /** The actor that is meant when this one was not made: see `getIfExists`. */
  existing: Hold | undefined = undefined;

  constructor(actorId: ActorId, shape: WireActorInterface | undefined) {
    this.actorId = actorId;
    this.shape = shape;
  }

  get interface(): WireActorInterface {
    return this.shape!;
  }
}

/** All holds of a thread. */
export class ActorHolds {
  readonly #holds = new Map<ActorId, WeakRef<Hold>>();
  readonly #tellNode: (
    type: "actor_hold" | "actor_drop",
    actorId: ActorId,
  ) => void;
  readonly #collected = new FinalizationRegistry<ActorId>((actorId) => {
    if (this.#holds.get(actorId)?.deref()) return;
    this.#holds.delete(actorId);
    this.#tellNode("actor_drop", actorId);
  });

  constructor(
    tellNode: (type: "actor_hold" | "actor_drop", actorId: ActorId) => void,
  ) {
    this.#tellNode = tellNode;
  }

  /** Whether this thread holds the actor. */
  has(actorId: ActorId): boolean {
    return this.find(actorId) !== undefined;
  }

  /** The hold on an actor that this thread holds already. */
  find(actorId: ActorId): Hold | undefined {
    return this.#holds.get(actorId)?.deref();
  }

  /** The hold on an actor; the node hears of the first. */
  get(
    actorId: ActorId,
    shape?: WireActorInterface,
    isNew = false,
  ): Hold {
    let hold = this.#holds.get(actorId)?.deref();
    if (!hold) {
      hold = new Hold(actorId, shape);
      this.#holds.set(actorId, new WeakRef(hold));
      this.#collected.register(hold, actorId);
      // The creator of an actor holds it from the start.
      if (!isNew) this.#tellNode("actor_hold", actorId);
    }
    hold.shape ??= shape;
    return hold;
  }
}
