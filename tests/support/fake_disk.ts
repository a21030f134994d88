// A spill disk in memory that does something only when it is told to: slow,
// out of order, and failing as often as one likes.

import { crc32 } from "node:zlib";
import type {
  SpillCopy,
  SpillFailure,
  SpillFileId,
} from "../../runtime/object_store/index_events.ts";
import type {
  SpillDisk,
  WriteOutcome,
} from "../../runtime/object_store/spill_disk.ts";

interface WriteUnderWay {
  readonly fileId: SpillFileId;
  readonly pieces: readonly Uint8Array[];
  written: number;
  hear(outcome: WriteOutcome): void;
}

/** See the head of the file. */
export class FakeDisk implements SpillDisk {
  /** All files that are not deleted, as the pieces written so far. */
  readonly files = new Map<SpillFileId, Uint8Array[]>();
  readonly writes: WriteUnderWay[] = [];
  readonly reads: (() => void)[] = [];
  /** Why the next write or read fails, if it does. */
  fails: () => SpillFailure | undefined = () => undefined;
  readonly counts = { writtenBytes: 0, readBytes: 0 };

  write(
    fileId: SpillFileId,
    pieces: readonly Uint8Array[],
    hear: (outcome: WriteOutcome) => void,
  ): void {
    this.files.set(fileId, []);
    this.writes.push({ fileId, pieces, written: 0, hear });
  }

  read(copy: SpillCopy, target: Uint8Array): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.reads.push(() => resolve(!this.fails() && this.#read(copy, target)));
    return promise;
  }

  delete(fileId: SpillFileId): void {
    this.files.delete(fileId);
  }

  /** Writes the next piece of a file. */
  writeNext(at = 0): void {
    const write = this.writes[at];
    if (!write) return;
    const reason = this.fails();
    if (reason) {
      this.writes.splice(at, 1);
      return write.hear({ type: "failed", reason });
    }
    const piece = write.pieces[write.written++]!.slice();
    this.files.get(write.fileId)!.push(piece);
    this.counts.writtenBytes += piece.length;
    if (write.written === write.pieces.length) this.writes.splice(at, 1);
    write.hear({ type: "advanced", checksums: [crc32(piece)] });
  }

  /** Ends a read. */
  readNext(at = 0): void {
    this.reads.splice(at, 1)[0]?.();
  }

  #read({ fileId, offset, checksum }: SpillCopy, target: Uint8Array): boolean {
    let at = 0;
    for (const piece of this.files.get(fileId) ?? []) {
      if (at === offset && piece.length === target.length) {
        target.set(piece);
        this.counts.readBytes += piece.length;
        return crc32(target) === checksum;
      }
      at += piece.length;
    }
    return false;
  }
}
