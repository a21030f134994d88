// Packages of runtime environments on an embedded cluster: they are installed
// for the tasks and actors that ask for them, and for nobody else.

import {
  assertEquals,
  assertMatch,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import { get, remote, RuntimeEnvError } from "../../mod.ts";
import { useCluster } from "../support/cluster.ts";
import { localPackage } from "../support/local_package.ts";

const first = localPackage({
  name: "manta-test-pad",
  version: "1.0.0",
  index: 'exports.pad = (text) => "1:" + text; exports.version = 1;',
});
const second = localPackage({
  name: "manta-test-pad",
  version: "2.0.0",
  index: 'exports.pad = (text) => "2:" + text; exports.version = 2;',
});

const pad = remote(async function pad(text: string): Promise<string> {
  // @ts-ignore: The driver does not have it.
  const module = await import("manta-test-pad");
  return module.pad(text);
});

const padInChild = remote(
  async function padInChild(spec: string): Promise<string[]> {
    const other = pad.options({ runtimeEnv: { npm: [spec] } });
    return await get([pad.remote("same"), other.remote("other")]);
  },
);

const Padder = remote(
  class Padder {
    async pad(text: string): Promise<string> {
      // @ts-ignore: The driver does not have it.
      const module = await import("manta-test-pad");
      return module.pad(text);
    }
  },
);

describe("runtimeEnv.npm", () => {
  useCluster();

  it("is there for the task, in the version that it asks for", async () => {
    const one = pad.options({ runtimeEnv: { npm: [first] } });
    const two = pad.options({ runtimeEnv: { npm: [second] } });

    assertEquals(
      await get([one.remote("a"), two.remote("b"), one.remote("c")]),
      ["1:a", "2:b", "1:c"],
    );
    await assertRejects(() => get(pad.remote("d")), Error, "manta-test-pad");
  });

  it("is there for an actor", async () => {
    const runtimeEnv = { npm: [first], envVars: { MANTA_TEST_COLOR: "red" } };
    using padder = Padder.options({ runtimeEnv }).remote();

    assertEquals(await get(padder.pad.remote("x")), "1:x");
  });

  it("is inherited by children, unless they say otherwise", async () => {
    const parent = padInChild.options({ runtimeEnv: { npm: [first] } });
    assertEquals(await get(parent.remote(second)), ["1:same", "2:other"]);

    const runtimeEnv = { envVars: { MANTA_TEST_COLOR: "red" } };
    const bare = padInChild.options({ runtimeEnv });
    await assertRejects(() => get(bare.remote(second)));
  });

  it("fails with what the installer says", async () => {
    const runtimeEnv = { npm: ["file:/nowhere/at/all.tgz"] };

    const error = await assertRejects(
      () => get(pad.options({ runtimeEnv }).remote("x")),
      RuntimeEnvError,
      "file:/nowhere/at/all.tgz",
    );
    const { output } = error as RuntimeEnvError & { output: string };
    assertMatch(output, /nowhere/);
    using padder = Padder.options({ runtimeEnv }).remote();
    await assertRejects(() => get(padder.pad.remote("x")), RuntimeEnvError);
  });

  it("takes no options for packages", async () => {
    const runtimeEnv = { npm: ["--global"] };

    await assertRejects(
      () => get(pad.options({ runtimeEnv }).remote("x")),
      RuntimeEnvError,
      "--global",
    );
  });
});
