// Child processes with each runtime and the binary: they work, and none is left
// when their node has ended, or is killed while they compute.

import process from "node:process";
import { DriverProject, RUNTIMES } from "../support/driver_project.ts";
import {
  afterAll,
  assertEquals,
  assertMatch,
  describe,
  it,
} from "../support/harness.ts";
import { eventually } from "../support/cluster.ts";

const WORK = [
  'import { get, put, remote, shutdown } from "manta";',
  'const total = remote({ isolation: "process" }, function total(',
  "  values: Float64Array,",
  ") {",
  "  let sum = 0;",
  "  for (let at = 0; at < values.length; at++) sum += values[at]!;",
  "  return sum;",
  "});",
  'const crash = remote({ isolation: "process", maxRetries: 0 },',
  "  function crash() {",
  '    for (;;) process.kill(process.pid, "SIGSEGV");',
  "  });",
  'const spin = remote({ isolation: "process" }, function spin() {',
  '  console.log("spins", process.pid);',
  "  while (true);",
  "});",
];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return true;
}

for (const runtime of RUNTIMES) {
  describe(`child processes on ${runtime}`, () => {
    const project = new DriverProject();
    afterAll(() => project[Symbol.dispose]());
    const start = (name: string, ...lines: string[]) =>
      project.start(runtime, project.write(name, ...WORK, ...lines));

    it("take large values, and crash alone", async () => {
      const { exit, stdout } = await start(
        "works.ts",
        "const values = await put(new Float64Array(300_000).fill(1));",
        "console.log(await get(total.remote(values)));",
        "try {",
        "  await get(crash.remote());",
        "} catch (error) {",
        "  console.log(error.name, /signal SIGSEGV/.test(error.message));",
        "}",
        "console.log(await get(total.remote(values)));",
        "await shutdown();",
      ).ended;

      assertEquals(exit, 0);
      assertEquals(stdout, "300000\nWorkerDiedError true\n300000\n");
      assertEquals(project.sessions(), []);
    });

    it("end at once with a node that is killed", async () => {
      const driver = start("killed.ts", "await get(spin.remote());");
      await driver.printed("spins");
      driver.signal("SIGKILL");
      const { stdout } = await driver.ended;
      assertMatch(stdout, /spins \d+/);
      const pid = Number(/spins (\d+)/.exec(stdout)![1]);
      await eventually(() => !isAlive(pid), () => `${pid} to end`);
    });
  });
}
