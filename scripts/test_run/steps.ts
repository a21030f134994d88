// The list of what a whole test run consists of. Tests that start clusters or
// processes have a process for each file, so that a crash costs one file.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Step } from "./run_step.ts";

const CHECK_TIMEOUT_MS = 180_000;
const FOLDER_TIMEOUT_MS = 300_000;
const FILE_TIMEOUT_MS = 240_000;
const SYSTEM_TIMEOUT_MS = 600_000;
/** How long one test may take under Bun, whose default is 5 s. */
const BUN_TEST_TIMEOUT_MS = 120_000;

/** Files of `tests/cluster/` that a driver in another process runs, too. */
const CONNECTED: readonly string[] = [
  "actor",
  "actor_fault",
  "object",
  "reference",
  "stream",
  "task",
  "task_failure",
  "value",
];

const FUZZ_TEST = "tests/unit/transport/fuzz_test.ts";
const FUZZ_GATEWAY_TEST = "tests/cluster/hostile_driver_test.ts";
/** There are five readers. */
const FUZZ_SECONDS_PER_READER = 12;

const TSC = "node_modules/typescript/bin/tsc";
const RUNTIMES = ["deno", "bun"] as const;

/** All steps in their order, cheap checks first; files go to `folder`. */
export function listSteps(folder: string): Step[] {
  let junitCount = 0;
  const nextJunit = () => join(folder, `${junitCount++}.xml`);
  return [
    check("format", ["deno", "fmt", "--check", "--quiet"]),
    check("lint", ["deno", "lint", "--quiet"]),
    check("types by tsc", ["bun", TSC, "-p", "."]),
    check("types by deno", ["deno", "task", "types"]),
    check("rules of the house", ["bun", "scripts/check.ts"]),
    check("page of states", ["bun", "scripts/states.ts", "--check"]),
    check("package for JSR", [
      "deno",
      "publish",
      "--dry-run",
      "--allow-dirty",
      "--quiet",
    ]),
    check("binary", ["./scripts/build"]),
    // Says what is slower than recorded, and fails for nothing that is slow.
    check("report of the figures", ["bun", "bench/guard.ts"]),
    ...RUNTIMES.flatMap((runtime) => [
      ...["unit", "simulation"]
        .filter((name) => testFiles(name).length > 0)
        .map((name) => folderStep(runtime, name, nextJunit())),
      ...["conformance", "cluster"]
        .flatMap((name) => testFiles(name))
        .map((path) => fileStep(runtime, path, FILE_TIMEOUT_MS, nextJunit())),
    ]),
    ...RUNTIMES.flatMap((runtime) =>
      CONNECTED.map((name) => connectedStep(runtime, name, nextJunit()))
    ),
    {
      ...fileStep("bun", FUZZ_TEST, FILE_TIMEOUT_MS, nextJunit()),
      name: "fuzzing for a minute",
      environment: { MANTA_FUZZ_SECONDS: String(FUZZ_SECONDS_PER_READER) },
    },
    {
      ...fileStep("bun", FUZZ_GATEWAY_TEST, FILE_TIMEOUT_MS, nextJunit()),
      name: "fuzzing a node",
      environment: { MANTA_FUZZ_SECONDS: String(FUZZ_SECONDS_PER_READER) },
    },
    ...testFiles("system")
      .map((path) => fileStep("bun", path, SYSTEM_TIMEOUT_MS, nextJunit())),
    {
      name: "examples in the docs",
      command: [
        "deno",
        "task",
        "doc",
        `--junit-path=${join(folder, "doc.xml")}`,
      ],
      junitPath: join(folder, "doc.xml"),
      timeoutMs: FOLDER_TIMEOUT_MS,
    },
  ];
}

function check(name: string, command: Step["command"]): Step {
  return { name, command, timeoutMs: CHECK_TIMEOUT_MS };
}

type Runtime = typeof RUNTIMES[number];

function folderStep(runtime: Runtime, name: string, junitPath: string): Step {
  return {
    name: `${name} on ${runtime}`,
    command: testCommand(runtime, `./tests/${name}/`, junitPath),
    junitPath,
    timeoutMs: FOLDER_TIMEOUT_MS,
  };
}

function fileStep(
  runtime: Runtime,
  path: string,
  timeoutMs: number,
  junitPath: string,
): Step {
  return {
    name: `${path} on ${runtime}`,
    command: testCommand(runtime, `./${path}`, junitPath),
    junitPath,
    timeoutMs,
  };
}

function connectedStep(
  runtime: Runtime,
  name: string,
  junitPath: string,
): Step {
  const path = `tests/cluster/${name}_test.ts`;
  return {
    ...fileStep(runtime, path, FILE_TIMEOUT_MS, junitPath),
    name: `${path} over a connection on ${runtime}`,
    environment: { MANTA_TEST_CONNECTION: "1" },
  };
}

function testCommand(
  runtime: Runtime,
  path: string,
  junitPath: string,
): Step["command"] {
  if (runtime === "deno") {
    const flags = ["-A", "--no-check", `--junit-path=${junitPath}`];
    return ["deno", "test", ...flags, path];
  }
  const report = ["--reporter=junit", `--reporter-outfile=${junitPath}`];
  return ["bun", "test", `--timeout=${BUN_TEST_TIMEOUT_MS}`, ...report, path];
}

/** Paths of the test files below `tests/<name>/`. */
function testFiles(name: string): string[] {
  const folder = `tests/${name}`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("_test.ts"))
    .sort()
    .map((path) => `${folder}/${path}`);
}
