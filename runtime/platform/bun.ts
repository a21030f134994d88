// The platform on Bun, as `bun run` and inside the compiled binary. Mirrors
// `deno.ts` function by function. Must not import `bun:` modules statically:
// Deno loads this file, too.

import { createRequire } from "node:module";
import process from "node:process";
import { settlesWithin } from "../base/clock.ts";
import { THREAD_STOP_MS_MAX } from "../base/limits.ts";
import { layerBunEnvironment } from "./bun_environment.ts";
import { serveBunWeb } from "./bun_web_server.ts";
import { fileURLToPath } from "node:url";
import { openFirst } from "./c_library.ts";
import { CHILD_WORD } from "./child_word.ts";
import {
  type MemoryCalls,
  memoryCallsOf,
  type MemoryLibrary,
  newReturnMemory,
} from "./page_return.ts";
import { newProcessorYield, type YieldLibrary } from "./processor_yield.ts";
import {
  type MapCalls,
  mapCallsOf,
  type MapLibrary,
  newOpenSharedFile,
} from "./shared_file.ts";
import {
  type MemoryFileCalls,
  memoryFileCallsOf,
  type MemoryFileLibrary,
  newMakeMemoryFile,
} from "./memory_file.ts";
import type {
  OutputStream,
  Platform,
  PlatformThread,
  ScriptCommand,
  StartThreadOptions,
  ThreadEnd,
} from "./platform.ts";

/** The part of Bun's namespace that this file uses. */
interface BunNamespace {
  readonly version: string;
  gc(isSynchronous: boolean): number;
  readonly stdout: NativeStream;
  readonly stderr: NativeStream;
  write(target: unknown, content: unknown, options?: object): Promise<number>;
  inspect(value: unknown, options: typeof INSPECT_OPTIONS): string;
}

/** Bun's file object of a standard stream. */
interface NativeStream {
  writer(options?: object): object;
  write?(content: unknown, options?: object): Promise<number>;
}

/** As `console.log` has it, but never with colours: the lines travel. */
const INSPECT_OPTIONS = { colors: false, depth: 2 };

/** What Bun's `Worker` has beyond the standard. */
interface BunWorker extends Worker {
  ref(): void;
  unref(): void;
}

function namespace(): BunNamespace {
  return (globalThis as unknown as { Bun: BunNamespace }).Bun;
}

/** The binary has its modules in a file system of its own. */
function isCompiled(): boolean {
  return import.meta.url.includes("$bunfs");
}

/** The platform on Bun. */
export function bunPlatform(): Platform {
  return {
    name: "bun",
    version: namespace().version,
    isCompiled: isCompiled(),
    startThread: (url, options) => new BunThread(url, options),
    scriptCommand,
    childCommand,
    openSharedFile: newOpenSharedFile(openMapCalls),
    makeMemoryFile: newMakeMemoryFile(openMemoryFileCalls),
    collectGarbage,
    // Its figures have shared memory in them, even several times.
    threadMemoryBytes: () => undefined,
    returnMemory: newReturnMemory(openMemoryCalls),
    yieldProcessor: newProcessorYield(openYieldLibrary),
    onProcessEnd,
    inspect: (value) => namespace().inspect(value, INSPECT_OPTIONS),
    captureNativeStreams,
    layerEnvironment: layerBunEnvironment,
    serveWeb: serveBunWeb,
  };
}

class BunThread implements PlatformThread {
  readonly name: string;
  readonly #worker: BunWorker;
  readonly #options: StartThreadOptions;
  readonly #closed = Promise.withResolvers<void>();
  #stopped: Promise<void> | undefined;
  #ended = false;

  constructor(url: string, options: StartThreadOptions) {
    this.name = options.name;
    this.#options = options;
    this.#worker = new Worker(url, {
      type: "module",
      name: options.name,
    }) as BunWorker;
    this.#listen();
  }

  post(message: unknown, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  #listen(): void {
    const worker = this.#worker;
    worker.addEventListener("message", (event) => {
      if (!this.#ended) this.#options.onMessage(event.data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#crash(event.message);
    });
    worker.addEventListener("messageerror", () => {
      this.#crash("A message of the thread could not be read");
    });
    worker.addEventListener("close", (event) => {
      this.#closed.resolve();
      const code = (event as unknown as { code?: number }).code ?? 0;
      this.#end({ type: "exited", code });
    });
  }

  async #stop(): Promise<void> {
    this.#end({ type: "stopped" });
    this.#worker.terminate();
    // A thread inside a blocking system call closes when the call returns.
    await settlesWithin(this.#closed.promise, THREAD_STOP_MS_MAX);
  }

  #crash(message: string): void {
    this.#end({ type: "crashed", message });
    this.#worker.terminate();
  }

  #end(reason: ThreadEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnded(reason);
  }
}

/** The binary runs scripts as a full Bun when `BUN_BE_BUN` is set. */
function scriptCommand(
  scriptPath: string,
  args: readonly string[] = [],
): ScriptCommand {
  return {
    command: process.execPath,
    args: ["run", scriptPath, ...args],
    env: { BUN_BE_BUN: "1" },
  };
}

function childCommand(url: string, args: readonly string[]): ScriptCommand {
  const entry = isCompiled() ? [CHILD_WORD] : ["run", fileURLToPath(url)];
  return { command: process.execPath, args: [...entry, ...args], env: {} };
}

async function collectGarbage(): Promise<void> {
  namespace().gc(true);
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The part of `bun:ffi` that this file uses. */
interface BunForeign {
  ptr(bytes: Uint8Array): number;
  toArrayBuffer(address: number, from: number, length: number): ArrayBuffer;
  dlopen<Calls extends object>(
    library: string,
    symbols: Readonly<Record<keyof Calls, object>>,
  ): { readonly symbols: Calls };
}

function openForeign(): BunForeign {
  const require = createRequire(import.meta.url);
  return require("bun:ffi") as BunForeign;
}

function openMapCalls(): MapCalls {
  const foreign = openForeign();
  const { symbols } = openFirst((library) =>
    foreign.dlopen<MapLibrary>(library, {
      mmap: {
        args: ["u64", "u64", "i32", "i32", "i32", "i64"],
        returns: "u64",
      },
      munmap: { args: ["u64", "u64"], returns: "i32" },
      posix_fallocate: { args: ["i32", "i64", "i64"], returns: "i32" },
    })
  );
  return mapCallsOf(
    symbols,
    (address, length) => foreign.toArrayBuffer(Number(address), 0, length),
  );
}

function openMemoryFileCalls(): MemoryFileCalls {
  const { symbols } = openFirst((library) =>
    openForeign().dlopen<MemoryFileLibrary>(library, {
      memfd_create: { args: ["ptr", "u32"], returns: "i32" },
      ftruncate: { args: ["i32", "i64"], returns: "i32" },
      fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
      close: { args: ["i32"], returns: "i32" },
    })
  );
  return memoryFileCallsOf(symbols, openMapCalls());
}

function openMemoryCalls(): MemoryCalls {
  const foreign = openForeign();
  const { symbols } = openFirst((library) =>
    foreign.dlopen<MemoryLibrary>(library, {
      madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
      getpagesize: { args: [], returns: "i32" },
    })
  );
  return memoryCallsOf(
    symbols,
    (bytes) => BigInt(foreign.ptr(bytes)),
  );
}

function openYieldLibrary(): YieldLibrary {
  return openFirst((library) =>
    openForeign().dlopen<YieldLibrary>(library, {
      sched_yield: { args: [], returns: "i32" },
    })
  ).symbols;
}

function onProcessEnd(callback: () => void): () => void {
  process.once("exit", callback);
  return () => void process.removeListener("exit", callback);
}

function captureNativeStreams(
  write: (stream: OutputStream, chunk: string | Uint8Array) => void,
): void {
  const bun = namespace();
  const writeNative = bun.write.bind(bun);
  const writeContent = async (stream: OutputStream, content: unknown) => {
    const bytes = await new Response(content as BodyInit).bytes();
    write(stream, bytes);
    return bytes.byteLength;
  };
  bun.write = (target, content, options) => {
    const stream = streamOf(bun, target);
    if (stream) return writeContent(stream, content);
    return writeNative(target, content, options);
  };
  for (const stream of ["stdout", "stderr"] as const) {
    bun[stream].writer = () => createSink((chunk) => write(stream, chunk));
    bun[stream].write = (content) => writeContent(stream, content);
  }
  Object.assign(console, {
    write: (...chunks: (string | Uint8Array)[]) => {
      for (const chunk of chunks) write("stdout", chunk);
    },
  });
}

function streamOf(bun: BunNamespace, target: unknown): OutputStream | null {
  if (target === bun.stdout || target === 1) return "stdout";
  if (target === bun.stderr || target === 2) return "stderr";
  return null;
}

/** What Bun calls a file sink, without a file. */
function createSink(write: (chunk: string | Uint8Array) => void): object {
  return {
    write(chunk: string | Uint8Array | ArrayBuffer): number {
      const part = chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : chunk;
      write(part);
      return part.length;
    },
    flush: () => 0,
    end: () => 0,
    ref() {},
    unref() {},
  };
}
