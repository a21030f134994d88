// Every example, run as a user runs it: as a child process, on each runtime.
// Asserted are facts of the output, never times.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  describe,
  it,
} from "../support/harness.ts";
import {
  type Launcher,
  launchers,
  type Outcome,
} from "../support/launchers.ts";

const folder = mkdtempSync(join(tmpdir(), "manta-examples-"));
afterAll(() => rmSync(folder, { recursive: true }));

for (const launcher of launchers()) {
  describe(`examples on ${launcher.name}`, () => {
    it("regularization_sweep trains, ranks and plots all models", async () => {
      const picture = join(folder, `${launcher.name}.png`);

      const { stdout, stderr } = await succeed(
        launcher,
        "regularization_sweep",
        ["--models", "24", "--out", picture],
      );

      assertMatch(stdout, /^24 models, each trained on 2,000 digits/);
      assertMatch(stdout, /one core: .* for 24 models, extrapolated from 12\n/);
      assertMatch(
        stdout,
        /12 of 12 sampled models came out the same both ways/,
      );
      assertMatch(stdout, /Manta, \d+ CPUs: .* times as fast/);
      assertMatch(stderr, /100% +24\/24 models/);
      const [, penalty, heldOut] = /\n +1 +(\S+) +(\S+)/.exec(stdout)!;
      assert(Number(penalty) > 1e-3 && Number(penalty) < 1e-2);
      assert(Number(heldOut) > 0.87 && Number(heldOut) < 0.92);
      const png = readFileSync(picture);
      assertEquals(png.toString("latin1", 1, 4), "PNG");
      assertEquals([png.readUInt32BE(16), png.readUInt32BE(20)], [1200, 760]);
    });

    it("regularization_sweep rejects wrong flags before it works", async () => {
      const file = "examples/regularization_sweep.ts";

      const unknown = await launcher.run(file, ["--modles", "3"]);
      const negative = await launcher.run(file, ["--models=-3"]);
      const nowhere = await launcher.run(file, [
        "--out",
        "/nowhere/at/all.png",
      ]);

      assertEquals([unknown.exit, negative.exit, nowhere.exit], [2, 2, 2]);
      assertMatch(unknown.stderr, /--modles/);
      assertMatch(negative.stderr, /--models must be 1 to 100000: got "-3"/);
      assertMatch(nowhere.stderr, /--out must lie in a folder that exists/);
      assertEquals(unknown.stdout + negative.stdout + nowhere.stdout, "");
    });

    it("regularization_sweep explains itself", async () => {
      const help = await launcher.run(
        "examples/regularization_sweep.ts",
        ["--help"],
      );

      assertEquals(help.exit, 0);
      assertMatch(help.stdout, /^Usage: .*--models N/);
    });

    it("monte_carlo estimates π", async () => {
      const { stdout } = await succeed(launcher, "monte_carlo");

      assertMatch(stdout, /\n32,000,000 darts\n/);
      assertMatch(stdout, /\nπ is about 3\.141893125\n$/);
    });

    it("nested_logs counts what the log says", async () => {
      const { stdout } = await succeed(launcher, "nested_logs");

      assertMatch(stdout, /: 15 nested tasks\n/);
      assertMatch(stdout, /\nGET 404 +6\n/);
      assertMatch(stdout, /\nlevel error +12\n/);
    });

    it("parameter_server learns the digits", async () => {
      const { stdout } = await succeed(launcher, "parameter_server");

      const accuracies = [...stdout.matchAll(/round \d+: (\S+) held out/g)]
        .map(([, accuracy]) => Number(accuracy));
      assertEquals(accuracies.length, 6);
      assert(accuracies[0]! < 0.2, "an untrained model guesses");
      assert(accuracies[5]! > 0.82, "a trained model knows");
    });

    it("streaming_pipeline compresses without loss", async () => {
      const { stdout } = await succeed(launcher, "streaming_pipeline");

      assertMatch(stdout, /30 blocks, 7840016 bytes\n/);
      assertMatch(stdout, /\nunpacked again: the same\n$/);
    });

    it("word_count adds up the words of all files", async () => {
      const texts = mkdtempSync(join(folder, "texts-"));
      writeFileSync(
        join(texts, "one.md"),
        "The sea, the sea! See https://s.ea",
      );
      writeFileSync(join(texts, "two.txt"), "See the SEA.");
      writeFileSync(join(texts, "three.ts"), "not text");

      const { stdout } = await succeed(launcher, "word_count", [texts]);

      assertMatch(stdout, /^2 files, 8 words, 3 distinct\n/);
      assertMatch(stdout, /\nsea +3\nthe +3\nsee +2\n$/);
    });

    it("word_count reads what the packages ship", async () => {
      const { stdout } = await succeed(launcher, "word_count");

      assertMatch(stdout, /\n─+ +─+\nthe +\d+\n(to|of) +\d+\n/);
    });
  });
}

/** Runs an example that must exit with 0, and shows its errors if not. */
async function succeed(
  launcher: Launcher,
  name: string,
  args: readonly string[] = [],
): Promise<Outcome> {
  const outcome = await launcher.run(`examples/${name}.ts`, args);
  assertEquals(outcome.exit, 0, outcome.stderr);
  return outcome;
}
