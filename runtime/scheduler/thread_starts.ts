// Asking for threads and letting them go. The only file that moves a thread
// from state to state.

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
): ThreadRecord | undefined {
  if (!mayStartThread(state)) return undefined;
  const thread = state.threads.add(state.newThreadId(), kind);
  state.story.add(thread.id, `asked for, kind ${kind}`, state.cause);
  state.actions.push({
    type: "start_thread",
    threadId: thread.id,
    kind,
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
