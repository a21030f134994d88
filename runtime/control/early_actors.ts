// What is known of actors that are not registered: handles can be ahead of
// the registration, because they came by a faster link or because the actor's
// code or arguments are awaited. Some ids never get an actor at all, and some
// had one that is forgotten: nobody may wait for these.

import { ActorDiedError, type MantaError } from "../base/errors.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import { ACTOR_NEWS_MS_MAX, IDS_REMEMBERED_MAX } from "../base/limits.ts";
import type { ActorName } from "../protocol/node_messages.ts";
import type { EarlyEvent, RegistrationAnswer } from "./actor_events.ts";

/** Why there is no actor of an id: another is meant, or it was not made. */
export type Unmade =
  | { readonly existing: ActorId }
  | { readonly error: MantaError };

/** What came for an actor before its registration. */
export interface EarlyNews {
  readonly holders: Set<WorkerId>;
  readonly watchers: Set<WorkerId>;
  killed: boolean;
  /** Who makes the actor, once that is known. */
  creator: WorkerId | undefined;
  /** What it is to be called, once that is known. */
  named: ActorName | undefined;
  /** Since when it is not known who makes it. */
  strangeSinceMs: number | undefined;
}

/** See the head of the file. */
export class EarlyActors {
  /** Actors that are announced: they come, or their creator fails. */
  readonly #announced = new Map<ActorId, EarlyNews>();
  /** Those of them that are to have a name. */
  readonly #naming = new Set<EarlyNews>();
  /** Not announced yet, or forgotten. */
  readonly #strange = new Map<ActorId, EarlyNews>();
  /** Ids that no actor will have; the newest of them. */
  readonly #unmade = new Map<ActorId, Unmade>();

  /** Whether time could tell what becomes of those that are asked for. */
  get isWaiting(): boolean {
    return this.#strange.size > 0;
  }

  /** The actor that is meant by an id that no actor has. */
  meant(actorId: ActorId): ActorId | undefined {
    const unmade = this.#unmade.get(actorId);
    return unmade && "existing" in unmade ? unmade.existing : undefined;
  }

  /** The actor of an id has died, and what is still said of it is late. */
  wasDead(actorId: ActorId): void {
    remember(this.#unmade, actorId, { error: forgottenError(actorId) });
  }

  /** What to answer who is there for an id that no actor will have. */
  answerUnmade(
    actorId: ActorId,
    to: WorkerId,
  ): RegistrationAnswer | undefined {
    const unmade = this.#unmade.get(actorId);
    return unmade && answer(to, actorId, unmade);
  }

  /** Whether an actor is announced that is to have this name. */
  isNaming({ name, namespace }: ActorName): boolean {
    return [...this.#naming].some(({ named }) =>
      named?.name === name && named.namespace === namespace
    );
  }

  /** Gives out, once, what came before the registration. */
  take(actorId: ActorId): EarlyNews | undefined {
    const news = this.#find(actorId);
    if (news?.named) this.#naming.delete(news);
    this.#announced.delete(actorId);
    this.#strange.delete(actorId);
    return news;
  }

  note(event: EarlyEvent): RegistrationAnswer[] {
    const { actorId, type } = event;
    if (this.#unmade.has(actorId)) {
      if (type !== "actor_watched") return [];
      return [this.answerUnmade(actorId, event.workerId)!];
    }
    if (type === "actor_construction_failed") {
      return this.neverMade(actorId, { error: event.error });
    }
    if (type === "actor_dropped") {
      this.#find(actorId)?.holders.delete(event.workerId);
      return [];
    }
    const news = this.#news(actorId);
    if (event.type === "actor_announced") this.#announce(news, event);
    else if (type === "actor_killed") news.killed ||= event.noRestart;
    else if (type === "actor_held") news.holders.add(event.workerId);
    else news.watchers.add(event.workerId);
    return this.#forgetOldest();
  }

  workerEnded(workerId: WorkerId, error: MantaError): RegistrationAnswer[] {
    const answers: RegistrationAnswer[] = [];
    for (const news of this.#strange.values()) leave(news, workerId);
    for (const [actorId, news] of this.#announced) {
      leave(news, workerId);
      if (news.creator !== workerId) continue;
      const unmade = { error: creatorDiedError(actorId, error) };
      answers.push(...this.neverMade(actorId, unmade));
    }
    return answers;
  }

  /** Answers those who have asked in vain for long enough. */
  ticked(nowMs: number): RegistrationAnswer[] {
    const answers: RegistrationAnswer[] = [];
    for (const [actorId, news] of this.#strange) {
      news.strangeSinceMs ??= nowMs;
      if (nowMs - news.strangeSinceMs < ACTOR_NEWS_MS_MAX) continue;
      answers.push(...this.#forget(actorId));
    }
    return answers;
  }

  /** There will be no such actor: all who wait for it are told. */
  neverMade(
    actorId: ActorId,
    unmade: Unmade,
    creator?: WorkerId,
  ): RegistrationAnswer[] {
    const waiting = new Set(creator ? [creator] : []);
    for (const watcher of this.take(actorId)?.watchers ?? []) {
      waiting.add(watcher);
    }
    remember(this.#unmade, actorId, unmade);
    return [...waiting].map((to) => answer(to, actorId, unmade));
  }

  #find(actorId: ActorId): EarlyNews | undefined {
    return this.#announced.get(actorId) ?? this.#strange.get(actorId);
  }

  #news(actorId: ActorId): EarlyNews {
    let news = this.#find(actorId);
    if (!news) {
      news = {
        holders: new Set(),
        watchers: new Set(),
        killed: false,
        creator: undefined,
        named: undefined,
        strangeSinceMs: undefined,
      };
      this.#strange.set(actorId, news);
    }
    return news;
  }

  #announce(
    news: EarlyNews,
    { actorId, workerId, named }: Extract<
      EarlyEvent,
      { type: "actor_announced" }
    >,
  ): void {
    news.creator = workerId;
    news.named = named;
    if (named) this.#naming.add(news);
    this.#strange.delete(actorId);
    this.#announced.set(actorId, news);
  }

  #forgetOldest(): RegistrationAnswer[] {
    if (this.#strange.size <= IDS_REMEMBERED_MAX) return [];
    return this.#forget(this.#strange.keys().next().value!);
  }

  /** Nobody announces it: it has been dead for long. */
  #forget(actorId: ActorId): RegistrationAnswer[] {
    const watchers = this.take(actorId)?.watchers ?? [];
    const error = forgottenError(actorId);
    return [...watchers].map((to) => answer(to, actorId, { error }));
  }
}

function leave({ holders, watchers }: EarlyNews, workerId: WorkerId): void {
  holders.delete(workerId);
  watchers.delete(workerId);
}

function creatorDiedError(actorId: ActorId, cause: MantaError): MantaError {
  return new ActorDiedError(
    `Cannot call actor ${actorId}: its creator is gone, and had not made it`,
    { cause, details: { actorId } },
  );
}

function forgottenError(actorId: ActorId): MantaError {
  return new ActorDiedError(
    `Cannot call actor ${actorId}: it is dead, for so long that its node has ` +
      "forgotten why",
    { details: { actorId } },
  );
}

function answer(
  to: WorkerId,
  actorId: ActorId,
  unmade: Unmade,
): RegistrationAnswer {
  return { type: "answer_registration", to, actorId, ...unmade };
}

/** Keeps an entry, and as many before it as there is room for. */
function remember<V>(map: Map<ActorId, V>, actorId: ActorId, value: V): void {
  map.set(actorId, value);
  if (map.size > IDS_REMEMBERED_MAX) map.delete(map.keys().next().value!);
}
