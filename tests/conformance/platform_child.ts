// A process of the platform suite. Its argument says what it shows; what it
// prints is for the suite to read.

import process from "node:process";
import { openChannel } from "../support/channel.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import type { PlatformThread } from "../../runtime/platform/platform.ts";

const THREAD_URL = new URL("./platform_thread.ts", import.meta.url).href;

/** A thread that was told to act, and what it said last. */
interface Acting {
  readonly thread: PlatformThread;
  readonly said: unknown;
  /** Resolves when it has answered a message that is no act. */
  readonly echoed: Promise<void>;
}

/** Starts a thread; resolves when it says `until`. */
async function start(until = "ready", act?: string): Promise<Acting> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const echoed = Promise.withResolvers<void>();
  const thread = detectPlatform().startThread(THREAD_URL, {
    name: "child",
    onMessage(message) {
      const { type } = message as { type: string };
      if (type === until) resolve(message);
      else if (type === "ready" && act) thread.post(act);
      else if (type === "echo") echoed.resolve();
    },
    onEnded(reason) {
      if (reason.type !== "stopped") resolve(reason);
    },
  });
  return { thread, said: await promise, echoed: echoed.promise };
}

const SHOWS: Record<string, () => Promise<void>> = {
  async "idle thread"() {
    const { thread } = await start();
    thread.unref();
  },
  async "busy thread"() {
    const { thread } = await start("acting", "spin");
    thread.unref();
  },
  async "referenced again"() {
    const { thread } = await start();
    thread.unref();
    thread.ref();
    thread.unref();
  },
  async "channel"() {
    let resolve = (_: unknown) => {};
    const { near, far } = openChannel((answer) => resolve(answer));
    const { thread } = await start();
    thread.post(far, [far]);
    for (let i = 0; i < 3; i++) {
      const answered = new Promise((done) => resolve = done);
      near.postMessage(i);
      await answered;
    }
    thread.unref();
  },
  async "stop busy"() {
    const { thread } = await start("acting", "spin");
    const stopped = thread.stop();
    process.stderr.write("of others\n");
    await stopped;
  },
};

/** Prints what the thread's guard saw, and whether the thread survived it. */
async function showAct(act: string): Promise<void> {
  const { thread, said, echoed } = await start("uncaught", act);
  process.stdout.write(JSON.stringify(said) + "\n");
  thread.post("anything");
  await echoed;
  process.stdout.write("still answers\n");
  thread.unref();
}

const wanted = process.argv[2] ?? "";
if (wanted.startsWith("act: ")) await showAct(wanted.slice("act: ".length));
else await SHOWS[wanted]?.();
process.stdout.write("reached its end\n");
