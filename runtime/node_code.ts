// The bundles that drivers of other processes have sent: checked, and kept by
// their hash in the node's session folder, where the executors of those drivers
// look for code. A path that a driver names is never used.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProtocolError } from "./base/errors.ts";
import { ATTACHMENT_BYTES_MAX, CODE_BYTES_MAX } from "./base/limits.ts";
import {
  BUNDLE_HASH,
  type CodeKept,
  type CodePut,
  readCodePut,
} from "./protocol/driver_messages.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** See the head of the file. */
export class NodeCode {
  readonly folder: string;
  readonly #keeping = new Map<string, Promise<CodeKept>>();
  #serial = 0;

  constructor(sessionPath: string) {
    this.folder = join(sessionPath, "code");
  }

  /** Keeps a bundle; resolves with the answer to its sender. */
  keep(message: CodePut | { readonly type: string }): Promise<CodeKept> {
    const { hash, pieces } = readCodePut(message);
    let keeping = this.#keeping.get(hash);
    if (!keeping) {
      keeping = this.#write(hash, pieces).then(
        () => ({ type: "code_kept", hash }),
        (error) => {
          this.#keeping.delete(hash);
          const failure = error instanceof Error ? error.message : `${error}`;
          return { type: "code_kept", hash, failure };
        },
      );
      this.#keeping.set(hash, keeping);
    }
    return keeping;
  }

  /** A bundle that was kept, in pieces; undefined if none was. */
  async read(hash: string): Promise<Uint8Array[] | undefined> {
    if (!BUNDLE_HASH.test(hash)) return undefined;
    try {
      const bytes = await readFile(join(this.folder, `${hash}.mjs`));
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += ATTACHMENT_BYTES_MAX) {
        pieces.push(bytes.subarray(at, at + ATTACHMENT_BYTES_MAX));
      }
      return pieces;
    } catch {
      return undefined;
    }
  }

  async #write(hash: string, pieces: readonly Uint8Array[]): Promise<void> {
    let sizeBytes = 0;
    const digest = createHash("sha256");
    for (const piece of pieces) {
      sizeBytes += piece.length;
      digest.update(piece);
    }
    if (sizeBytes > CODE_BYTES_MAX) {
      throw new RangeError(`it has more than ${CODE_BYTES_MAX} bytes`);
    }
    if (digest.digest("hex") !== hash) {
      throw new ProtocolError("its text is not that of its hash");
    }
    const path = join(this.folder, `${hash}.mjs`);
    if (existsSync(path)) return;
    mkdirSync(this.folder, { recursive: true, mode: FOLDER_MODE });
    const partial = `${path}.${this.#serial++}.partial`;
    try {
      await writeFile(partial, Buffer.concat(pieces), { mode: FILE_MODE });
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }
}
