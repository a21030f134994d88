// Leads what user code prints in this thread to a callback, line by line,
// instead of the process's own streams. Called once per executor thread,
// before user code is loaded. Output of native code, of child processes with
// inherited streams and of `fs.writeSync(1, …)` goes past it.

import process from "node:process";
import { createCapturedConsole } from "./captured_console.ts";
import { LineBuffer } from "./line_buffer.ts";
import type { OutputStream, Platform } from "./platform.ts";

/** The tap on a thread's output. */
export interface OutputCapture {
  /** Whether there is no unfinished line; asked after every task. */
  readonly isEmpty: boolean;
  /** Gives out unfinished lines; call it when a task ends. */
  flush(): void;
}

/**
 * Captures this thread's output for the rest of its life. `onLine` is called
 * synchronously, within the call that printed, so it sees who prints.
 */
export function captureOutput(
  platform: Platform,
  onLine: (stream: OutputStream, line: string) => void,
): OutputCapture {
  const buffers = {
    stdout: new LineBuffer((line) => onLine("stdout", line)),
    stderr: new LineBuffer((line) => onLine("stderr", line)),
  };
  const write = (stream: OutputStream, chunk: string | Uint8Array) =>
    buffers[stream].write(chunk);
  Object.assign(console, createCapturedConsole(write, platform.inspect));
  for (const stream of ["stdout", "stderr"] as const) {
    captureNodeStream(stream, write);
  }
  platform.captureNativeStreams(write);
  return {
    get isEmpty() {
      return buffers.stdout.isEmpty && buffers.stderr.isEmpty;
    },
    flush() {
      buffers.stdout.flush();
      buffers.stderr.flush();
    },
  };
}

type WriteChunk = Parameters<Platform["captureNativeStreams"]>[0];

/**
 * Puts a stream of our own in place of `process.stdout`. It is no terminal:
 * its lines travel. Made when first used, as the original would be.
 */
function captureNodeStream(stream: OutputStream, write: WriteChunk): void {
  let captured: object | undefined;
  // Redefining it directly would first make the original: 8 ms on Bun.
  Reflect.set(process, stream, undefined);
  Object.defineProperty(process, stream, {
    configurable: true,
    enumerable: true,
    get: () => captured ??= createStream(stream, write),
  });
}

function createStream(stream: OutputStream, write: WriteChunk): object {
  const { Writable } = process.getBuiltinModule("node:stream");
  const { Buffer } = process.getBuiltinModule("node:buffer");
  const writable = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, encoding, done) {
      const isText = typeof chunk === "string" && !/^utf-?8$/i.test(encoding);
      write(stream, isText ? Buffer.from(chunk as string, encoding) : chunk);
      done();
    },
  });
  const fd = stream === "stdout" ? 1 : 2;
  return Object.assign(writable, { fd, isTTY: false });
}
