// The thread of the platform suite that prints in every way there is.

import process from "node:process";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import { captureOutput } from "../../runtime/platform/output_capture.ts";

const scope = globalThis as unknown as {
  postMessage(message: unknown): void;
  Deno?: {
    stdout: {
      write(bytes: Uint8Array): Promise<number>;
      writeSync(bytes: Uint8Array): number;
      writable: WritableStream<Uint8Array>;
    };
  };
  Bun?: {
    stdout: { writer(): { write(text: string): void; flush(): void } };
    write(target: unknown, content: unknown): Promise<number>;
  };
};

const capture = captureOutput(
  detectPlatform(),
  (stream, line) => scope.postMessage({ stream, line }),
);
const bytes = new TextEncoder();

function printByConsole(): void {
  console.log("text", 1, true, null);
  console.info({ a: 1 }.a, "info");
  console.debug("%s has %d", "format", 2);
  console.log("100%");
  console.warn("warned");
  console.error("failed");
  console.group("group");
  console.log("two\nlines");
  console.groupEnd();
  console.assert(true, "not seen");
  console.assert(false, "asserted");
  console.count("counter");
  console.table([{ column: 1 }]);
}

function printByStreams(): void {
  process.stdout.write("a part ");
  process.stdout.write("and the rest\r\n");
  const euro = bytes.encode("split €\n");
  process.stderr.write(euro.subarray(0, -3));
  process.stderr.write(euro.subarray(-3));
  process.stdout.write("aGV4\n", "base64");
  process.stdout.write("\n");
}

async function printNatively(): Promise<void> {
  if (scope.Deno) {
    const { stdout } = scope.Deno;
    stdout.writeSync(bytes.encode("native 1\n"));
    await stdout.write(bytes.encode("native 2\n"));
    const writer = stdout.writable.getWriter();
    await writer.write(bytes.encode("native 3\n"));
  } else if (scope.Bun) {
    await scope.Bun.write(scope.Bun.stdout, "native 1\n");
    await scope.Bun.write(scope.Bun.stdout, bytes.encode("native 2\n"));
    const writer = scope.Bun.stdout.writer();
    writer.write("native 3\n");
    writer.flush();
  }
}

printByConsole();
printByStreams();
await printNatively();
process.stdout.write("unfinished");
capture.flush();
scope.postMessage("done");
