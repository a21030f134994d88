// What a driver's terminal shows of its tasks and actors, as a user sees it:
// drivers are child processes, on each runtime.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DriverProject, RUNTIMES } from "../support/driver_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";

const PREFIX = /^\(([\w ]*?) ?pid=\d+ thread=\S+ node=\S+\) (.*)$/;

/** Lines of tasks as `name: text`, other lines as they are. */
function plain(output: string): string[] {
  return output.trimEnd().split("\n").map((line) => {
    const [, name, text] = PREFIX.exec(line) ?? [];
    return name === undefined ? line : `${name}: ${text}`;
  });
}

for (const runtime of RUNTIMES) {
  describe(`output of tasks on ${runtime}`, () => {
    const project = new DriverProject();
    afterAll(() => project[Symbol.dispose]());
    const runScript = (name: string, ...lines: string[]) => {
      const file = project.write(name, ...lines);
      return project.run(runtime, file);
    };

    it("goes to its stream, under who printed it, in order", async () => {
      const { exit, stdout, stderr } = await runScript(
        "order.ts",
        'import { get, remote } from "manta";',
        "const square = remote(function square(x: number) {",
        '  console.log("one", x);',
        '  console.error("to stderr");',
        '  console.log("two");',
        '  process.stdout.write("unfinished");',
        "  return x * x;",
        "});",
        "const Greeter = remote(class Greeter {",
        '  constructor() { console.log("made"); }',
        '  greet(name: string) { console.log("hello", name); }',
        "});",
        "console.log(await get(square.remote(3)));",
        "const greeter = Greeter.remote();",
        'await get(greeter.greet.remote("Ann"));',
        'await get(greeter.greet.remote("Bob"));',
      );

      assertEquals(exit, 0);
      const lines = plain(stdout);
      assertEquals(lines.toSorted(), [
        "9",
        "Greeter: hello Ann",
        "Greeter: hello Bob",
        "Greeter: made",
        "square: one 3",
        "square: two",
        "square: unfinished",
      ]);
      assertEquals(lines.filter((line) => line.startsWith("square")), [
        "square: one 3",
        "square: two",
        "square: unfinished",
      ]);
      assertEquals(lines.filter((line) => line.startsWith("Greeter")), [
        "Greeter: made",
        "Greeter: hello Ann",
        "Greeter: hello Bob",
      ]);
      assertEquals(plain(stderr), ["square: to stderr"]);
    });

    it("is folded where tasks print the same", async () => {
      const { stdout } = await runScript(
        "same.ts",
        'import { get, remote } from "manta";',
        "const work = remote(function work(i: number) {",
        '  console.log("the same");',
        '  console.log("my own", i);',
        "});",
        "await get([0, 1, 2, 3].map((i) => work.remote(i)));",
      );

      const lines = plain(stdout);
      assertEquals(lines.filter((line) => line.includes("same")), [
        "work: the same",
        "work: the same [repeated 3x across cluster]",
      ]);
      assertEquals(lines.filter((line) => line.includes("own")).length, 4);
    });

    it("is complete at the end of the driver, however much it is", async () => {
      const { exit, stdout } = await runScript(
        "flood.ts",
        'import { get, remote } from "manta";',
        "const flood = remote(function flood(name: string) {",
        "  for (let i = 0; i < 20_000; i++) console.log(name, i);",
        "});",
        'await get([flood.remote("a"), flood.remote("b")]);',
      );

      assertEquals(exit, 0);
      const lines = plain(stdout);
      for (const name of ["a", "b"]) {
        assertEquals(
          lines.filter((line) => line.startsWith(`flood: ${name} `)),
          Array.from({ length: 20_000 }, (_, i) => `flood: ${name} ${i}`),
        );
      }
    });

    it("is shown of threads that exit, and of tasks that go on", async () => {
      const file = project.write(
        "last_words.ts",
        'import { existsSync } from "node:fs";',
        'import { get, init, remote } from "manta";',
        "await init({ numCpus: 2 });",
        "const leave = remote({ maxRetries: 0 }, function leave() {",
        '  console.log("last words");',
        "  process.exit(3);",
        "});",
        "const spin = remote(function spin() {",
        '  console.log("first");',
        '  console.log("second");',
        "  while (true);",
        "});",
        "const nobodys = remote(function nobodys(done: SharedArrayBuffer) {",
        '  console.log("not waited for");',
        "  return done;",
        "});",
        "const error = await get(leave.remote()).catch((e) => e);",
        "console.log(error.name);",
        "nobodys.remote(new SharedArrayBuffer(8));",
        "spin.remote();",
        'while (!existsSync("go")) {',
        "  await new Promise((resolve) => setTimeout(resolve, 10));",
        "}",
      );
      const driver = project.start(runtime, file);
      await driver.printed("not waited for");
      await driver.printed("second");
      project.write("go");
      const { exit, stdout } = await driver.ended;

      assertEquals(exit, 0);
      assertEquals(plain(stdout).toSorted(), [
        "WorkerDiedError",
        "leave: last words",
        "nobodys: not waited for",
        "spin: first",
        "spin: second",
      ]);
    });

    it("is in the node's log files, too", async () => {
      const driver = project.start(
        runtime,
        project.write(
          "logged.ts",
          'import { get, remote } from "manta";',
          "const speak = remote(function speak() {",
          '  console.log("to the log");',
          '  console.error("to the error log");',
          "});",
          "await get(speak.remote());",
          'console.log("spoken");',
          "await new Promise((resolve) => setTimeout(resolve, 60_000));",
        ),
      );
      await driver.printed("spoken");
      const logs = project.logs();
      const text = (suffix: string) =>
        readdirSync(logs).filter((name) => name.endsWith(suffix))
          .map((name) => readFileSync(join(logs, name), "utf8")).join("");

      assertEquals(text(".out"), "to the log\n");
      assertEquals(text(".err"), "to the error log\n");
      driver.signal("SIGKILL");
      await driver.ended;
    });

    it("is not shown when the driver does not want it", async () => {
      const { exit, stdout, stderr } = await runScript(
        "quiet.ts",
        'import { get, init, remote } from "manta";',
        "await init({ logToDriver: false });",
        "const speak = remote(function speak() {",
        '  console.log("unwanted");',
        "  return 1;",
        "});",
        "console.log(await get(speak.remote()));",
      );

      assertEquals({ exit, stdout, stderr }, {
        exit: 0,
        stdout: "1\n",
        stderr: "",
      });
    });
  });

  describe(`errors of tasks on ${runtime}`, () => {
    const project = new DriverProject();
    afterAll(() => project[Symbol.dispose]());
    const FAIL = [
      'import { get, remote, wait } from "manta";',
      "function deeper(text: string): never { throw new RangeError(text); }",
      "const fail = remote(function fail(text: string) {",
      "  deeper(text);",
      "});",
    ];

    it("are shown once when nobody asks for them", async () => {
      const { exit, stdout, stderr } = await project.run(
        runtime,
        project.write(
          "unseen.ts",
          ...FAIL,
          'const unseen = fail.remote("nobody asked");',
          'await get(fail.remote("seen")).catch(() => {});',
          "const parent = remote(async function parent() {",
          '  await wait([fail.remote("nobody asked the child")]);',
          '  return get(fail.remote("caught")).catch(() => 1);',
          "});",
          "console.log(await get(parent.remote()));",
          "await wait([unseen]);",
          'const both = [fail.remote("seen"), fail.remote("seen")];',
          "await wait(both, { numReturns: 2 });",
          "await get(both).catch(() => {});",
        ),
      );

      assertEquals([exit, stdout], [0, "1\n"]);
      for (const text of ["RangeError: nobody asked\n", "asked the child\n"]) {
        const times = stderr.split("\n").filter((line) =>
          `${line}\n`.endsWith(text) && !line.includes("TaskError")
        );
        assertEquals(times.length, 1, stderr);
      }
      assert(!/seen"?$|caught/m.test(stderr), stderr);
      assertMatch(stderr, /deeper \(.*unseen\.ts:2:\d+\)/);
      assertMatch(stderr, /fail \(.*unseen\.ts:4:\d+\)/);
    });

    it("end a driver that does not catch them, with code 1", async () => {
      const { exit, stderr } = await project.run(
        runtime,
        project.write("uncaught.ts", ...FAIL, 'await get(fail.remote("bad"));'),
      );

      assertEquals(exit, 1);
      assertEquals(stderr.match(/TaskError: fail failed on node/g)?.length, 1);
      assertEquals(stderr.match(/^.*RangeError: bad$/gm)?.length, 2, stderr);
      assertEquals(stderr.match(/uncaught\.ts:2:\d+/g)?.length, 1);
      assertStringIncludes(stderr, "deeper");
      assert(!stderr.includes("error_shape"), stderr);
      assertEquals(project.sessions(), []);
    });
  });
}
