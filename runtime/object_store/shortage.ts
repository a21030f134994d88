// What the store does while room is short, or soon will be: it has garbage
// collected, writes objects to disk once that is known not to be enough, and
// names those that have waited in vain. It gives no room to anybody itself.

import {
  SPILL_AHEAD_MS,
  STORE_FULL_MS,
  STORE_POOL_IDLE_MS,
  STORE_STILL_FULL_MS,
} from "../base/limits.ts";
import type { Answers } from "./answers.ts";
import { GarbagePace } from "./garbage_pace.ts";
import { mayMakeRoom, type StoreEvent } from "./index_events.ts";
import type { DenyReason } from "./messages.ts";
import type { QueuedObject } from "./object_table.ts";
import type { Placing } from "./placing.ts";
import type { Restoring } from "./restoring.ts";
import type { SegmentTable } from "./segment_table.ts";
import type { Spilling } from "./spilling.ts";

/** What room is made of. */
export interface ShortageParts {
  readonly segments: SegmentTable;
  readonly spilling: Spilling;
  readonly restoring: Restoring;
  readonly placing: Placing;
  readonly answers: Answers;
  /** As in `StoreIndexOptions`. */
  readonly returnsMemory: boolean;
}

/** See the head of the file. */
export class Shortage {
  readonly #parts: ShortageParts;
  readonly #garbage = new GarbagePace();
  /** When something last happened that may have made room. */
  #progressAtMs = -Infinity;
  /** Somebody has waited in vain, and nobody has found room since. */
  #isFull = false;

  constructor(parts: ShortageParts) {
    this.#parts = parts;
  }

  /** A view was found to be garbage. */
  found(sizeBytes: number): void {
    this.#garbage.found(sizeBytes);
  }

  /** When the garbage that is short of is known to be there or not. */
  nextWakeAtMs(nowMs: number): number | undefined {
    const { answeredAtMs } = this.#garbage;
    const isHeld = this.#parts.placing.shortBytes > 0 && answeredAtMs > nowMs;
    return isHeld ? answeredAtMs : undefined;
  }

  /** After an event, and what could be placed by it. */
  relieve(event: StoreEvent, isPlaced: boolean, nowMs: number): void {
    if (isPlaced && this.#isRoomOfGarbage(nowMs)) this.#garbage.reset();
    if (isPlaced) this.#isFull = false;
    if (isPlaced || this.#mayMakeRoom(event)) this.#progressAtMs = nowMs;
    this.#askForGarbage(nowMs);
    this.#spill(nowMs);
  }

  #mayMakeRoom(event: StoreEvent): boolean {
    // Its pages were the room, and are back long before.
    const isLate = this.#parts.returnsMemory &&
      event.type === "segment_released";
    return !isLate && mayMakeRoom(event);
  }

  /** Gives up what was kept in case that it is needed soon. */
  expire(nowMs: number): void {
    const { segments, spilling, answers } = this.#parts;
    if (nowMs - spilling.evictedAtMs >= STORE_POOL_IDLE_MS) {
      segments.poolIdleMs = STORE_POOL_IDLE_MS;
    }
    segments.expire(nowMs, answers.actions);
  }

  /** Who has waited in vain for long, and what stands against them. */
  stuck(nowMs: number): [object: QueuedObject, reason: DenyReason][] {
    const { spilling, restoring, placing } = this.#parts;
    if (spilling.isWriting || spilling.isRecalling) return [];
    if (restoring.isReading) return [];
    const { failure } = spilling;
    // Memory in use may be let go of at any time; a full disk stays full.
    const isHopeless = this.#isFull && failure !== undefined;
    const patienceMs = isHopeless ? STORE_STILL_FULL_MS : STORE_FULL_MS;
    if (nowMs - this.#progressAtMs < patienceMs) return [];
    const reason = failure ?? "full";
    const stuck = [...placing.queue]
      .filter(({ queuedAtMs }) => nowMs - queuedAtMs >= patienceMs);
    if (stuck.length > 0) this.#isFull = true;
    return stuck.map((object) => [object, reason]);
  }

  /** In a store that spills, room is most often of what has gone to disk. */
  #isRoomOfGarbage(nowMs: number): boolean {
    const { spilling, segments } = this.#parts;
    return nowMs - spilling.evictedAtMs > SPILL_AHEAD_MS ||
      this.#garbage.isFruitful(segments.capacityBytes);
  }

  #askForGarbage(nowMs: number): void {
    const { segments, spilling, placing, answers, returnsMemory } = this.#parts;
    const { orphanedBytes, capacityBytes } = segments;
    const isDropped = !returnsMemory &&
      answers.actions.some((action) => action.type === "drop_segment");
    const isShort = returnsMemory
      ? placing.shortBytes > 0
      : placing.queue.size > 0;
    const isWorth = this.#garbage.isWorth(orphanedBytes, capacityBytes);
    if (!isShort && !isDropped && !isWorth) return;
    // Without a disk, who waits for room waits for tasks that end as well.
    const isOnlyHope = isShort && spilling.spilledBytes > 0 &&
      !spilling.mayGiveRoom(nowMs);
    if (!this.#garbage.isDue(nowMs, isOnlyHope)) return;
    this.#garbage.asked(orphanedBytes);
    answers.actions.push({ type: "collect_garbage" });
  }

  /** Writes what nobody needs now, once garbage is known not to be enough. */
  #spill(nowMs: number): void {
    if (nowMs < this.#garbage.answeredAtMs) return;
    const { spilling, placing, answers } = this.#parts;
    spilling.write(placing.shortBytes, nowMs, answers.actions);
  }
}
