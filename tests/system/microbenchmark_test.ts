// `manta microbenchmark` in the binary: it has no source files, so its rows
// show that the embedded script can be shipped to threads like a user's.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary } from "../support/binary.ts";
import {
  afterAll,
  assertEquals,
  assertMatch,
  describe,
  it,
} from "../support/harness.ts";

const folder = mkdtempSync(join(tmpdir(), "manta-benchmark-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
  readonly rows: readonly { readonly metric: string; readonly mean?: number }[];
}

describe("manta microbenchmark", () => {
  it("runs rows with tasks and actors, beside the machine's limits", async () => {
    const file = join(folder, "results.json");
    const { exit, stdout, stderr } = await runBinary([
      "microbenchmark",
      "--quick",
      "--filter",
      "tasks sync|1:1 actor calls sync",
      "--json",
      file,
    ]);

    assertEquals([exit, stderr], [0, ""]);
    const figure = String.raw`per second [\d.]+ \+- [\d.]+`;
    assertMatch(stdout, new RegExp(`^postMessage echo ${figure}$`, "m"));
    assertMatch(stdout, /^piscina echo skipped: /m);
    assertMatch(
      stdout,
      new RegExp(`^single client tasks sync ${figure} `, "m"),
    );
    assertMatch(stdout, new RegExp(`^1:1 actor calls sync ${figure} `, "m"));
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    assertEquals(report.rows.map(({ metric }) => metric), [
      "postMessage_echo",
      "comlink_echo",
      "piscina_echo",
      "single_client_tasks_sync",
      "1_1_actor_calls_sync",
    ]);
  });
});
