// The code of a driver on its way to a node in another process: each bundle is
// sent once, and nothing refers to it before the node says that it has it.

import { Buffer } from "node:buffer";
import { CaptureError, type MantaError } from "./base/errors.ts";
import { ATTACHMENT_BYTES_MAX, CODE_BYTES_MAX } from "./base/limits.ts";
import { readBundle } from "./code/code_cache.ts";
import { outsideFilesOf } from "./code/outside_files.ts";
import { packagesOf } from "./code/variant.ts";
import { AttachedBytes } from "./protocol/attached_bytes.ts";
import type { CodeKept, CodePut } from "./protocol/driver_messages.ts";
import type { WireCode } from "./protocol/messages.ts";

/** See the head of the file. */
export class DriverCode {
  readonly #send: (message: CodePut) => void;
  readonly #sending = new Map<string, PromiseWithResolvers<void>>();
  readonly #kept = new Set<string>();
  #failure: MantaError | undefined;

  constructor(send: (message: CodePut) => void) {
    this.#send = send;
  }

  /** Whether the node has it. */
  has({ hash }: WireCode): boolean {
    return this.#kept.has(hash);
  }

  /** Resolves when the node has the bundle; the path is not for others. */
  async put(code: WireCode): Promise<WireCode> {
    const { hash, exportName } = code;
    if (!this.#kept.has(hash)) await this.#put(hash, exportName);
    return { hash, exportName, path: "" };
  }

  /** The node has answered. */
  kept({ hash, failure }: CodeKept): void {
    const sending = this.#sending.get(hash);
    this.#sending.delete(hash);
    if (failure === undefined) {
      this.#kept.add(hash);
      return sending?.resolve();
    }
    sending?.reject(
      new CaptureError(`Cannot send code to the node: ${failure}`, {
        details: { captures: [] },
      }),
    );
  }

  /** No answer will come any more. */
  fail(reason: MantaError): void {
    this.#failure = reason;
    for (const { reject } of this.#sending.values()) reject(reason);
    this.#sending.clear();
  }

  async #put(hash: string, exportName: string): Promise<void> {
    if (this.#failure) throw this.#failure;
    const known = this.#sending.get(hash);
    if (known) return await known.promise;
    const bundle = readBundle(hash);
    // It came in a value of the node's: made there, and kept there.
    if (!bundle) return;
    refuseOwnFiles(bundle.text, exportName);
    const pieces = piecesOf(bundle.text, exportName);
    const sending = Promise.withResolvers<void>();
    this.#sending.set(hash, sending);
    this.#send({ type: "code_put", hash, pieces });
    // Of it the node makes what its tasks start with other packages.
    const { plainHash } = packagesOf(bundle.text);
    const isPlain = plainHash === "" || this.#kept.has(plainHash);
    await Promise.all([
      sending.promise,
      isPlain ? undefined : this.#put(plainHash, exportName),
    ]);
  }
}

/** What comes in a package the node gets for itself. */
function refuseOwnFiles(text: string, exportName: string): void {
  const files = outsideFilesOf(text).filter((file) => !file.package);
  if (files.length === 0) return;
  throw new CaptureError(
    `Cannot send "${exportName}" to the node: it imports ` +
      `${files.map(({ path }) => path).join(", ")}, which is machine code in ` +
      "no package with a version. Import it from one, which the node can " +
      "install, or use an embedded cluster",
    { details: { captures: [] } },
  );
}

function piecesOf(text: string, exportName: string): AttachedBytes[] {
  const bytes = Buffer.from(text);
  if (bytes.length > CODE_BYTES_MAX) {
    throw new CaptureError(
      `Cannot send "${exportName}" to the node: its bundle has ` +
        `${bytes.length} bytes, and at most ${CODE_BYTES_MAX} are allowed. ` +
        "Load what is large in the task",
      { details: { captures: [] } },
    );
  }
  const pieces: AttachedBytes[] = [];
  for (let at = 0; at < bytes.length; at += ATTACHMENT_BYTES_MAX) {
    pieces.push(
      new AttachedBytes(bytes.subarray(at, at + ATTACHMENT_BYTES_MAX)),
    );
  }
  return pieces;
}
