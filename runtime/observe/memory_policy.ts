// Which threads are stopped before memory runs out: a state machine. Readings
// and threads come in, actions go out; it reads no figure, stops nothing and
// has no clock of its own.

import type { WorkerId } from "../base/ids.ts";
import {
  MEMORY_COLLECT_MS,
  MEMORY_COLLECT_PAUSE_MS,
  MEMORY_IDLE_BYTES_MIN,
  MEMORY_MOVE_FRACTION,
  MEMORY_SETTLE_MS,
  MEMORY_STOP_BUFFER_BYTES_MAX,
  MEMORY_STOP_BUFFER_FRACTION,
  MEMORY_STOP_MS_MAX,
} from "../base/limits.ts";

/** What a thread holds, as it has said last. */
export interface MemoryFigure {
  /** Absent where the runtime cannot tell. */
  readonly usedBytes: number | undefined;
  /** It was taken right after garbage was collected. */
  readonly isCollected: boolean;
  /** Others rely on the thread, though nothing runs on it. */
  readonly isNeeded: boolean;
}

/** A thread that runs user code. */
export interface MemoryThread {
  readonly threadId: WorkerId;
  /** Who submitted what runs on it; nobody when it is idle. */
  readonly owner: WorkerId | undefined;
  /** The higher, the later its work was placed there. */
  readonly order: number;
  /** What runs on it can run again. */
  readonly isRetriable: boolean;
  /** What its work may hold, if that is known of all of it. */
  readonly limitBytes: number | undefined;
  /** Absent until it has answered. */
  readonly figure: MemoryFigure | undefined;
}

export interface MemoryRead {
  readonly type: "memory_read";
  readonly nowMs: number;
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** All that have not ended. */
  readonly threads: readonly MemoryThread[];
}

/** Why a thread is stopped, for the error. */
export interface StopThread {
  readonly type: "stop_thread";
  readonly threadId: WorkerId;
  /** `limit`: its work holds more than its own `memory`. */
  readonly reason: "pressure" | "idle" | "limit";
  /** Whether its work may run again, if its options allow it. */
  readonly mayRetry: boolean;
}

export type MemoryAction =
  | StopThread
  /** All threads are to collect garbage and to say what they hold. */
  | { readonly type: "collect_all" }
  /** One thread is to say what it holds, maybe without its garbage. */
  | {
    readonly type: "ask_thread";
    readonly threadId: WorkerId;
    readonly collect: boolean;
  };

/** See the head of the file. */
export class MemoryPolicy {
  readonly #useMax: number;
  /** Threads that were told to stop and are there still. */
  readonly #stopping = new Set<WorkerId>();
  #collectedAtMs = -Infinity;
  /** A stopped thread's memory is on its way back until then. */
  #quietUntilMs = -Infinity;
  /** When a thread was stopped last, and what was used then. */
  #latest = { stoppedAtMs: -Infinity, usedBytes: 0 };

  /** `useMax` is the share of the memory above which work is stopped. */
  constructor(useMax: number) {
    this.#useMax = useMax;
  }

  handle(event: MemoryRead): MemoryAction[] {
    this.#noteEnded(event);
    const threads = event.threads.filter(({ threadId }) =>
      !this.#stopping.has(threadId)
    );
    const limits = threads.flatMap((thread) => this.#keepLimit(thread, event));
    return [...limits, ...this.#relieve(threads, event)];
  }

  #noteEnded({ threads, nowMs }: MemoryRead): void {
    const present = new Set(threads.map(({ threadId }) => threadId));
    for (const threadId of this.#stopping) {
      if (present.has(threadId)) continue;
      this.#stopping.delete(threadId);
      this.#quietUntilMs = nowMs + MEMORY_SETTLE_MS;
    }
  }

  /** A thread's own limit; garbage does not count. */
  #keepLimit(thread: MemoryThread, event: MemoryRead): MemoryAction[] {
    const { threadId, limitBytes, figure } = thread;
    if (limitBytes === undefined || thread.owner === undefined) return [];
    if ((figure?.usedBytes ?? 0) <= limitBytes) {
      return [{ type: "ask_thread", threadId, collect: false }];
    }
    if (!figure!.isCollected) {
      return [{ type: "ask_thread", threadId, collect: true }];
    }
    return [this.#stop(thread, "limit", false, event)];
  }

  #relieve(threads: MemoryThread[], event: MemoryRead): MemoryAction[] {
    const { usedBytes, limitBytes, nowMs } = event;
    if (usedBytes <= limitBytes * this.#useMax) return [];
    if (this.#isSettling(event)) return [];
    const sinceMs = nowMs - this.#collectedAtMs;
    const actions: MemoryAction[] = [];
    if (sinceMs >= MEMORY_COLLECT_PAUSE_MS) {
      this.#collectedAtMs = nowMs;
      actions.push({ type: "collect_all" });
    }
    const isWaiting = nowMs - this.#collectedAtMs < MEMORY_COLLECT_MS;
    // There is no time to collect when little is left.
    const isUrgent = usedBytes > limitBytes * (1 + this.#useMax) / 2;
    if (isWaiting && !isUrgent) return actions;
    return [...actions, ...this.#choose(threads, event)];
  }

  /** Whether the last stop has yet to show, and nobody else goes on growing. */
  #isSettling({ nowMs, usedBytes, limitBytes }: MemoryRead): boolean {
    if (nowMs < this.#quietUntilMs) return true;
    const { stoppedAtMs, usedBytes: usedThen } = this.#latest;
    const sinceMs = nowMs - stoppedAtMs;
    if (sinceMs < MEMORY_SETTLE_MS) return true;
    if (sinceMs >= MEMORY_STOP_MS_MAX) return false;
    const grownBytes = usedBytes - usedThen;
    const moveBytes = limitBytes * MEMORY_MOVE_FRACTION;
    if (grownBytes > moveBytes) return false;
    return this.#stopping.size > 0 || grownBytes > -moveBytes;
  }

  /**
   * Idle threads, then what can run again, the latest first, until enough
   * memory is free. One whose figure is unknown ends the choice: whether it
   * was enough is seen when it is gone.
   */
  #choose(threads: readonly MemoryThread[], event: MemoryRead): StopThread[] {
    const { usedBytes, limitBytes } = event;
    const bufferBytes = Math.min(
      limitBytes * MEMORY_STOP_BUFFER_FRACTION,
      MEMORY_STOP_BUFFER_BYTES_MAX,
    );
    let excessBytes = usedBytes + bufferBytes - limitBytes * this.#useMax;
    const idle = threads.filter(isExpendable);
    const running = threads.filter(({ owner }) => owner !== undefined);
    const left = new Set(running);
    const chosen: StopThread[] = [];
    for (const thread of idle.sort(bySize)) {
      if (excessBytes <= 0) break;
      chosen.push(this.#stop(thread, "idle", true, event));
      excessBytes -= thread.figure!.usedBytes ?? 0;
    }
    // What idle threads of unknown size held is seen with the next reading.
    if (idle.some(({ figure }) => figure!.usedBytes === undefined)) {
      return chosen;
    }
    for (const thread of running.sort(byWorth)) {
      if (excessBytes <= 0) break;
      left.delete(thread);
      const isLast = ![...left].some(({ owner }) => owner === thread.owner);
      const mayRetry = thread.isRetriable && !isLast;
      chosen.push(this.#stop(thread, "pressure", mayRetry, event));
      const size = thread.figure?.usedBytes;
      if (size === undefined) break;
      excessBytes -= size;
    }
    return chosen;
  }

  #stop(
    { threadId }: MemoryThread,
    reason: StopThread["reason"],
    mayRetry: boolean,
    { nowMs, usedBytes }: MemoryRead,
  ): StopThread {
    this.#stopping.add(threadId);
    this.#latest = { stoppedAtMs: nowMs, usedBytes };
    return { type: "stop_thread", threadId, reason, mayRetry };
  }
}

/** Whether nothing is lost with an idle thread, and something is won. */
function isExpendable({ owner, figure }: MemoryThread): boolean {
  if (owner !== undefined || !figure || figure.isNeeded) return false;
  return (figure.usedBytes ?? Infinity) >= MEMORY_IDLE_BYTES_MIN;
}

function bySize(a: MemoryThread, b: MemoryThread): number {
  return (b.figure!.usedBytes ?? 0) - (a.figure!.usedBytes ?? 0);
}

function byWorth(a: MemoryThread, b: MemoryThread): number {
  return Number(b.isRetriable) - Number(a.isRetriable) || b.order - a.order;
}
