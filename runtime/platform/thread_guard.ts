// Stands between user code and everything that would end more than its thread.
// Called first in every executor thread, before any user code is loaded. It
// only reports: what follows from an exit or an uncaught error is decided by
// the callbacks. Cannot stop native code or a heap that grows without limit.

import process from "node:process";
import { answerStopSignal } from "./thread_signal.ts";

/** Where the executor hears of what user code did to its thread. */
export interface ThreadGuardCallbacks {
  /** User code asked to end; `how` names the call, such as `process.exit`. */
  onExit(code: number, how: string): void;
  /** Nobody caught this; it can be any value, not only an `Error`. */
  onUncaught(reason: unknown, kind: "exception" | "rejection"): void;
  /** Whether a signal to the process ends nothing but this thread. */
  ownsProcess(): boolean;
}

/** Thrown by a trapped exit, so that the code behind the call does not run. */
export class ExitRequested extends Error {
  readonly code: number;

  constructor(code: number, how: string) {
    super(`Exit with code ${code} requested by ${how}`);
    this.name = "ExitRequested";
    this.code = code;
  }
}

/** What a process that dies of SIGABRT ends with in a shell. */
const ABORT_CODE = 134;
/** Added to a signal's number, as shells do. */
const SIGNAL_CODE_BASE = 128;

/** Guards this thread; once, for the rest of its life. */
export function guardThread(callbacks: ThreadGuardCallbacks): void {
  answerStopSignal();
  trapExits(callbacks);
  trapSignalsToSelf(callbacks);
  forbidProcessWideChanges();
  catchTheUncaught(callbacks);
}

function trapExits(callbacks: ThreadGuardCallbacks): void {
  const deno = denoNamespace();
  function leave(code: number, how: string): never {
    callbacks.onExit(code, how);
    throw new ExitRequested(code, how);
  }
  const exit = (how: string) => (code?: unknown) => leave(exitCode(code), how);
  replace(process, "exit", exit("process.exit"));
  replace(process, "reallyExit", exit("process.reallyExit"));
  replace(process, "abort", () => leave(ABORT_CODE, "process.abort"));
  replace(deno, "exit", exit("Deno.exit"));
  define(globalThis, "close", () => leave(0, "self.close"));
}

/** `process.exit` takes numbers and numerals; nothing means `exitCode`. */
function exitCode(code: unknown): number {
  const value = Number(code ?? process.exitCode ?? 0);
  return Number.isInteger(value) ? value : 1;
}

function trapSignalsToSelf(callbacks: ThreadGuardCallbacks): void {
  const trap = (owner: object | undefined, how: string) => {
    const kill = owner && Reflect.get(owner, "kill");
    if (!owner || typeof kill !== "function") return;
    replace(owner, "kill", (pid: unknown, signal: unknown = "SIGTERM") => {
      const isOwn = pid === process.pid && callbacks.ownsProcess();
      if (!reachesUs(pid) || signal === 0 || isOwn) {
        return Reflect.apply(kill, owner, [pid, signal]);
      }
      const code = SIGNAL_CODE_BASE + signalNumber(signal);
      callbacks.onExit(code, how);
      throw new ExitRequested(code, how);
    });
  };
  trap(process, "process.kill");
  trap(denoNamespace(), "Deno.kill");
}

/** 0 and negative numbers name process groups, ours among them. */
function reachesUs(pid: unknown): boolean {
  const target = Number(pid);
  return target === process.pid || target === 0 || target === -1 ||
    target === -process.pid;
}

const SIGNAL_NUMBERS: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGTERM: 15,
};

function signalNumber(signal: unknown): number {
  if (typeof signal === "number") return signal;
  return SIGNAL_NUMBERS[String(signal)] ?? 0;
}

/** Calls that would change the process under every other thread. */
function forbidProcessWideChanges(): void {
  const forbid = (owner: object | undefined, name: string, how: string) =>
    replace(owner, name, () => {
      throw new TypeError(
        `Cannot call ${how} in a task or actor: it would change the whole ` +
          "process, which runs other tasks. Use absolute paths and options " +
          "of the calls that need them",
      );
    });
  forbid(process, "chdir", "process.chdir");
  forbid(denoNamespace(), "chdir", "Deno.chdir");
  for (const name of ["setuid", "setgid", "seteuid", "setegid", "setgroups"]) {
    forbid(process, name, `process.${name}`);
  }
}

function catchTheUncaught(callbacks: ThreadGuardCallbacks): void {
  const report = (reason: unknown, kind: "exception" | "rejection") => {
    if (!(reason instanceof ExitRequested)) callbacks.onUncaught(reason, kind);
  };
  process.on("uncaughtException", (reason) => report(reason, "exception"));
  process.on("unhandledRejection", (reason) => report(reason, "rejection"));
}

/** Replaces a function for good, where it exists: user code cannot undo it. */
function replace(
  owner: object | undefined,
  name: string,
  value: (...args: unknown[]) => unknown,
): void {
  if (owner && name in owner) define(owner, name, value);
}

function define(
  owner: object,
  name: string,
  value: (...args: unknown[]) => unknown,
): void {
  Object.defineProperty(owner, name, {
    value,
    configurable: false,
    enumerable: true,
    writable: false,
  });
}

function denoNamespace(): object | undefined {
  return (globalThis as { Deno?: object }).Deno;
}
