// A disk that a store spills to, as the store sees it: files by number. The
// store's shell hands the bytes over and is called back later, never at once;
// simulations have disks that are slow and fail.

import type { SpillCopy, SpillFailure, SpillFileId } from "./index_events.ts";

/** What becomes of a write; all portions, or in the end a failure. */
export type WriteOutcome =
  | { readonly type: "advanced"; readonly checksums: readonly number[] }
  | { readonly type: "failed"; readonly reason: SpillFailure };

/** See the head of the file. */
export interface SpillDisk {
  /**
   * Writes the pieces into a new file, one behind the other. They must not
   * change until they are written.
   */
  write(
    fileId: SpillFileId,
    pieces: readonly Uint8Array[],
    hear: (outcome: WriteOutcome) => void,
  ): void;
  /** Fills the target; whether these are the bytes that were written. */
  read(copy: SpillCopy, target: Uint8Array): Promise<boolean>;
  /** Nothing of the file will be read any more. */
  delete(fileId: SpillFileId): void;
}
