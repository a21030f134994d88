// What every platform must do, its workarounds above all: when a runtime is
// upgraded, this suite tells what broke and what may go.

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type {
  Platform,
  PlatformThread,
  ThreadEnd,
} from "../../runtime/platform/platform.ts";
import { openChannel } from "../support/channel.ts";
import {
  openFileCount,
  rssBytes,
  threadCount,
  threadCpuMs,
} from "../support/resource_use.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertMatch,
  describe,
  it,
} from "../support/harness.ts";

const THREAD_URL = new URL("./platform_thread.ts", import.meta.url).href;
const CAPTURE_URL =
  new URL("./platform_capture_thread.ts", import.meta.url).href;
const CHILD_PATH = fileURLToPath(import.meta.resolve("./platform_child.ts"));

/** A state that does not come within this time will not come. */
const PATIENCE_MS = 4_000;

interface ThreadMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A thread under test, with what it said. */
class TestThread {
  readonly thread: PlatformThread;
  readonly messages: ThreadMessage[] = [];
  readonly ends: ThreadEnd[] = [];
  #wake = () => {};

  constructor(platform: Platform, url = THREAD_URL) {
    this.thread = platform.startThread(url, {
      name: "tested",
      onMessage: (message) => {
        this.messages.push(message as ThreadMessage);
        this.#wake();
      },
      onEnded: (reason) => {
        this.ends.push(reason);
        this.#wake();
      },
    });
  }

  /** Waits for the first message of a type. */
  async message(type: string): Promise<ThreadMessage> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type);
      if (found) return found;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async end(): Promise<ThreadEnd> {
    while (!this.ends[0]) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.ends[0];
  }

  /** The system's number of the thread, once it runs. */
  async number(): Promise<number> {
    return (await this.message("ready"))["thread"] as number;
  }
}

/** Runs the conformance suite of a platform. */
export function platformSuite(platform: Platform): void {
  const threads: TestThread[] = [];
  const start = (url?: string) => {
    const thread = new TestThread(platform, url);
    threads.push(thread);
    return thread;
  };

  describe(`platform ${platform.name}`, () => {
    afterEach(async () => {
      await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
    });

    describe("threads", () => testThreads(start));
    describe("stopping", () => testStopping(start));
    describe("stopping among others", () => testStoppingAmongOthers(start));
    describe("the guard", () => testGuard(start));
    describe("what is uncaught", () => testUncaught(platform));
    describe("the end of the process", () => testProcessEnd(platform));
    describe("garbage", () => testGarbage(platform));
    describe("output", () => testOutput(start));
  });
}

type Start = (url?: string) => TestThread;

function testThreads(start: Start): void {
  it("delivers messages in order", async () => {
    const { thread, messages } = start();
    const echoes = Array.from({ length: 100 }, (_, i) => `echo ${i}`);

    for (const echo of echoes) thread.post(echo);

    await eventually(() => messages.length > echoes.length);
    assertEquals(
      messages.slice(1).map(({ message }) => message),
      echoes,
    );
  });

  it("transfers ports", async () => {
    const tested = start();
    const answered = Promise.withResolvers<unknown>();
    const { near, far } = openChannel(answered.resolve);

    tested.thread.post(far, [far]);
    near.postMessage("over the port");

    assertEquals(await answered.promise, "over the port");
    near.close();
  });

  it("reports an entry that does not load", async () => {
    const url = import.meta.resolve("./no_such_file.ts");

    const reason = await start(url).end();

    assertEquals(reason.type, "crashed");
  });

  it("reports an entry that throws", async () => {
    const tested = start("data:text/javascript,throw new Error('early')");

    const reason = await tested.end();

    assert(reason.type === "crashed");
    assertMatch(reason.message, /early/);
  });
}

function testStopping(start: Start): void {
  it("stops an idle thread", async () => {
    const tested = start();
    const number = await tested.number();

    await tested.thread.stop();

    await eventually(() => threadCpuMs(number) === undefined);
    assertEquals(tested.ends, [{ type: "stopped" }]);
  });

  it("stops a thread that is still starting", async () => {
    const tested = start();

    await tested.thread.stop();

    assertEquals(tested.ends, [{ type: "stopped" }]);
  });

  for (
    const act of [
      "spin",
      "spin past catches",
      "turn microtasks",
      "wait",
      "clone",
    ]
  ) {
    it(`stops a thread that is busy: ${act}`, async () => {
      const tested = start();
      const number = await tested.number();
      tested.thread.post(act);
      await tested.message("acting");

      await Promise.all([tested.thread.stop(), tested.thread.stop()]);

      await eventually(() => threadCpuMs(number) === undefined);
      assertEquals(tested.ends, [{ type: "stopped" }]);
    });
  }
}

function testStoppingAmongOthers(start: Start): void {
  it("stops the thread it was asked to stop, among busy ones", async () => {
    const [first, second, third] = [start(), start(), start()];
    const acts = [first.thread, second.thread, third.thread];
    const numbers = await Promise.all(
      [first, second, third].map((thread) => thread.number()),
    );
    for (const thread of acts) thread.post("spin");
    await third.message("acting");

    await Promise.all([first.thread.stop(), third.thread.stop()]);

    await eventually(() => threadCpuMs(numbers[0]!) === undefined);
    await eventually(() => threadCpuMs(numbers[2]!) === undefined);
    assertEquals(second.ends, []);
    const before = threadCpuMs(numbers[1]!) ?? NaN;
    await eventually(() => threadCpuMs(numbers[1]!)! > before + 20);
  });

  it("stops a thread that spins after a blocking system call", async () => {
    const tested = start();
    const number = await tested.number();
    tested.thread.post("block, then spin");
    await tested.message("acting");

    await tested.thread.stop();

    await eventually(() => threadCpuMs(number) === undefined);
  });

  it("starts threads while another one is being stopped", async () => {
    const busy = start();
    busy.thread.post("spin");
    await busy.message("acting");
    const stopped = busy.thread.stop();
    busy.thread.post("to nobody");

    for (let i = 0; i < 3; i++) {
      const tested = start();
      tested.thread.post(`echo ${i}`);
      assertEquals((await tested.message("echo"))["message"], `echo ${i}`);
    }

    await stopped;
  });

  it("leaves nothing behind after 50 threads", async () => {
    await start().thread.stop();
    const files = openFileCount();
    const threadsBefore = threadCount();

    for (let i = 0; i < 50; i++) {
      const tested = start();
      await tested.number();
      await tested.thread.stop();
    }

    // The runtimes keep a few threads of their own for later use.
    await eventually(() => threadCount() <= threadsBefore + 4);
    await eventually(() => openFileCount() <= files + 4);
  });
}

function testGuard(start: Start): void {
  const exits: [act: string, code: number][] = [
    ["process.exit", 3],
    ["process.reallyExit", 4],
    ["process.abort", 134],
    ["process.kill", 137],
    ["Deno.exit", 5],
    ["Deno.kill", 143],
    ["self.close", 0],
  ];
  for (const [act, code] of exits) {
    if (act.startsWith("Deno") && !("Deno" in globalThis)) continue;
    it(`traps ${act}`, async () => {
      const tested = start();

      tested.thread.post(act);

      const exit = await tested.message("exit");
      assertEquals(exit, { type: "exit", code, how: act });
      assertEquals((await tested.message("threw"))["name"], "ExitRequested");
      await stillAnswers(tested);
    });
  }

  it("traps an exit in a promise, without an uncaught error", async () => {
    const tested = start();

    tested.thread.post("async process.exit");

    assertEquals((await tested.message("exit"))["code"], 6);
    await stillAnswers(tested);
    assertEquals(
      tested.messages.some(({ type }) => type === "uncaught"),
      false,
    );
  });

  it("forbids changes of the whole process", async () => {
    const tested = start();

    tested.thread.post("chdir");

    assertEquals((await tested.message("threw"))["name"], "TypeError");
  });
}

/**
 * In a process of its own: in a thread of `bun test` the test runner takes
 * what is uncaught, before any handler, and ends the thread.
 */
function testUncaught(platform: Platform): void {
  const failures: [act: string, kind: string, reason: string][] = [
    ["reject with an error", "rejection", "Error: rejected"],
    ["reject with nothing", "rejection", "undefined"],
    ["throw an error", "exception", "Error: thrown"],
    ["throw null", "exception", "null"],
    ["throw in nextTick", "exception", "Error: ticked"],
    ["throw in a listener", "exception", "Error: listened"],
    ["report an error", "exception", "Error: reported"],
  ];
  for (const [act, kind, reason] of failures) {
    it(`costs at most the thread: ${act}`, async () => {
      const { stdout, stderr } = await runChild(platform, `act: ${act}`);

      const [first, second] = stdout.split("\n");
      assertEquals(JSON.parse(first ?? ""), {
        type: "uncaught",
        kind,
        reason,
      });
      assertEquals(second, "still answers");
      assertEquals(stderr, "");
    });
  }
}

async function stillAnswers(tested: TestThread): Promise<void> {
  tested.thread.post("anything");
  await tested.message("echo");
  assertEquals(tested.ends, []);
}

function testProcessEnd(platform: Platform): void {
  const shows = ["idle thread", "busy thread", "referenced again", "channel"];
  for (const show of shows) {
    it(`comes by itself in spite of: ${show}`, async () => {
      const { code, stdout, stderr } = await runChild(platform, show);

      assertEquals({ code, stdout, stderr }, {
        code: 0,
        stdout: "reached its end\n",
        stderr: "",
      });
    });
  }

  it("leaves stderr to others while a busy thread is stopped", async () => {
    const { stderr } = await runChild(platform, "stop busy");

    assertEquals(stderr, "of others\n");
  });
}

interface ChildEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runChild(platform: Platform, show: string): Promise<ChildEnd> {
  const { command, args, env } = platform.scriptCommand(CHILD_PATH, [show]);
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const ended = new Promise<number | null>((resolve) =>
    child.on("close", (code) => resolve(code))
  );
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => text.stdout += chunk);
  child.stderr.on("data", (chunk) => text.stderr += chunk);
  const code = await ended;
  clearTimeout(limit);
  return { code, ...text };
}

function testGarbage(platform: Platform): void {
  it("is collected on demand, and its finalizers run", async () => {
    let finalized = 0;
    const registry = new FinalizationRegistry(() => finalized++);
    makeGarbage(registry, 100);

    await platform.collectGarbage();
    await platform.collectGarbage();

    // A conservative stack scan may find one or the other of them.
    assert(finalized > 90, `Only ${finalized} of 100 were finalized`);
  });

  it("gives shared memory back while it is held", () => {
    const { returnMemory } = platform;
    assertEquals(returnMemory !== undefined, process.platform === "linux");
    if (!returnMemory) return;
    const sizeBytes = 256 * 1024 * 1024;
    const bytes = new Uint8Array(new SharedArrayBuffer(sizeBytes)).fill(1);
    const fullBytes = rssBytes();

    returnMemory(bytes.buffer, 0, sizeBytes);

    const returnedBytes = fullBytes - rssBytes();
    assert(returnedBytes > sizeBytes * 0.8, `${returnedBytes} came back`);
    assertEquals(bytes[sizeBytes / 2], 0);
    bytes.fill(2);
    returnMemory(bytes.buffer, 0, sizeBytes / 2);
    assertEquals(bytes[sizeBytes / 2], 2);
    assertEquals(bytes[sizeBytes / 4], 0);
  });
}

function makeGarbage(
  registry: FinalizationRegistry<number>,
  count: number,
): void {
  for (let i = 0; i < count; i++) registry.register({ i }, i);
}

function testOutput(start: Start): void {
  it("is captured line by line, however it is printed", async () => {
    const { messages } = start(CAPTURE_URL);

    await eventually(() => (messages.at(-1) as unknown) === "done");

    const lines = (stream: string) =>
      messages.filter((message) => message["stream"] === stream)
        .map(({ line }) => String(line));
    assertEquals(lines("stderr"), [
      "warned",
      "failed",
      "Assertion failed: asserted",
      "split €",
    ]);
    assertEquals(withoutTable(lines("stdout")), [
      "text 1 true null",
      "1 info",
      "format has 2",
      "100%",
      "group",
      "  two",
      "  lines",
      "counter: 1",
      "a part and the rest",
      "hex",
      "native 1",
      "native 2",
      "native 3",
      "unfinished",
    ]);
  });
}

function withoutTable(lines: readonly string[]): string[] {
  assert(lines.some((line) => /│.*column.*│/.test(line)), "No table");
  return lines.filter((line) => line && !/^[┌├│└]/.test(line));
}

/** Waits for a state that comes about outside of this thread. */
async function eventually(isReached: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!isReached()) {
    if (performance.now() > deadlineMs) {
      throw new Error(`The state did not come about: ${isReached}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
