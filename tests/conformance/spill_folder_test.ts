// Spill files on the file system, with the runtime's own asynchronous files:
// what is written comes back, and what was changed does not.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { SPILL_IO_BYTES_MAX } from "../../runtime/base/limits.ts";
import type { SpillCopy } from "../../runtime/object_store/index_events.ts";
import type { WriteOutcome } from "../../runtime/object_store/spill_disk.ts";
import { SpillFolder } from "../../runtime/object_store/spill_folder.ts";
import {
  afterEach,
  assert,
  assertEquals,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const MIB = 1024 * 1024;

describe("SpillFolder", () => {
  let path = "";
  let warnings: string[] = [];
  let folder: SpillFolder;

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "spill-folder-test-"));
    warnings = [];
    folder = new SpillFolder({ path, warn: (text) => warnings.push(text) });
  });

  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    rmSync(path, { recursive: true, force: true });
  });

  /** Writes a file; gives where each piece lies. */
  async function write(
    fileId: number,
    pieces: readonly Uint8Array[],
  ): Promise<SpillCopy[]> {
    const { checksums, failure } = await outcomeOf(folder, fileId, pieces);
    assertEquals(failure, undefined);
    let offset = 0;
    return pieces.map((piece, at) => {
      const copy = { fileId, offset, checksum: checksums[at]! };
      offset += piece.length;
      return copy;
    });
  }

  it("reads back what it wrote, in any order", async () => {
    const pieces = [3, 100_000, 5 * MIB, 1, 2 * MIB].map(sharedBytes);
    const copies = await write(1, pieces);

    for (const at of [4, 0, 2, 3, 1]) {
      const target = emptyBytes(pieces[at]!.length);
      assert(await folder.read(copies[at]!, target), `piece ${at}`);
      assertEquals(crc32(target), crc32(pieces[at]!));
    }
    assertEquals(readdirSync(path).length, 1);
    assertEquals(warnings, []);
  });

  it("splits what is larger than one call takes", async () => {
    const large = sharedBytes(SPILL_IO_BYTES_MAX + 5 * MIB + 1);
    const copies = await write(7, [sharedBytes(10), large, sharedBytes(20)]);
    const target = emptyBytes(large.length);

    assert(await folder.read(copies[1]!, target));
    assertEquals(copies[1]!.checksum, crc32(large));
    assertEquals(crc32(target), crc32(large));
  });

  it("reads many at a time, also from files that it has closed", async () => {
    const pieces = Array.from({ length: 100 }, (_, at) => sharedBytes(at + 1));
    const copies: SpillCopy[] = [];
    for (const [at, piece] of pieces.entries()) {
      copies.push(...await write(at, [piece]));
    }

    const targets = pieces.map(({ length }) => emptyBytes(length));
    const read = await Promise.all(
      copies.map((copy, at) => folder.read(copy, targets[at]!)),
    );

    assert(read.every((isRead) => isRead));
    for (const [at, piece] of pieces.entries()) {
      assertEquals(crc32(targets[at]!), crc32(piece));
    }
  });

  it("does not give bytes that have changed, or were cut off", async () => {
    const [copy] = await write(1, [sharedBytes(1_000)]);
    const [file] = readdirSync(path);
    const content = readFileSync(join(path, file!));
    content[500]! ^= 1;
    writeFileSync(join(path, file!), content);
    assert(!await folder.read(copy!, emptyBytes(1_000)));

    writeFileSync(join(path, file!), content.subarray(0, 900));
    assert(!await folder.read(copy!, emptyBytes(1_000)));
    assertEquals(warnings.length, 2);
  });

  it("deletes files, and tells of reads that come too late", async () => {
    const [copy] = await write(1, [sharedBytes(1_000)]);
    folder.delete(1);
    while (existsSync(join(path, "1.objects"))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }

    assert(!await folder.read(copy!, emptyBytes(1_000)));
    assertEquals(readdirSync(path), []);
  });

  it("tells of a folder that cannot be written to", async () => {
    rmSync(path, { recursive: true });

    const { failure } = await outcomeOf(folder, 1, [sharedBytes(10)]);

    assertEquals(failure, "disk_failed");
    assertEquals(warnings.length, 1);

    await outcomeOf(folder, 2, [sharedBytes(10)]);
    assertEquals(warnings.length, 1, "told again");
    mkdirSync(path);
    await write(3, [sharedBytes(10)]);
    rmSync(path, { recursive: true });
    await outcomeOf(folder, 4, [sharedBytes(10)]);
    assertEquals(warnings.length, 2, "not told after it had worked");
  });
});

async function outcomeOf(
  folder: SpillFolder,
  fileId: number,
  pieces: readonly Uint8Array[],
) {
  const checksums: number[] = [];
  const failure = await new Promise<string | undefined>((resolve) =>
    folder.write(fileId, pieces, (outcome: WriteOutcome) => {
      if (outcome.type === "failed") return resolve(outcome.reason);
      checksums.push(...outcome.checksums);
      if (checksums.length === pieces.length) resolve(undefined);
    })
  );
  return { checksums, failure };
}

function emptyBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(sizeBytes));
}

/** Bytes without a pattern that a wrong offset would not break. */
function sharedBytes(sizeBytes: number): Uint8Array {
  const bytes = emptyBytes(sizeBytes);
  let state = sizeBytes >>> 0;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
