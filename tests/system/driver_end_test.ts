// How a driver's process ends: by itself, by an exit, by an error, by signals;
// with work left behind, whose threads must not hold it up. On each runtime.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import {
  type DriverOutcome,
  DriverProject,
  RUNTIMES,
} from "../support/driver_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";

/** Far more than an end takes, far less than a lease or a timer lasts. */
const LINGER_MS_MAX = 20_000;

const WORK = [
  'import { existsSync } from "node:fs";',
  'import { get, put, remote, wait } from "manta";',
  "const square = remote(function square(x: number) { return x * x; });",
  "const sleep = remote(async function sleep(ms: number) {",
  "  await new Promise((resolve) => setTimeout(resolve, ms));",
  "});",
  "const spin = remote(function spin() {",
  '  console.log("spinning");',
  "  while (true);",
  "});",
  "const count = remote(function* count() { for (let i = 0;; i++) yield i; });",
  "const Idle = remote(class Idle { ping() { return 1; } });",
];

for (const runtime of RUNTIMES) {
  describe(`a driver's end on ${runtime}`, () => {
    const project = new DriverProject();
    afterAll(() => project[Symbol.dispose]());
    const start = (name: string, ...lines: string[]) =>
      project.start(runtime, project.write(name, ...WORK, ...lines));
    const run = async (name: string, ...lines: string[]) => {
      const outcome = await start(name, ...lines).ended;
      assert(outcome.lingeredMs < LINGER_MS_MAX, `${outcome.lingeredMs} ms`);
      return outcome;
    };
    const assertOutcome = (
      { exit, stdout, stderr }: DriverOutcome,
      expected: Pick<DriverOutcome, "exit" | "stdout">,
    ) => assertEquals({ exit, stdout, stderr }, { ...expected, stderr: "" });

    it("comes after its last line, whatever it leaves behind", async () => {
      const outcome = await run(
        "leaves.ts",
        "const idle = Idle.remote();",
        "await get(idle.ping.remote());",
        "const numbers = count.remote();",
        "await numbers.next();",
        "await put(new Uint8Array(1_000_000));",
        "for (let i = 0; i < 10; i++) sleep.remote(60_000);",
        "Idle.remote().ping.remote();",
        'console.log("end");',
      );

      assertOutcome(outcome, { exit: 0, stdout: "end\n" });
      assertEquals(project.sessions(), []);
    });

    it("comes though a thread computes without end", async () => {
      const driver = start(
        "spins.ts",
        "spin.remote();",
        'while (!existsSync("go")) {',
        "  await new Promise((resolve) => setTimeout(resolve, 10));",
        "}",
        'console.log("end");',
      );
      await driver.printed("spinning");
      project.write("go");
      const { exit, stdout, lingeredMs } = await driver.ended;

      assertEquals(exit, 0);
      assertStringIncludes(stdout, "end");
      assert(lingeredMs < LINGER_MS_MAX, `${lingeredMs} ms`);
      assertEquals(project.sessions(), []);
    });

    it("comes at once without a session", async () => {
      const outcome = await run("unused.ts", 'console.log("end");');

      assertOutcome(outcome, { exit: 0, stdout: "end\n" });
    });

    it("comes after a shutdown, and a session after that", async () => {
      const outcome = await run(
        "shutdown.ts",
        'import { shutdown } from "manta";',
        "console.log(await get(square.remote(2)));",
        "await shutdown();",
        "console.log(await get(square.remote(3)));",
        "await shutdown();",
        "await shutdown();",
      );

      assertOutcome(outcome, { exit: 0, stdout: "4\n9\n" });
      assertEquals(project.sessions(), []);
    });

    it("waits for what is awaited at the top", async () => {
      const outcome = await run(
        "awaits.ts",
        "await get(sleep.remote(300));",
        "const [ready] = await wait([sleep.remote(300)]);",
        "console.log(ready.length);",
      );

      assertOutcome(outcome, { exit: 0, stdout: "1\n" });
    });

    it("is an exit's, with its code", async () => {
      const outcome = await run(
        "exits.ts",
        "await get(square.remote(2));",
        "sleep.remote(60_000);",
        'process.on("exit", (code) => console.log("exit", code));',
        "process.exit(7);",
      );

      assertOutcome(outcome, { exit: 7, stdout: "exit 7\n" });
      assertEquals(project.sessions(), []);
    });

    it("is an uncaught error's, shown once, with code 1", async () => {
      for (
        const how of ["throw", "setTimeout(() => { throw", "Promise.reject("]
      ) {
        const close = { t: "", s: " }, 1)", P: ")" }[how[0]!];
        const { exit, stderr } = await run(
          "throws.ts",
          "await get(square.remote(2));",
          "sleep.remote(60_000);",
          `${how} new RangeError("the driver's own")${close};`,
        );

        assertEquals(exit, 1);
        assertEquals(stderr.match(/RangeError: the driver's own/g)?.length, 1);
        assertEquals(stderr.match(/throws\.ts:15:\d+/g)?.length, 1, stderr);
      }
      assertEquals(project.sessions(), []);
    });

    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      it(`is a ${signal}'s, also in a loop without end`, async () => {
        const waits = start(
          `${signal}_waits.ts`,
          "await get(square.remote(2));",
          'console.log("ready");',
          "await get(sleep.remote(60_000));",
        );
        const loops = start(
          `${signal}_loops.ts`,
          "await get(square.remote(2));",
          'console.log("ready");',
          "while (true);",
        );

        for (const driver of [waits, loops]) {
          await driver.printed("ready");
          driver.signal(signal);
          const { exit, stderr } = await driver.ended;
          const codes: unknown[] = [signal, signal === "SIGINT" ? 130 : 143];
          assert(codes.includes(exit), `${exit}`);
          assertEquals(stderr, "");
          assertEquals(existsSync(`/proc/${driver.pid}`), false);
        }
        // What was left behind goes with the next start.
        await run("sweeps.ts", "await get(square.remote(2));");
        assertEquals(project.sessions(), []);
      });
    }

    it("can be put off by a handler of the driver's", async () => {
      const driver = start(
        "handles.ts",
        'process.on("SIGINT", () => {',
        '  console.log("interrupted");',
        "  process.exit(5);",
        "});",
        "await get(square.remote(2));",
        'console.log("ready");',
        "await get(sleep.remote(60_000));",
      );
      await driver.printed("ready");
      driver.signal("SIGINT");
      const { exit, stdout } = await driver.ended;

      assertEquals([exit, stdout], [5, "ready\ninterrupted\n"]);
      assertEquals(project.sessions(), []);
    });

    it("leaves no process behind", async () => {
      const driver = start(
        "children.ts",
        "await get(square.remote(2));",
        "spin.remote();",
        'console.log("ready");',
        "await get(sleep.remote(60_000));",
      );
      await driver.printed("ready");
      driver.signal("SIGKILL");
      assertEquals((await driver.ended).exit, "SIGKILL");

      assertEquals(processesOf(project.folder), []);
    });
  });
}

/** Processes that were started in a folder and still run. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) &&
        readFileSync(`/proc/${name}/environ`, "utf8").includes(
          folder.slice(0, folder.lastIndexOf("/")),
        );
    } catch {
      return false;
    }
  });
}
