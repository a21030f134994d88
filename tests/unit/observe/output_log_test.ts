// The log files of a thread, written to a folder of the test's own.

import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OUTPUT_LOG_BYTES_MAX } from "../../../runtime/base/limits.ts";
import { OutputLog } from "../../../runtime/observe/output_log.ts";
import { afterAll, assertEquals, describe, it } from "../../support/harness.ts";

describe("OutputLog", () => {
  const root = mkdtempSync(join(tmpdir(), "manta-log-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const read = (name: string) => readFileSync(join(root, name), "utf8");

  it("writes each stream to its file, made when needed", () => {
    const log = new OutputLog(join(root, "logs"), "w-1");
    assertEquals(existsSync(join(root, "logs")), false);

    log.write([
      { stream: "stdout", text: "one" },
      { stream: "stderr", text: "oh" },
    ]);
    log.write([{ stream: "stdout", text: "two ñ" }]);

    assertEquals(read("logs/w-1.out"), "one\ntwo ñ\n");
    assertEquals(read("logs/w-1.err"), "oh\n");
  });

  it("keeps a full file and begins the next", () => {
    const log = new OutputLog(root, "w-2");
    const long = "x".repeat(OUTPUT_LOG_BYTES_MAX);
    for (const text of [long, "after", "more"]) {
      log.write([{ stream: "stdout", text }]);
    }

    assertEquals(read("w-2.out.1").length, OUTPUT_LOG_BYTES_MAX + 1);
    assertEquals(read("w-2.out"), "after\nmore\n");
  });

  it("does no harm when it cannot write", () => {
    writeFileSync(join(root, "file"), "");
    const log = new OutputLog(join(root, "file"), "w-3");

    log.write([{ stream: "stdout", text: "lost" }]);
    log.write([{ stream: "stdout", text: "lost" }]);
  });
});
