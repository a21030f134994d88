// The folder that a store spills to: where it is, who may enter it, and what
// becomes of those that nobody uses any more.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import {
  openSpillDirectory,
  sweepSpillDirectories,
} from "../../../runtime/platform/spill_directory.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../../support/harness.ts";

describe("openSpillDirectory", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "spill-directory-test-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("makes the user's own folder where none is named", () => {
    const opened = openSpillDirectory(undefined, folder);

    assert(opened !== undefined);
    const parent = dirname(opened.path);
    const { uid } = userInfo();
    assertEquals(parent, join(folder, `manta-spill-${uid}`));
    assertEquals(statSync(parent).mode & 0o777, 0o700);
    assertEquals(statSync(opened.path).mode & 0o777, 0o700);
    assertEquals(readdirSync(opened.path), []);
  });

  it("makes the folder that is named, with those above it", () => {
    const opened = openSpillDirectory(join(folder, "a", "b"));

    assert(opened !== undefined);
    assertEquals(dirname(opened.path), join(folder, "a", "b"));
    opened.remove();
    assert(!existsSync(opened.path));
  });

  it("refuses a folder that cannot be written to", () => {
    const path = join(folder, "file");
    writeFileSync(path, "");

    const error = assertThrows(
      () => openSpillDirectory(join(path, "below")),
      RangeError,
      "spillDirectory",
    );
    assert(Object(error).cause instanceof Error);
  });

  it("does without where there is no place by itself", () => {
    const path = join(folder, "file");
    writeFileSync(path, "");

    assertEquals(openSpillDirectory(undefined, path), undefined);
  });

  it("sweeps what dead processes left, and nothing else", async () => {
    const alive = openSpillDirectory(folder)!;
    const dead = basename(alive.path).replace(
      `-${process.pid}.`,
      "-999999999.",
    );
    mkdirSync(join(folder, dead));
    writeFileSync(join(folder, dead, "1.objects"), "bytes");
    mkdirSync(join(folder, "other"));

    await sweepSpillDirectories(alive.path);

    const left = [basename(alive.path), "other"].sort();
    assertEquals(readdirSync(folder).sort(), left);
  });
});
