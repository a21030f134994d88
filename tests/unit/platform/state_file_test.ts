// The file of a head's state: what is committed is there for the next one, and
// what cannot be used is refused with its name.

import {
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterEach,
  assertEquals,
  assertStringIncludes,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../../support/harness.ts";
import { ConnectionError } from "../../../runtime/base/errors.ts";
import {
  openStateFile,
  type StateRow,
} from "../../../runtime/platform/state_file.ts";

const row = (kind: string, id: string, byte: number): StateRow => ({
  kind,
  id,
  bytes: new Uint8Array([byte]),
});

describe("openStateFile()", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manta-state-"));
    path = join(folder, "below", "head.sqlite");
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const loaded = () => {
    const file = openStateFile(path);
    const rows = file.load().map(({ kind, id, bytes }) => [kind, id, ...bytes]);
    file.close();
    return rows;
  };

  it("keeps, replaces and drops rows", () => {
    const file = openStateFile(path);
    file.commit([row("actor", "a", 1), row("actor", "b", 2)]);
    file.commit([
      row("actor", "a", 3),
      row("group", "a", 4),
      { kind: "actor", id: "b", bytes: undefined },
    ]);
    file.close();

    assertEquals(loaded(), [["actor", "a", 3], ["group", "a", 4]]);
  });

  it("keeps all of a transaction or none", () => {
    const file = openStateFile(path);
    file.commit([row("actor", "a", 1)]);
    const broken = { ...row("actor", "c", 2), kind: null as unknown as string };
    assertThrows(() => file.commit([row("actor", "b", 2), broken]));
    file.commit([row("actor", "d", 3)]);
    file.close();

    assertEquals(loaded(), [["actor", "a", 1], ["actor", "d", 3]]);
  });

  it("is its owner's alone", () => {
    const file = openStateFile(path);
    file.commit([row("actor", "a", 1)]);
    for (const name of readdirSync(join(folder, "below"))) {
      assertEquals(statSync(join(folder, "below", name)).mode & 0o077, 0, name);
    }
    file.close();
  });

  it("refuses a second one while the first is open, and says what to do", () => {
    const file = openStateFile(path);
    file.commit([row("actor", "a", 1)]);
    const error = assertThrows(() => openStateFile(path), ConnectionError);
    assertStringIncludes(error.message, path);
    assertStringIncludes(error.message, "End the head that uses it");
    file.close();
  });

  it("refuses what is no state of a head, and leaves it alone", () => {
    openStateFile(path).close();
    writeFileSync(path, "something else".repeat(1_000));
    const error = assertThrows(() => openStateFile(path), ConnectionError);
    assertStringIncludes(error.message, path);
    assertStringIncludes(error.message, "remove it to begin a new cluster");
  });

  it("leaves nothing when it is removed, and begins anew when told to", () => {
    const file = openStateFile(path);
    file.commit([row("actor", "a", 1)]);
    file.close();
    openStateFile(path, true).close();
    assertEquals(loaded(), []);
    openStateFile(path).remove();
    assertEquals(readdirSync(join(folder, "below")), []);
  });
});
