// Drivers of one head, as their users run them: on each runtime and in the
// binary, several at once, by the environment alone. What they leave when they
// end, exit, fail, are interrupted, or are killed.

import { observeNode } from "../../runtime/observe_node.ts";
import { chunkFilesOf, hasChunkFiles } from "../support/chunk_file_kit.ts";
import { eventually } from "../support/cluster.ts";
import {
  type DriverOutcome,
  DriverProject,
  RUNTIMES,
} from "../support/driver_project.ts";
import {
  afterEach,
  assert,
  assertEquals,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { HEAD_TOKEN, HeadProcess } from "../support/head_process.ts";

/** A program that knows nothing of where its cluster is. */
const TOUR = [
  'import { cancel, get, put, remote, wait } from "manta";',
  "const square = remote(function square(n: number) { return n * n; });",
  "const fail = remote(function fail() { throw new RangeError('no'); });",
  "const say = remote(function say() { console.log('said by a task'); });",
  "const sum = remote(function sum(all: Float64Array) {",
  "  return all.reduce((a, b) => a + b, 0);",
  "});",
  "const nested = remote(async function nested(n: number) {",
  "  return await get(square.remote(n)) + 1;",
  "});",
  "const Counter = remote(class Counter {",
  "  #n = 0;",
  "  add(by: number) { return this.#n += by; }",
  "});",
  "const squares = await get([1, 2, 3].map((n) => square.remote(n)));",
  "console.log('tasks', squares.join());",
  "const large = await put(new Float64Array(1_000_000).fill(1));",
  "console.log('large', await get(sum.remote(large)));",
  "console.log('nested', await get(nested.remote(3)));",
  "const counter = Counter.remote();",
  "counter.add.remote(1);",
  "console.log('actor', await get(counter.add.remote(2)));",
  "const error = await get(fail.remote()).catch((error) => error);",
  "console.log('error', error.name, error.cause.name);",
  "const refs = [square.remote(5)];",
  "console.log('wait', (await wait(refs))[0].length);",
  "await get(say.remote());",
];

const TOUR_OUTPUT = [
  "tasks 1,4,9",
  "large 1000000",
  "nested 10",
  "actor 3",
  "error TaskError RangeError",
  "wait 1",
];

/** Holds a task, an actor and an object, and does not come to its end. */
const HOLDING = [
  'import { get, put, remote } from "manta";',
  "const forever = remote(async function forever() {",
  "  await new Promise(() => {});",
  "});",
  "const Held = remote(class Held { hello() { return 'hello'; } });",
  "const held = Held.remote();",
  "const kept = await put(new Uint8Array(1_000_000));",
  "await get(held.hello.remote());",
  "const never = forever.remote();",
  "console.log('holding', kept.id);",
  "await get(never);",
];

/** Sends and fetches what is large, again and again. */
const CROSSING = [
  'import { get, put, remote } from "manta";',
  "const same = remote(function same(all: Uint8Array) { return all; });",
  "const bytes = new Uint8Array(20_000_000).fill(7);",
  "for (let n = 0; n < 100_000; n++) {",
  "  const back = await get(same.remote(await put(bytes)));",
  "  if (back[back.length - 1] !== 7) throw new Error('other bytes');",
  "  if (n === 1) console.log('crossing');",
  "}",
];

describe("drivers of one head", () => {
  let head: HeadProcess;
  let project: DriverProject;
  beforeEach(async () => {
    head = await HeadProcess.start({ numCpus: 4 });
    project = new DriverProject();
  });
  afterEach(async () => {
    project[Symbol.dispose]();
    await head[Symbol.asyncDispose]();
  });

  /** Resolves once nothing is left of any driver. */
  async function empty(): Promise<void> {
    const node = observeNode({ address: head.address, token: HEAD_TOKEN });
    let seen = "";
    try {
      await eventually(async () => {
        const { leases, actors, objects } = await node.calls.leftovers();
        const jobs = (await node.calls.jobs()).length;
        seen = JSON.stringify({ leases, actors, objects, jobs });
        return leases + actors + objects + jobs === 0;
      }, () => `nothing to be left: ${seen}`);
    } finally {
      await node.close();
    }
  }

  for (const runtime of RUNTIMES) {
    it(`run unchanged on ${runtime}, and end by themselves`, async () => {
      const file = project.write("tour.ts", ...TOUR);
      const { exit, stdout, stderr } = await project.run(runtime, file, {
        env: head.env,
      });

      assertEquals([exit, stderr], [0, ""]);
      for (const line of TOUR_OUTPUT) assert(stdout.includes(line), stdout);
      assert(/\(say pid=\d+ .*\) said by a task/.test(stdout), stdout);
      await empty();
    });

    it(`leave no file when they are killed, on ${runtime}`, async () => {
      const file = project.write("crossing.ts", ...CROSSING);
      const driver = project.start(runtime, file, { env: head.env });
      await driver.printed("crossing");
      assertEquals(chunkFilesOf(head.pid) > 0, hasChunkFiles());

      driver.signal("SIGKILL");
      await driver.ended;

      await empty();
      await eventually(() => chunkFilesOf(head.pid) === 0, () => "a file");
    });

    it(`leave nothing when they are killed, on ${runtime}`, async () => {
      const file = project.write("holding.ts", ...HOLDING);
      for (const signal of ["SIGKILL", "SIGINT"] as const) {
        const driver = project.start(runtime, file, { env: head.env });
        await driver.printed("holding");
        driver.signal(signal);

        await driver.ended;
        await empty();
      }
    });
  }

  it("are five at a time, and do not see one another's work", async () => {
    const file = project.write("tour.ts", ...TOUR);
    const runs: Promise<DriverOutcome>[] = [];
    for (let n = 0; n < 5; n++) {
      const runtime = RUNTIMES[n % RUNTIMES.length]!;
      runs.push(project.run(runtime, file, { env: head.env }));
    }
    for (const { exit, stdout, stderr } of await Promise.all(runs)) {
      assertEquals([exit, stderr], [0, ""]);
      for (const line of TOUR_OUTPUT) assert(stdout.includes(line), stdout);
      assertEquals(stdout.match(/said by a task/g)?.length, 1);
    }
    await empty();
  });

  it("find the actors of others by name, detached ones later, too", async () => {
    const maker = project.write(
      "maker.ts",
      'import { get, init, remote } from "manta";',
      'await init({ namespace: "shared" });',
      "const Box = remote(class Box {",
      "  #value = '';",
      "  put(value: string) { this.#value = value; }",
      "  take() { return this.#value; }",
      "});",
      'const box = Box.options({ name: "box", lifetime: "detached" }).remote();',
      "await get(box.put.remote('kept'));",
    );
    const finder = project.write(
      "finder.ts",
      'import { get, getActor, init, kill } from "manta";',
      'await init({ namespace: "shared" });',
      'const box = await getActor("box");',
      "console.log('found', await get(box.take.remote()));",
      "kill(box);",
    );
    const first = await project.run("deno", maker, { env: head.env });
    assertEquals([first.exit, first.stderr], [0, ""]);
    const second = await project.run("bun", finder, { env: head.env });

    assertEquals([second.exit, second.stderr], [0, ""]);
    assert(second.stdout.includes("found kept"), second.stdout);
    await empty();
  });

  it("slow down only themselves when they stop reading", async () => {
    const flooded = project.write(
      "flooded.ts",
      'import { get, remote } from "manta";',
      "const bytes = remote(function bytes() {",
      "  return new Uint8Array(90_000);",
      "});",
      "await get(bytes.remote());",
      "const refs = Array.from({ length: 20_000 }, () => bytes.remote());",
      "console.log('flooded');",
      "await get(refs);",
    );
    const driver = project.start("bun", flooded, { env: head.env });
    await driver.printed("flooded");
    driver.signal("SIGSTOP");
    const file = project.write("tour.ts", ...TOUR);
    const { exit, stdout } = await project.run("bun", file, { env: head.env });

    assertEquals(exit, 0);
    assert(stdout.includes("wait 1"), stdout);
    driver.signal("SIGKILL");
    await driver.ended;
    await empty();
  });

  it("keep no CPU idle while they are stopped, and go on after", async () => {
    await using small = await HeadProcess.start({ numCpus: 1 });
    const stopped = project.write(
      "stopped.ts",
      'import { get, remote } from "manta";',
      "const pause = remote(async function pause(n: number) {",
      "  await new Promise((resolve) => setTimeout(resolve, 20));",
      "  return n;",
      "});",
      "const refs = Array.from({ length: 40 }, (_, n) => pause.remote(n));",
      "await get(refs[0]);",
      "console.log('begun');",
      "const all = await get(refs);",
      "console.log('all', all.every((n, index) => n === index));",
    );
    const driver = project.start("bun", stopped, { env: small.env });
    await driver.printed("begun");
    driver.signal("SIGSTOP");
    const file = project.write("tour.ts", ...TOUR);
    const other = await project.run("bun", file, { env: small.env });
    driver.signal("SIGCONT");
    const { exit, stdout } = await driver.ended;

    assertEquals([other.exit, other.stderr], [0, ""]);
    assertEquals([exit, stdout.includes("all true")], [0, true]);
  });

  it("that throw or exit end at once, and leave nothing", async () => {
    const lines = HOLDING.slice(0, -1);
    const throwing = project.write(
      "throwing.ts",
      ...lines,
      "throw new Error('thrown');",
    );
    const exiting = project.write(
      "exiting.ts",
      'import process from "node:process";',
      ...lines,
      "process.exit(3);",
    );
    for (const runtime of ["deno", "bun"] as const) {
      const thrown = await project.run(runtime, throwing, { env: head.env });
      assertEquals(thrown.exit, 1);
      assert(thrown.stderr.includes("thrown"), thrown.stderr);
      const exited = await project.run(runtime, exiting, { env: head.env });
      assertEquals(exited.exit, 3);
      await empty();
    }
  });

  it("are told how to get a token when they have none", async () => {
    const file = project.write("tour.ts", ...TOUR);
    const { exit, stderr } = await project.run("bun", file, {
      env: { MANTA_ADDRESS: head.address },
    });

    assertEquals(exit, 1);
    assert(stderr.includes("AuthenticationError"), stderr);
    assert(stderr.includes("manta token"), stderr);
  });
});
