// What is known of actors that are not registered: handles can be ahead of
// the registration, because they came by a faster link or because the actor's
// code or arguments are awaited. Some ids never get an actor at all.

import type { MantaError } from "../base/errors.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../base/limits.ts";

/** Why there is no actor of an id: another is meant, or it was not made. */
export type Unmade =
  | { readonly existing: ActorId }
  | { readonly error: MantaError };

/** What came for an actor before its registration. */
export interface EarlyNews {
  readonly holders: Set<WorkerId>;
  readonly watchers: Set<WorkerId>;
  killed: boolean;
}

/** Tells a thread that there will be no actor of this id. */
export interface UnmadeAnswer {
  readonly type: "answer_registration";
  readonly to: WorkerId;
  readonly actorId: ActorId;
  readonly existing?: ActorId;
  readonly error?: MantaError;
}

/** Events of the directory that can come before the registration. */
export type EarlyEvent =
  | {
    readonly type: "actor_watched" | "actor_held" | "actor_dropped";
    readonly actorId: ActorId;
    readonly workerId: WorkerId;
  }
  | {
    readonly type: "actor_killed";
    readonly actorId: ActorId;
    readonly noRestart: boolean;
  }
  | {
    readonly type: "actor_construction_failed";
    readonly actorId: ActorId;
    readonly error: MantaError;
  };

const EARLY_EVENTS: ReadonlySet<string> = new Set(
  [
    "actor_watched",
    "actor_held",
    "actor_dropped",
    "actor_killed",
    "actor_construction_failed",
  ] satisfies EarlyEvent["type"][],
);

/** Whether it can be about an actor that is not registered. */
export function isEarlyEvent(
  event: { readonly type: string },
): event is EarlyEvent {
  return EARLY_EVENTS.has(event.type);
}

/** See the head of the file. */
export class EarlyActors {
  readonly #early = new Map<ActorId, EarlyNews>();
  /** Ids that no actor will have; the newest of them. */
  readonly #unmade = new Map<ActorId, Unmade>();

  /** The actor that is meant by an id that no actor has. */
  meant(actorId: ActorId): ActorId | undefined {
    const unmade = this.#unmade.get(actorId);
    return unmade && "existing" in unmade ? unmade.existing : undefined;
  }

  /** Gives out, once, what came before the registration. */
  take(actorId: ActorId): EarlyNews | undefined {
    const news = this.#early.get(actorId);
    this.#early.delete(actorId);
    return news;
  }

  note(event: EarlyEvent): UnmadeAnswer[] {
    const { actorId, type } = event;
    const unmade = this.#unmade.get(actorId);
    if (unmade) {
      if (type !== "actor_watched") return [];
      return [answer(event.workerId, actorId, unmade)];
    }
    if (type === "actor_construction_failed") {
      return this.neverMade(actorId, { error: event.error });
    }
    if (type === "actor_dropped") {
      this.#early.get(actorId)?.holders.delete(event.workerId);
      return [];
    }
    const news = this.#news(actorId);
    if (type === "actor_watched") news.watchers.add(event.workerId);
    else if (type === "actor_held") news.holders.add(event.workerId);
    else if (type === "actor_killed") news.killed ||= event.noRestart;
    return [];
  }

  workerEnded(workerId: WorkerId): void {
    for (const { holders, watchers } of this.#early.values()) {
      holders.delete(workerId);
      watchers.delete(workerId);
    }
  }

  /** There will be no such actor: all who wait for it are told. */
  neverMade(
    actorId: ActorId,
    unmade: Unmade,
    creator?: WorkerId,
  ): UnmadeAnswer[] {
    const waiting = new Set(creator ? [creator] : []);
    for (const watcher of this.take(actorId)?.watchers ?? []) {
      waiting.add(watcher);
    }
    remember(this.#unmade, actorId, unmade);
    return [...waiting].map((to) => answer(to, actorId, unmade));
  }

  #news(actorId: ActorId): EarlyNews {
    let news = this.#early.get(actorId);
    if (!news) {
      news = { holders: new Set(), watchers: new Set(), killed: false };
      remember(this.#early, actorId, news);
    }
    return news;
  }
}

function answer(to: WorkerId, actorId: ActorId, unmade: Unmade): UnmadeAnswer {
  return { type: "answer_registration", to, actorId, ...unmade };
}

/** Keeps an entry, and as many before it as there is room for. */
function remember<V>(map: Map<ActorId, V>, actorId: ActorId, value: V): void {
  map.set(actorId, value);
  if (map.size > IDS_REMEMBERED_MAX) map.delete(map.keys().next().value!);
}
