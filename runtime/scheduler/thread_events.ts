// What it means for leases and actors that a thread came up, did not come up,
// or is gone. It decides about no demand: `dispatch.ts` runs after it.

import {
  THREAD_START_ATTEMPTS_MAX,
  THREAD_START_PAUSE_MS,
} from "../base/limits.ts";
import { confirmActor, endActor, failActor, unplaceActor } from "./actors.ts";
import { endLease, grantLease, revokeLease } from "./leases.ts";
import type { PlacedActor, ThreadRecord } from "./records.ts";
import type { SchedulerState } from "./state.ts";
import { moveThread } from "./thread_starts.ts";

/** The thread takes what was assigned to it; said again it means nothing. */
export function threadStarted(
  state: SchedulerState,
  thread: ThreadRecord,
): void {
  if (thread.state !== "starting") return;
  moveThread(state, thread, "running");
  for (const lease of thread.leases) grantLease(state, lease);
  for (const actor of actorsOf(state, thread)) confirmActor(state, actor);
}

/** What was assigned to it waits again. */
export function threadFailedToStart(
  state: SchedulerState,
  thread: ThreadRecord,
): void {
  // A pause, so that a failure that lasts makes no busy loop.
  state.startsPausedUntilMs = state.nowMs + THREAD_START_PAUSE_MS;
  const actors = actorsOf(state, thread);
  moveThread(state, thread, "ended");
  for (const lease of [...thread.leases]) endLease(state, lease);
  for (const actor of actors) {
    if (actor.failedStarts + 1 >= THREAD_START_ATTEMPTS_MAX) {
      failActor(state, actor, "thread_start_failed");
    } else unplaceActor(state, actor);
  }
}

/** Its leases are over, and its actors with it. */
export function threadEnded(
  state: SchedulerState,
  thread: ThreadRecord,
): void {
  if (thread.state === "starting") return threadFailedToStart(state, thread);
  const actors = actorsOf(state, thread);
  moveThread(state, thread, "ended");
  for (const lease of [...thread.leases]) {
    revokeLease(state, lease, "thread_ended");
  }
  for (const actor of actors) endActor(state, actor);
}

function actorsOf(
  state: SchedulerState,
  thread: ThreadRecord,
): PlacedActor[] {
  const actors: PlacedActor[] = [];
  for (const id of thread.actors) {
    const actor = state.actors.get(id);
    if (actor && actor.state !== "waiting") actors.push(actor);
  }
  return actors;
}
