// Asking for threads and letting them go. The only file that moves a thread
// from state to state.

import type { Isolation } from "./messages.ts";
import {
  THREAD_TRANSITIONS,
  type ThreadRecord,
  type ThreadState,
} from "./records.ts";
import { checkEdge, type SchedulerState } from "./state.ts";

/** Asks for a new thread, or says nothing while starting is paused. */
export function startThread(
  state: SchedulerState,
  what: Pick<ThreadRecord, "kind" | "isolation" | "jobId">,
): ThreadRecord | undefined {
  const { kind, isolation, jobId } = what;
  if (!mayStartThread(state, isolation)) return undefined;
  const thread = state.threads.add(state.newThreadId(), what);
  const asked = `asked for, kind ${kind}, isolation ${isolation}`;
  state.story.add(thread.id, asked, state.cause);
  state.actions.push({
    type: "start_thread",
    threadId: thread.id,
    kind,
    isolation,
    jobId,
    cause: state.cause,
  });
  return thread;
}

/** Whether a thread may be started now. */
export function mayStartThread(
  state: SchedulerState,
  isolation: Isolation,
): boolean {
  return state.threads.canGrowBy(isolation) && state.startsPausedUntilMs === 0;
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
  const { threads } = state;
  const thread = !threads.canGrow
    ? threads.anyIdle()
    : !threads.canGrowBy("process")
    ? threads.anyIdleChild()
    : undefined;
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
