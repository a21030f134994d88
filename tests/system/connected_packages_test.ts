// Packages with machine code on their way to the node of a connected driver:
// used where the node finds the same, installed where it does not, and an error
// that says what to do where that fails.

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DriverProject, RUNTIMES } from "../support/driver_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { HeadProcess } from "../support/head_process.ts";
import { localPackage } from "../support/local_package.ts";

const NAME = "manta-test-machine";
const PACKAGE = {
  name: NAME,
  version: "1.0.0",
  index: "exports.where = () => __filename;",
  more: { napi: {} },
};

const DRIVER = [
  'import { get, remote } from "manta";',
  "const where = remote(async function where() {",
  `  return (await import("${NAME}")).default.where();`,
  "});",
  "const error = await get(where.remote()).then(",
  "  (path) => console.log('found', path),",
  "  (error) => console.log(error.name, error.message),",
  ");",
];

describe("packages with machine code, over a connection", () => {
  let head: HeadProcess;
  const project = new DriverProject();
  beforeAll(async () => {
    head = await HeadProcess.start();
  });
  afterAll(async () => {
    project[Symbol.dispose]();
    await head[Symbol.asyncDispose]();
  });

  for (const runtime of RUNTIMES) {
    it(`are there in the node's own place, with ${runtime}`, async () => {
      const archive = join(project.folder, `${runtime}.tgz`);
      const spec = localPackage(PACKAGE);
      cpSync(spec.slice("file:".length), archive);
      project.write(
        "package.json",
        JSON.stringify({
          type: "module",
          dependencies: { [NAME]: `file:./${runtime}.tgz` },
        }),
      );
      const folder = join("node_modules", NAME);
      project.write(
        join(folder, "package.json"),
        JSON.stringify({ name: NAME, version: "1.0.0", napi: {} }),
      );
      project.write(join(folder, "index.js"), PACKAGE.index);
      const file = project.write(`${runtime}.ts`, ...DRIVER);
      const run = async () => {
        const { exit, stdout, stderr } = await project.run(runtime, file, {
          env: head.env,
        });
        assertEquals([exit, stderr], [0, ""]);
        return stdout;
      };

      // What the driver has, the node of the same machine has as well.
      const same = await run();
      // The bundle is known by now, and names what is not there any more.
      rmSync(join(project.folder, folder), { recursive: true });
      const installed = await run();

      assertStringIncludes(same, `found ${join(project.folder, folder)}`);
      assertMatch(installed, new RegExp(`found .*/npm/.*/${NAME}/index.js`));
    });
  }

  it("are named where they cannot be installed", async () => {
    project.write(
      "package.json",
      JSON.stringify({
        type: "module",
        dependencies: { [NAME]: "file:./nowhere.tgz" },
      }),
    );
    const folder = join("node_modules", NAME);
    project.write(
      join(folder, "package.json"),
      JSON.stringify({ name: NAME, version: "3.0.0", napi: {} }),
    );
    project.write(join(folder, "index.js"), PACKAGE.index);
    const file = project.write("fails.ts", ...DRIVER);
    const options = { env: head.env };

    const { stdout: there } = await project.run("deno", file, options);
    rmSync(join(project.folder, folder), { recursive: true });
    const { stdout } = await project.run("deno", file, options);

    assertStringIncludes(there, "found");
    assert(stdout.startsWith("RuntimeEnvError Cannot load package"), stdout);
    assertStringIncludes(stdout, NAME);
    assertStringIncludes(stdout, "runtimeEnv.npm");
  });
});
