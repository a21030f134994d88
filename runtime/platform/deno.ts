// The platform on Deno. Mirrors `bun.ts` function by function. What Deno does
// not do by itself stands in the `deno_*.ts` files, one workaround each.

import inspector from "node:inspector";
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import { settlesWithin } from "../base/clock.ts";
import { THREAD_STOP_ASK_MS } from "../base/limits.ts";
import { layerDenoEnvironment } from "./deno_environment.ts";
import { interruptInProgress, interruptThread } from "./deno_interrupt.ts";
import { openFirst } from "./c_library.ts";
import { setKeepsProcessAlive } from "./deno_thread_ref.ts";
import { serveDenoWeb } from "./deno_web_server.ts";
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
import {
  isSignal,
  STARTED_SIGNAL,
  STOP_SIGNAL,
  STOPPING_SIGNAL,
} from "./thread_signal.ts";

/** The part of Deno's namespace that this file uses. */
interface DenoNamespace {
  readonly version: { readonly deno: string };
  readonly stdout: NativeStream;
  readonly stderr: NativeStream;
  inspect(value: unknown, options: typeof INSPECT_OPTIONS): string;
  readonly permissions: {
    querySync(what: { readonly name: string }): { readonly state: string };
  };
  readonly UnsafePointer: {
    of(bytes: Uint8Array): object | null;
    create(address: bigint): object | null;
    value(pointer: object | null): number | bigint;
  };
  readonly UnsafePointerView: {
    getArrayBuffer(pointer: object, length: number): ArrayBuffer;
  };
  dlopen<Calls extends object>(
    library: string,
    symbols: Readonly<Record<keyof Calls, object>>,
  ): { readonly symbols: Calls };
}

interface NativeStream {
  readonly writable: WritableStream<Uint8Array>;
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/** As `console.log` has it, but never with colours: the lines travel. */
const INSPECT_OPTIONS = { colors: false, depth: 4 };

/** Threads started so far: the number makes each worker's name its own. */
let threadCount = 0;

function namespace(): DenoNamespace {
  return (globalThis as unknown as { Deno: DenoNamespace }).Deno;
}

/** The platform on Deno. */
export function denoPlatform(): Platform {
  return {
    name: "deno",
    version: namespace().version.deno,
    isCompiled: false,
    startThread: (url, options) => new DenoThread(url, options),
    scriptCommand,
    childCommand,
    openSharedFile: newOpenSharedFile(openMapCalls),
    makeMemoryFile: newMakeMemoryFile(openMemoryFileCalls),
    collectGarbage,
    threadMemoryBytes,
    returnMemory: mayCallLibraries()
      ? newReturnMemory(openMemoryCalls)
      : undefined,
    yieldProcessor: mayCallLibraries()
      ? newProcessorYield(openYieldLibrary)
      : undefined,
    onProcessEnd,
    inspect: (value) => namespace().inspect(value, INSPECT_OPTIONS),
    captureNativeStreams,
    layerEnvironment: layerDenoEnvironment,
    serveWeb: serveDenoWeb,
  };
}

class DenoThread implements PlatformThread {
  readonly name: string;
  readonly #url: string;
  /** By which the inspector tells the threads apart. */
  readonly #uniqueName: string;
  readonly #options: StartThreadOptions;
  readonly #answered = Promise.withResolvers<void>();
  /** Not there yet while the inspector is open; then posts wait. */
  #worker: Worker | undefined;
  #unsent: [message: unknown, transfer: Transferable[]][] = [];
  #stopped: Promise<void> | undefined;
  #hasStarted = false;
  #ended = false;
  #isReferenced = true;

  constructor(url: string, options: StartThreadOptions) {
    this.name = options.name;
    this.#url = url;
    this.#options = options;
    this.#uniqueName = `${options.name} (${++threadCount})`;
    if (interruptInProgress()) this.#createLater();
    else this.#create();
  }

  post(message: unknown, transfer: Transferable[] = []): void {
    if (this.#worker) this.#worker.postMessage(message, transfer);
    else if (!this.#ended) this.#unsent.push([message, transfer]);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  ref(): void {
    this.#setReferenced(true);
  }

  unref(): void {
    this.#setReferenced(false);
  }

  #create(): void {
    this.#worker = new Worker(this.#url, {
      type: "module",
      name: this.#uniqueName,
    });
    this.#listen(this.#worker);
  }

  async #createLater(): Promise<void> {
    while (interruptInProgress()) await interruptInProgress();
    if (this.#ended) return;
    try {
      this.#create();
    } catch (error) {
      return this.#crash(String(error));
    }
    if (!this.#isReferenced) setKeepsProcessAlive(this.#worker!, false);
    for (const [message, transfer] of this.#unsent.splice(0)) {
      this.post(message, transfer);
    }
  }

  #setReferenced(isReferenced: boolean): void {
    const isChange = isReferenced !== this.#isReferenced;
    this.#isReferenced = isReferenced;
    if (isChange && this.#worker) {
      setKeepsProcessAlive(this.#worker, isReferenced);
    }
  }

  #listen(worker: Worker): void {
    worker.addEventListener("message", ({ data: message }) => {
      if (isSignal(message, STARTED_SIGNAL)) this.#hasStarted = true;
      else if (isSignal(message, STOPPING_SIGNAL)) this.#answered.resolve();
      else if (!this.#ended) this.#options.onMessage(message);
    });
    worker.addEventListener("error", (event) => {
      // Without this the error would end the whole process.
      event.preventDefault();
      this.#crash(event.message);
    });
    worker.addEventListener("messageerror", () => {
      this.#crash("A message of the thread could not be read");
    });
  }

  /**
   * Asks first: an answer means that the event loop turns and that this was
   * its last turn. `terminate()` alone never stops a busy thread and does not
   * say so (denoland/deno#35657). A thread that has not started runs no user
   * code yet and stops by itself; force would bring down the whole process
   * ("Deno has panicked") in the middle of Deno's own start.
   */
  async #stop(): Promise<void> {
    const mayBeBusy = this.#hasStarted && !this.#ended;
    this.#end({ type: "stopped" });
    if (!mayBeBusy) return this.#worker?.terminate();
    this.post(STOP_SIGNAL);
    const isAnswered = await settlesWithin(
      this.#answered.promise,
      THREAD_STOP_ASK_MS,
    );
    this.#worker?.terminate();
    if (!isAnswered) await interruptThread(this.#uniqueName);
  }

  #crash(message: string): void {
    this.#end({ type: "crashed", message });
    this.#worker?.terminate();
  }

  #end(reason: ThreadEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsent = [];
    this.#options.onEnded(reason);
  }
}

function scriptCommand(
  scriptPath: string,
  args: readonly string[] = [],
): ScriptCommand {
  return {
    command: process.execPath,
    args: ["run", "-A", scriptPath, ...args],
    env: {},
  };
}

const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"];

function childCommand(url: string, args: readonly string[]): ScriptCommand {
  const { permissions } = namespace();
  const granted = PERMISSIONS.filter((name) =>
    permissions.querySync({ name }).state === "granted"
  );
  const flags = granted.length === PERMISSIONS.length
    ? ["-A"]
    : ["--no-prompt", ...granted.map((name) => `--allow-${name}`)];
  return {
    command: process.execPath,
    args: ["run", "--quiet", ...flags, url, ...args],
    env: {},
  };
}

/**
 * Workaround: `gc` cannot be exposed to a running Deno (a new `vm` context
 * lacks it), but an inspector session inside the thread can collect.
 */
async function collectGarbage(): Promise<void> {
  const session = new inspector.Session();
  session.connect();
  // The answer alone would not keep the process from ending before it.
  const alive = setInterval(() => {}, 1_000);
  try {
    await new Promise<void>((resolve) =>
      session.post("HeapProfiler.collectGarbage", () => resolve())
    );
  } finally {
    clearInterval(alive);
    session.disconnect();
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
}

function threadMemoryBytes(): number {
  const { used_heap_size: heap, external_memory: external } =
    getHeapStatistics();
  return heap + external;
}

/** Asking the user for a permission would be worse than to do without. */
function mayCallLibraries(): boolean {
  return namespace().permissions.querySync({ name: "ffi" }).state === "granted";
}

function openMapCalls(): MapCalls {
  const { dlopen, UnsafePointer, UnsafePointerView } = namespace();
  if (!mayCallLibraries()) throw new TypeError("Cannot call libraries");
  const { symbols } = openFirst((library) =>
    dlopen<MapLibrary>(library, {
      mmap: {
        parameters: ["u64", "u64", "i32", "i32", "i32", "i64"],
        result: "u64",
      },
      munmap: { parameters: ["u64", "u64"], result: "i32" },
      posix_fallocate: { parameters: ["i32", "i64", "i64"], result: "i32" },
    })
  );
  return mapCallsOf(
    symbols,
    (address, length) =>
      UnsafePointerView.getArrayBuffer(UnsafePointer.create(address)!, length),
  );
}

function openMemoryFileCalls(): MemoryFileCalls {
  const mapCalls = openMapCalls();
  const { symbols } = openFirst((library) =>
    namespace().dlopen<MemoryFileLibrary>(library, {
      memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
      ftruncate: { parameters: ["i32", "i64"], result: "i32" },
      fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    })
  );
  return memoryFileCallsOf(symbols, mapCalls);
}

function openMemoryCalls(): MemoryCalls {
  const { dlopen, UnsafePointer } = namespace();
  const { symbols } = openFirst((library) =>
    dlopen<MemoryLibrary>(library, {
      madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
      getpagesize: { parameters: [], result: "i32" },
    })
  );
  return memoryCallsOf(
    symbols,
    (bytes) => BigInt(UnsafePointer.value(UnsafePointer.of(bytes))),
  );
}

function openYieldLibrary(): YieldLibrary {
  return openFirst((library) =>
    namespace().dlopen<YieldLibrary>(library, {
      sched_yield: { parameters: [], result: "i32" },
    })
  ).symbols;
}

/**
 * `Deno.exit` does not lead to node's "exit", and an uncaught error neither to
 * that nor to "unload". With a listener of the user's, the error is no end.
 */
function onProcessEnd(callback: () => void): () => void {
  const end = () => {
    forget();
    callback();
  };
  const onUncaught = () => {
    if (process.listenerCount("uncaughtException") === 0) end();
  };
  const forget = () => {
    process.removeListener("exit", end);
    process.removeListener("uncaughtExceptionMonitor", onUncaught);
    globalThis.removeEventListener("unload", end);
  };
  process.on("exit", end);
  process.on("uncaughtExceptionMonitor", onUncaught);
  globalThis.addEventListener("unload", end);
  return forget;
}

function captureNativeStreams(
  write: (stream: OutputStream, chunk: Uint8Array) => void,
): void {
  for (const stream of ["stdout", "stderr"] as const) {
    const writeSync = (bytes: Uint8Array) => {
      write(stream, bytes);
      return bytes.byteLength;
    };
    const writable = new WritableStream<Uint8Array>({
      write: (bytes) => void writeSync(bytes),
    });
    Object.defineProperties(namespace()[stream], {
      write: {
        value: (bytes: Uint8Array) => Promise.resolve(writeSync(bytes)),
      },
      writeSync: { value: writeSync },
      writable: { value: writable },
    });
  }
}
