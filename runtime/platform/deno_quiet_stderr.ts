// Workaround for Deno: opening the inspector prints lines on the process's
// stderr, and no option of a running process stops it. While `work` runs, the
// file descriptor points at a scratch file; what others wrote there meanwhile
// is written out afterwards. Where native calls are not allowed, the lines
// appear: nothing else depends on this.

import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const STDERR = 2;
const INSPECTOR_LINE =
  /^(Debugger (listening on|session (started|ended))|Visit chrome:\/\/inspect )/;
/** More than this from others within the moment is cut off. */
const SCRATCH_BYTES_MAX = 1024 * 1024;

/**
 * The C library's calls. Deno's own may not be mixed in: they take a number
 * for a file of theirs and would close another one.
 */
interface CLibrary {
  close(descriptor: number): number;
  dup(descriptor: number): number;
  dup2(source: number, target: number): number;
  mkstemp(template: Uint8Array): number;
  pread(
    descriptor: number,
    bytes: Uint8Array,
    length: bigint,
    offset: bigint,
  ): bigint;
  unlink(path: Uint8Array): number;
}

/** Runs `work` without the inspector's own lines on stderr. */
export async function withQuietStderr<T>(work: () => Promise<T>): Promise<T> {
  const library = openLibrary();
  const scratch = library ? openScratch(library) : -1;
  if (!library || scratch < 0) return await work();
  const saved = library.dup(STDERR);
  library.dup2(scratch, STDERR);
  try {
    return await work();
  } finally {
    library.dup2(saved, STDERR);
    library.close(saved);
    writeOthersLines(readAll(library, scratch));
    library.close(scratch);
  }
}

/** A file without a name: nothing of it is left, however the process ends. */
function openScratch(library: CLibrary): number {
  const template = join(tmpdir(), "manta-stderr-XXXXXX\0");
  const path = new TextEncoder().encode(template);
  const scratch = library.mkstemp(path);
  if (scratch >= 0) library.unlink(path);
  return scratch;
}

function readAll(library: CLibrary, scratch: number): string {
  const bytes = new Uint8Array(SCRATCH_BYTES_MAX);
  const length = library.pread(scratch, bytes, BigInt(bytes.length), 0n);
  return new TextDecoder().decode(bytes.subarray(0, Number(length)));
}

function writeOthersLines(text: string): void {
  const others = text.split("\n").filter((line) => !INSPECTOR_LINE.test(line))
    .join("\n");
  if (others) process.stderr.write(others);
}

let opened: CLibrary | null | undefined;

function openLibrary(): CLibrary | null {
  if (opened === undefined) opened = loadLibrary();
  return opened;
}

interface NativeFunction {
  readonly parameters: readonly string[];
  readonly result: string;
}

const FUNCTIONS: Record<keyof CLibrary, NativeFunction> = {
  close: { parameters: ["i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  mkstemp: { parameters: ["buffer"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i64" },
  unlink: { parameters: ["buffer"], result: "i32" },
};

function loadLibrary(): CLibrary | null {
  const deno = (globalThis as unknown as {
    Deno: {
      build: { os: string };
      permissions: { querySync(query: { name: "ffi" }): { state: string } };
      dlopen(path: string, symbols: typeof FUNCTIONS): { symbols: CLibrary };
    };
  }).Deno;
  const permission = deno.permissions.querySync({ name: "ffi" });
  if (permission.state !== "granted") return null;
  const name = deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6";
  try {
    return deno.dlopen(name, FUNCTIONS).symbols;
  } catch {
    return null;
  }
}
