import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { openSessionDirectory } from "../../../runtime/platform/session_directory.ts";
import {
  afterEach,
  assert,
  assertEquals,
  beforeEach,
  describe,
  it,
} from "../../support/harness.ts";

describe("openSessionDirectory", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "session-directory-test-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("makes a directory that only the user can enter", () => {
    const session = openSessionDirectory(folder);

    assertEquals(statSync(session.path).mode & 0o777, 0o700);
    assertEquals(statSync(dirname(session.path)).mode & 0o777, 0o700);
  });

  it("removes it with all it holds, also twice", () => {
    const session = openSessionDirectory(folder);
    writeFileSync(join(session.path, "bundle.mjs"), "");

    session.remove();
    session.remove();

    assertEquals(existsSync(session.path), false);
  });

  it("sweeps what dead processes left, and nothing else", () => {
    const alive = openSessionDirectory(folder);
    const parent = dirname(alive.path);
    // No system gives this number to a process.
    const deadName = basename(alive.path).replace(
      `-${process.pid}.`,
      "-999999999.",
    );
    mkdirSync(join(parent, deadName, "objects"), { recursive: true });
    mkdirSync(join(parent, "other"));

    const next = openSessionDirectory(folder);

    const left = readdirSync(parent).sort();
    const expected = [alive.path, next.path].map((path) => basename(path));
    assertEquals(left, [...expected, "other"].sort());
  });

  it("sweeps what a dead process of the same number left", () => {
    const session = openSessionDirectory(folder);
    const [name, parent] = [basename(session.path), dirname(session.path)];
    // Before this process was started, as containers count anew from 1.
    const older = name.replace(/\.\d+-/, ".1-");
    mkdirSync(join(parent, older));
    if (older.includes(".0-")) return;

    const next = openSessionDirectory(folder);

    assertEquals(
      readdirSync(parent).sort(),
      [name, basename(next.path)].sort(),
    );
  });

  it("takes rights away from others", () => {
    const parent = join(folder, `manta-${userInfo().uid}`);
    mkdirSync(parent);
    chmodSync(parent, 0o777);

    openSessionDirectory(folder);

    assertEquals(statSync(parent).mode & 0o777, 0o700);
  });

  it("does not follow a link that somebody planted", () => {
    const planted = join(folder, "planted");
    mkdirSync(planted);
    symlinkSync(planted, join(folder, `manta-${userInfo().uid}`));

    const session = openSessionDirectory(folder);

    assert(!session.path.startsWith(planted));
    assertEquals(readdirSync(planted), []);
  });
});
