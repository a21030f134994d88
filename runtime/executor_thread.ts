// The entry of a thread that runs user code: guards the thread, captures its
// output, waits for its start message and becomes an executor.

import { provideBundleApi } from "./bundle_api.ts";
import { ExecutorSession } from "./executor_session.ts";
import type { ExecutorStart } from "./host_messages.ts";
import { detectPlatform } from "./platform/detect.ts";
import { captureOutput } from "./platform/output_capture.ts";
import { guardThread } from "./platform/thread_guard.ts";
import { describeThrown } from "./protocol/value_failure.ts";
import { RunEnvironments } from "./run_environments.ts";

/** The global of a web worker, as far as an entry uses it. */
interface ThreadGlobal {
  postMessage(message: unknown): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<ExecutorStart>) => void,
  ): void;
}

const thread = globalThis as unknown as ThreadGlobal;
const platform = detectPlatform();
let session: ExecutorSession | undefined;
let isChild = false;

guardThread({
  ownsProcess: () => isChild,
  onExit: (code, how) =>
    session?.exiting(`user code called ${how}(${code}), which ends the thread`),
  onUncaught: (reason, kind) => {
    const what = kind === "rejection"
      ? "user code left a rejected promise without a handler"
      : "user code threw an error that nothing caught";
    session?.exiting(`${what}: ${describeThrown(reason)}`, reason);
  },
});
const output = captureOutput(
  platform,
  (stream, line) => session?.printed(stream, line),
);
const environments = new RunEnvironments();
platform.layerEnvironment(() => environments.current());
provideBundleApi((hash) => environments.bundleEntered(hash));

thread.addEventListener(
  "message",
  ({ data: start }) => {
    if (start.type !== "executor_start") return;
    isChild = start.isChild === true;
    session = new ExecutorSession(start, platform, {
      capture: output,
      environments,
      limitMemory: (limit) => thread.postMessage(limit),
    });
  },
);
