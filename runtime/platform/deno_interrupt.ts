// Workaround for Deno: `terminate()` never stops a thread that is busy or in
// `Atomics.wait` (denoland/deno#35657). The inspector can: it interrupts
// JavaScript wherever it is. One session at a time, for all threads that wait
// to be stopped; it is open only for that. Can go when the conformance suite
// passes without it.

import { setTimeout as setNodeTimeout } from "node:timers";
import {
  THREAD_INTERRUPT_MS_MAX,
  THREAD_INTERRUPT_TRIES_MAX,
  THREAD_SEEN_MS_MAX,
} from "../base/limits.ts";
import { Inspector, type InspectorEvent } from "./deno_inspector.ts";
import { withQuietStderr } from "./deno_quiet_stderr.ts";
import { THREAD_NAME_PROPERTY } from "./thread_signal.ts";

/** A thread to be stopped. */
interface Target {
  /** The inspector's name for it, once it said that it is the one. */
  session: string | undefined;
  asks: number;
  readonly gone: PromiseWithResolvers<boolean>;
}

/** Targets by the unique name of the thread. */
type Targets = Map<string, Target>;

/** Makes a thread say, on the first line, who it is; then, where it is. */
const WHO_AND_WHERE =
  `globalThis.${THREAD_NAME_PROPERTY} + "\\n" + new Error().stack`;

/** Lines of the answer before the stack of what was interrupted. */
const ANSWER_HEAD_LINES = 3;

/** How often a thread is asked until it is not inside Deno's own code. */
const ASKS_MAX = 50;

const RETRY_DELAY_MS = 1_000;

const waiting: Targets = new Map();
let running: Promise<void> | undefined;

/**
 * Stops a thread on which `terminate()` was called, by its unique name. When
 * it resolves the thread is gone, or is inside a blocking system call: then it
 * is tried again later, in case it goes on afterwards. Never rejects.
 */
export async function interruptThread(
  name: string,
  triesLeft: number = THREAD_INTERRUPT_TRIES_MAX,
): Promise<void> {
  const target: Target = {
    session: undefined,
    asks: 0,
    gone: Promise.withResolvers<boolean>(),
  };
  waiting.set(name, target);
  running ??= runSessions();
  const isGone = await target.gone.promise;
  await running;
  if (isGone || triesLeft <= 1) return;
  const retry = () => interruptThread(name, triesLeft - 1);
  setNodeTimeout(retry, RETRY_DELAY_MS).unref();
}

/** The end of the session that now runs; no thread may be started before. */
export function interruptInProgress(): Promise<void> | undefined {
  return running;
}

async function runSessions(): Promise<void> {
  // Not within the call that asked: others may ask in the same turn.
  await Promise.resolve();
  while (waiting.size > 0) {
    const targets = new Map(waiting);
    waiting.clear();
    try {
      await withQuietStderr(() => interruptAll(targets));
    } catch {
      // Without an inspector, say for want of net permission, it stays busy.
    }
    settle([...targets.values()], false);
  }
  // In the same turn as the last look at `waiting`: who comes now starts anew.
  running = undefined;
}

async function interruptAll(targets: Targets): Promise<void> {
  const inspector = await Inspector.connect();
  const watch = { inspector, targets, silent: new Set<string>() };
  inspector.watchThreads((event) => follow(event, watch));
  const seen = setTimeout(
    () => settleUnseen(watch),
    THREAD_SEEN_MS_MAX,
  );
  const giveUp = setTimeout(
    () => settle([...targets.values()], false),
    THREAD_INTERRUPT_MS_MAX,
  );
  await Promise.all([...targets.values()].map((target) => target.gone.promise));
  clearTimeout(seen);
  clearTimeout(giveUp);
  await inspector.close();
}

/** What one session is about. */
interface Watch {
  readonly inspector: Inspector;
  readonly targets: Targets;
  /** Threads that did not say their name yet, by session. */
  readonly silent: Set<string>;
}

/** Asks each thread for its name, ends those that are wanted. */
function follow(event: InspectorEvent, watch: Watch): void {
  const { session } = event;
  if (event.type === "thread_seen") {
    watch.silent.add(session);
    watch.inspector.evaluate(session, WHO_AND_WHERE);
    return;
  }
  watch.silent.delete(session);
  if (event.type === "thread_answered") {
    endIfWanted(session, String(event.value).split("\n"), watch);
    return;
  }
  const targets = [...watch.targets.values()];
  settle(targets.filter((target) => target.session === session), true);
}

/**
 * Inside Deno's own code it is asked again, as it may just be loading a part
 * of itself: to be stopped there brings down the process.
 */
function endIfWanted(
  session: string,
  [name = "", ...answer]: readonly string[],
  { inspector, targets }: Watch,
): void {
  const target = targets.get(name);
  if (!target) return;
  target.session = session;
  target.asks++;
  const frames = answer.slice(ANSWER_HEAD_LINES - 1);
  const place = frames.find((frame) => !frame.includes("<anonymous>")) ?? "";
  if (target.asks < ASKS_MAX && /\bext:/.test(place)) {
    inspector.evaluate(session, WHO_AND_WHERE);
  } else {
    inspector.terminateExecution(session);
  }
}

/** A target that no thread claims to be is gone, or in a system call. */
function settleUnseen({ targets, silent }: Watch): void {
  const unseen = [...targets.values()]
    .filter(({ session }) => session === undefined);
  settle(unseen, silent.size === 0);
}

function settle(targets: readonly Target[], isGone: boolean): void {
  for (const target of targets) target.gone.resolve(isGone);
}
