// Which task or actor the present code belongs to: follows it through its
// awaits, so that tasks that interleave on one thread are told apart.

import { AsyncLocalStorage } from "node:async_hooks";
import type { ActorPlace, TaskRun } from "./executor/task_run.ts";

/** What runs: a task, an actor's call, or an actor's constructor. */
export interface RunContext {
  readonly run: TaskRun | undefined;
  readonly actor: ActorPlace | undefined;
}

const storage = new AsyncLocalStorage<RunContext>();

/** The context of the code that calls this, if it is a task's or actor's. */
export function currentRun(): RunContext | undefined {
  return storage.getStore();
}

/** The hash of the bundle that the running code is of. */
export function currentCode(): string | undefined {
  const context = storage.getStore();
  return context?.run?.template.spec.code?.hash ??
    (context?.run?.slot.actor ?? context?.actor)?.codeHash;
}

/** Runs `work`, and all that it awaits, in a context. */
export function runWithin<T>(context: RunContext, work: () => T): T {
  return storage.run(context, work);
}

/** Runs `work`, and all that it awaits, as nobody's: it is Manta's own. */
export function outsideRuns<T>(work: () => T): T {
  return storage.run(undefined as unknown as RunContext, work);
}
