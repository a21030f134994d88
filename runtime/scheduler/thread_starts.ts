// Asking for threads and letting them go. The only file that moves a thread
// from state to state.

import type { JobId } from "../base/ids.ts";
import type { ThreadKind } from "./messages.ts";
import {
  THREAD_TRANSITIONS,
  type ThreadRecord,
  type ThreadState,
} from "./records.ts";
import { checkEdge, type SchedulerState } from "./state.ts";

/** Asks for a new thread, or says nothing while starting is paused. */
export function startThread(
  state: SchedulerState,
  kind: ThreadKind,
  jobId: JobId,
): ThreadRecord | undefined {
  if (!mayStartThread(state)) return undefined;
  const thread = state.threads.add(state.newThreadId(), kind, jobId);
  state.story.add(thread.id, `asked for, kind ${kind}`, state.cause);
  state.actions.push({
    type: "start_thread",
    threadId: thread.id,
    kind,
    jobId,
    cause: state.cause,
  });
  return thread;
}

/** Whether a thread may be started now. */
export function mayStartThread(state: SchedulerState): boolean {
  return state.threads.canGrow && state.startsPausedUntilMs === 0;
}

/** Asks to stop a thread that nothing needs any more. */
export function stopThread(state: SchedulerState, thread: ThreadRecord): void {
  if (thread.state === "stopping" || thread.state === "ended") return;
  moveThread(state, thread, "stopping");
  state.actions.push({
    type: "stop_thread",
    threadId: thread.id,
    cause: state.cause,
  });
}

/** Stops the threads of ended jobs that have nothing to do. */
export function stopThreadsOfEndedJobs(state: SchedulerState): void {
  for (const jobId of state.endedJobs) {
    for (const thread of state.threads.idleOf(jobId)) stopThread(state, thread);
  }
}

/** Makes room where the bound on threads keeps those who wait from one. */
export function stopIdleThreadIfFull(state: SchedulerState): void {
  if (state.threads.canGrow) return;
  const thread = state.threads.anyIdle();
  if (thread) stopThread(state, thread);
}

/** Moves the thread along an edge of its table. */
export function moveThread(
  state: SchedulerState,
  thread: ThreadRecord,
  to: ThreadState,
): void {
  const { id, state: from } = thread;
  checkEdge(state, THREAD_TRANSITIONS, { id, from, to });
  state.threads.setState(thread, to);
}
