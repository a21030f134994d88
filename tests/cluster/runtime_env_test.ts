// Runtime environments on an embedded cluster: variables and the directory of
// tasks and actors that share threads, what children inherit, and what is
// refused.

import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  get,
  init,
  remote,
  RuntimeEnvError,
} from "../../mod.ts";
import { Gate, testCluster, useCluster } from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

const NAME = "MANTA_TEST_COLOR";
/** Read when the module loads, as settings often are. */
const COLOR_AT_LOAD = process.env["MANTA_TEST_COLOR"] ?? "none";

const color = remote(function color() {
  return process.env[NAME] ?? "none";
});

const colorAtLoad = remote(function colorAtLoad() {
  return COLOR_AT_LOAD;
});

/** The variable in each of the runtime's interfaces. */
const allViews = remote(async function allViews(name: string) {
  const scope = globalThis as unknown as {
    Deno?: { env: { get(name: string): string; toObject(): object } };
    Bun?: { env: Record<string, string> };
  };
  const imported = (await import("node:process")).env;
  const started = execFileSync("sh", ["-c", `printf %s "$${name}"`]);
  return [
    process.env[name],
    { ...process.env }[name],
    imported[name],
    String(name in process.env),
    scope.Deno?.env.get(name) ?? scope.Bun?.env[name],
    String(started),
  ];
});

const colorTwice = remote(
  { numCpus: 0.1 },
  async function colorTwice(gate: Passing) {
    const before = process.env[NAME];
    process.env["MANTA_TEST_WRITTEN"] ??= `by ${before}`;
    await get(gate.pass.remote());
    return [before, process.env[NAME], process.env["MANTA_TEST_WRITTEN"]];
  },
);

const colorOfChild = remote(async function colorOfChild() {
  return await get(color.remote());
});

const childVariables = remote(async function childVariables() {
  const child = color.options({
    runtimeEnv: { envVars: { [NAME]: "dark ${MANTA_TEST_COLOR}" } },
  });
  const other = variable.options({
    runtimeEnv: { envVars: { MANTA_TEST_OTHER: "x${MANTA_TEST_ABSENT}y" } },
  });
  return await get([
    child.remote(),
    other.remote("MANTA_TEST_OTHER"),
    other.remote(NAME),
  ]);
});

const variable = remote(function variable(name: string) {
  return process.env[name] ?? "none";
});

const directory = remote(function directory() {
  return process.cwd();
});

const Painter = remote(
  class Painter {
    readonly #first = process.env["MANTA_TEST_COLOR"];

    colors() {
      return [this.#first, process.env["MANTA_TEST_COLOR"]];
    }

    paint(name: string) {
      process.env["MANTA_TEST_COLOR"] = name;
    }

    child() {
      return color.remote();
    }
  },
);

function envVars(value: string) {
  return { runtimeEnv: { envVars: { [NAME]: value } } };
}

describe("runtimeEnv.envVars", () => {
  useCluster();

  it("is seen by the task and by nobody else", async () => {
    assertEquals(await get(color.options(envVars("red")).remote()), "red");
    assertEquals(await get(color.remote()), "none");
    assertEquals(process.env[NAME], undefined);
  });

  it("is seen by modules that read it when they load", async () => {
    const values = await get([
      colorAtLoad.options(envVars("red")).remote(),
      colorAtLoad.remote(),
      colorAtLoad.options(envVars("blue")).remote(),
    ]);

    assertEquals(values, ["red", "none", "blue"]);
  });

  it("is in all that shows variables, and in programs", async () => {
    const seen = await get(allViews.options(envVars("red")).remote(NAME));

    assertEquals(seen, ["red", "red", "red", "true", "red", "red"]);
  });

  it("stays apart when tasks interleave on one thread", async () => {
    using gate = Gate.remote();
    const names = ["red", "green", "blue"];
    const refs = names.map((name) =>
      colorTwice.options(envVars(name)).remote(gate)
    );
    await get(gate.arrivals.remote(3));
    await get(gate.open.remote());

    assertEquals(
      await get(refs),
      names.map((name) => [name, name, `by ${name}`]),
    );
    assertEquals(await get(variable.remote("MANTA_TEST_WRITTEN")), "none");
    assertEquals(process.env["MANTA_TEST_WRITTEN"], undefined);
  });

  it("is inherited by children, which add to it", async () => {
    const options = envVars("red");

    assertEquals(await get(colorOfChild.options(options).remote()), "red");
    assertEquals(await get(colorOfChild.remote()), "none");
    assertEquals(await get(childVariables.options(options).remote()), [
      "dark red",
      "xy",
      "red",
    ]);
  });

  it("belongs to an actor, with what it writes", async () => {
    using red = Painter.options(envVars("red")).remote();
    using blue = Painter.options({ ...envVars("blue"), isolation: "shared" })
      .remote();
    using green = Painter.options({ ...envVars("green"), isolation: "shared" })
      .remote();
    await get(green.paint.remote("lime"));

    assertEquals(
      await get([
        red.colors.remote(),
        blue.colors.remote(),
        green.colors.remote(),
      ]),
      [["red", "red"], ["blue", "blue"], ["green", "lime"]],
    );
    assertEquals(await get(await get(blue.child.remote())), "blue");
  });

  it("can refer to the driver's variables", async () => {
    const options = { runtimeEnv: { envVars: { PATH: "/extra:${PATH}" } } };
    const path = await get(variable.options(options).remote("PATH"));

    assertEquals(path, `/extra:${process.env["PATH"]}`);
  });
});

describe("runtimeEnv.workingDirectory", () => {
  useCluster();

  it("is the task's current directory", async () => {
    const workingDirectory = realpathSync(mkdtempSync(join(tmpdir(), "manta")));
    const runtimeEnv = { workingDirectory };

    assertEquals(
      await get([
        directory.options({ runtimeEnv }).remote(),
        directory.remote(),
      ]),
      [workingDirectory, process.cwd()],
    );
  });

  it("must be there", async () => {
    const runtimeEnv = { workingDirectory: "/nowhere/at/all" };

    const error = await assertRejects(
      () => get(directory.options({ runtimeEnv }).remote()),
      RuntimeEnvError,
      "/nowhere/at/all",
    );
    assertEquals(error.code, "runtime_env_failed");
    using painter = Painter.options({ runtimeEnv }).remote();
    await assertRejects(() => get(painter.colors.remote()), RuntimeEnvError);
  });
});

describe("runtimeEnv.permissions", () => {
  useCluster();

  it("is refused where it cannot be enforced", async () => {
    const limited = color.options({ runtimeEnv: { permissions: "none" } });
    const unlimited = color.options({ runtimeEnv: { permissions: "inherit" } });

    await assertRejects(
      () => get(limited.remote()),
      RuntimeEnvError,
      "permissions",
    );
    assertEquals(await get(unlimited.remote()), "none");
  });
});

describe("init({ runtimeEnv })", () => {
  it("is for all tasks and actors of the job", async () => {
    await using _cluster = await testCluster({
      runtimeEnv: { envVars: { [NAME]: "grey", MANTA_TEST_JOB: "1" } },
    });
    using painter = Painter.remote();

    assertEquals(await get(color.remote()), "grey");
    assertEquals(await get(colorOfChild.remote()), "grey");
    assertEquals(await get(painter.colors.remote()), ["grey", "grey"]);
    const red = variable.options(envVars("red"));
    assertEquals(
      await get([red.remote(NAME), red.remote("MANTA_TEST_JOB")]),
      ["red", "1"],
    );
    assertEquals(process.env[NAME], undefined);
  });

  it("rejects what cannot be had", async () => {
    const error = await assertRejects(
      () => init({ runtimeEnv: { workingDirectory: "/nowhere/at/all" } }),
      RuntimeEnvError,
    );
    assertMatch(error.message, /no such folder/);
  });
});
