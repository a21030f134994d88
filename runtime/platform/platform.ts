// What Manta needs from the JavaScript runtime and cannot have from web
// standards or `node:` modules. One file per runtime implements it (`deno.ts`,
// `bun.ts`: same functions, same order); `detect.ts` picks one at the entry and
// the wiring passes it down. No code outside this folder asks which one it is.

import type { EnvironmentLayer, EnvironmentView } from "./environment_view.ts";
import type { MakeMemoryFile } from "./memory_file.ts";
import type { OpenSharedFile } from "./shared_file.ts";
import type { ServeWebOptions, WebServer } from "./web_server.ts";

/** The runtime under Manta, in Manta's words. */
export interface Platform {
  readonly name: "deno" | "bun";
  readonly version: string;
  /** Whether this process is the compiled binary. */
  readonly isCompiled: boolean;

  /**
   * Starts a web worker. Only the process's main thread may call this: on Deno
   * a nested thread is slow to start and cannot be stopped while it is busy.
   */
  startThread(url: string, options: StartThreadOptions): PlatformThread;

  /** The command that runs a script of the user's in a new process. */
  scriptCommand(scriptPath: string, args?: readonly string[]): ScriptCommand;

  /**
   * The command that runs the entry at a URL in a child process; the binary
   * has the one entry that `CHILD_WORD` names. Grants nothing that this process
   * has not been granted.
   */
  childCommand(url: string, args: readonly string[]): ScriptCommand;

  /** Opens a file whose bytes this process shares with another. */
  readonly openSharedFile: OpenSharedFile;

  /** Makes memory that others can read as a file; undefined if it cannot. */
  readonly makeMemoryFile: MakeMemoryFile;

  /**
   * Collects this thread's garbage. Finalizers of what was garbage have run
   * when it resolves. For tests and for a store that is out of room.
   */
  collectGarbage(): Promise<void>;

  /**
   * What this thread alone holds, garbage included and shared memory not;
   * nothing where the runtime cannot tell threads apart.
   */
  threadMemoryBytes(): number | undefined;

  /**
   * Gives the pages of a range of shared memory back to the system, now, no
   * matter who holds the memory; they read as zeroes then. Undefined where
   * memory comes back only when all threads have collected it.
   */
  readonly returnMemory: ReturnMemory | undefined;

  /**
   * Lets threads run that wait for the processor of this one, in about half a
   * microsecond if there are none. Undefined where the system has no such call.
   */
  readonly yieldProcessor: (() => void) | undefined;

  /**
   * Calls back once when this process ends in an orderly way: at its natural
   * end, by an exit, by an error that nobody caught; not by signals. What the
   * callback does must be done when it returns. Gives what takes it back.
   */
  onProcessEnd(callback: () => void): () => void;

  /** A value as this runtime's `console.log` shows it. */
  inspect(value: unknown): string;

  /**
   * Leads what is written through the runtime's own interfaces for standard
   * output, such as `Deno.stdout` or `Bun.stdout`, to `write`, for the rest of
   * this thread's life. Part of `captureOutput`.
   */
  captureNativeStreams(
    write: (stream: OutputStream, chunk: string | Uint8Array) => void,
  ): void;

  /**
   * Has user code see the layers in all that shows environment variables and
   * the current directory, for the rest of this thread's life. `current` is
   * asked each time: it knows what runs.
   */
  layerEnvironment(current: () => EnvironmentLayer): EnvironmentView;

  /** Serves the web; rejects with a `ConnectionError` when it cannot. */
  serveWeb(options: ServeWebOptions): Promise<WebServer>;
}

/** From is counted in bytes from the memory's start; to comes after it. */
export type ReturnMemory = (
  memory: SharedArrayBuffer,
  from: number,
  to: number,
) => void;

/** One of the two streams that a program prints to. */
export type OutputStream = "stdout" | "stderr";

export interface StartThreadOptions {
  readonly name: string;
  /** Called for each message of the thread's entry, in order. */
  onMessage(message: unknown): void;
  /** Called exactly once, whatever ended the thread. */
  onEnded(reason: ThreadEnd): void;
}

export type ThreadEnd =
  /** `stop()` was called. */
  | { readonly type: "stopped" }
  /** An error nobody caught, in the entry or while loading it. */
  | { readonly type: "crashed"; readonly message: string }
  /** The thread ended by itself, past the traps of `thread_guard.ts`. */
  | { readonly type: "exited"; readonly code: number };

/** A running thread. It keeps the process alive until `unref()`. */
export interface PlatformThread {
  readonly name: string;
  post(message: unknown, transfer?: Transferable[]): void;
  /**
   * Stops the thread, also in `while (true) {}` or `Atomics.wait`. Resolves
   * when it burns no CPU any more, and in any case after
   * `THREAD_STOP_MS_MAX`; never rejects; calling it again is harmless.
   */
  stop(): Promise<void>;
  /** Lets the thread keep the process alive. */
  ref(): void;
  /** Lets the process end while the thread lives. */
  unref(): void;
}

export interface ScriptCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** To be added to the environment of the new process. */
  readonly env: Readonly<Record<string, string>>;
}
