// The thread of the platform suite: guarded, does what it is told, and reports
// what its guard saw. A message is the name of an act below.

import { guardThread } from "../../runtime/platform/thread_guard.ts";
import { threadNumber } from "../support/resource_use.ts";
import { execFileSync } from "node:child_process";
import process from "node:process";

type Act = () => unknown;

const scope = globalThis as unknown as {
  postMessage(message: unknown): void;
  onmessage: (event: MessageEvent) => void;
  Deno?: { exit(code: number): never; kill(pid: number, name: string): void };
};

function spinForEver(): never {
  for (;;);
}

function spinPastCatches(): never {
  for (;;) {
    try {
      spinForEver();
    } finally {
      // deno-lint-ignore no-unsafe-finally
      continue;
    }
  }
}

function turnMicrotasksForEver(): Promise<void> {
  return Promise.resolve().then(turnMicrotasksForEver);
}

function waitForEver(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function throwLater(value: unknown): void {
  setTimeout(() => {
    throw value;
  }, 0);
}

const ACTS: Record<string, Act> = {
  "spin": spinForEver,
  "spin past catches": spinPastCatches,
  "turn microtasks": turnMicrotasksForEver,
  "wait": waitForEver,
  "block, then spin": () => {
    execFileSync("sleep", ["0.4"]);
    spinForEver();
  },
  "clone": () => {
    for (;;) structuredClone({});
  },
  "process.exit": () => process.exit(3),
  "process.reallyExit": () =>
    (process as unknown as { reallyExit(code: number): void }).reallyExit(4),
  "process.abort": () => process.abort(),
  "process.kill": () => process.kill(process.pid, "SIGKILL"),
  "Deno.exit": () => scope.Deno?.exit(5),
  "Deno.kill": () => scope.Deno?.kill(process.pid, "SIGTERM"),
  "self.close": () => self.close(),
  "async process.exit": () => Promise.resolve().then(() => process.exit(6)),
  "reject with an error": () => void Promise.reject(new Error("rejected")),
  "reject with nothing": () => void Promise.reject(),
  "throw an error": () => throwLater(new Error("thrown")),
  "throw null": () => throwLater(null),
  "throw in nextTick": () =>
    process.nextTick(() => {
      throw new Error("ticked");
    }),
  "throw in a listener": () => {
    const target = new EventTarget();
    target.addEventListener("fire", () => {
      throw new Error("listened");
    });
    target.dispatchEvent(new Event("fire"));
  },
  "report an error": () => reportError(new Error("reported")),
  "chdir": () => process.chdir("/"),
};

function echoOver(port: MessagePort): void {
  port.onmessage = ({ data: message }) => port.postMessage(message);
}

guardThread({
  ownsProcess: () => false,
  onExit: (code, how) => scope.postMessage({ type: "exit", code, how }),
  onUncaught: (reason, kind) =>
    scope.postMessage({ type: "uncaught", kind, reason: String(reason) }),
});

scope.onmessage = ({ data: message }) => {
  if (message instanceof MessagePort) return echoOver(message);
  const act = ACTS[message];
  scope.postMessage({ type: act ? "acting" : "echo", message });
  try {
    act?.();
  } catch (error) {
    const { name } = error as Error;
    scope.postMessage({ type: "threw", name });
  }
};

scope.postMessage({ type: "ready", thread: threadNumber() });
