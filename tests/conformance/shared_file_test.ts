// Files that processes share, and child processes, with the runtime that runs
// this: what one writes another reads, and how a process ends is told.

import process from "node:process";
import { loanFolder } from "../../runtime/object_store/loan_folder.ts";
import {
  type ChildEnd,
  startChild,
} from "../../runtime/platform/child_process.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import {
  connectLocally,
  listenLocally,
} from "../../runtime/platform/local_socket.ts";
import { newOpenSharedFile } from "../../runtime/platform/shared_file.ts";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterEach,
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const platform = detectPlatform();
const SIZE_BYTES = 100_000;

const WAYS = {
  "as this platform opens it": platform.openSharedFile,
  "without the C library": newOpenSharedFile(() => {
    throw new Error("There is none");
  }),
};

describe("a shared file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shared-file-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const [way, open] of Object.entries(WAYS)) {
    it(`has what another has written, ${way}`, async () => {
      const file = await loanFolder(folder)(SIZE_BYTES);
      const writer = open(file.path, SIZE_BYTES, "write");
      writer.bytes.fill(7);
      writer.save();
      writer.release();

      const taken = new Uint8Array(SIZE_BYTES);
      await file.read(taken);
      assert(taken.every((byte) => byte === 7));
      await file.close();
      assertEquals(readdirSync(folder), []);
    });

    it(`is read by many, whose writes are their own, ${way}`, async () => {
      const file = await loanFolder(folder)(SIZE_BYTES);
      await file.write(new Uint8Array(SIZE_BYTES).fill(3));

      const [first, second] = [1, 2].map(() =>
        open(file.path, SIZE_BYTES, "read")
      );
      first!.bytes[0] = 9;

      assertStrictEquals(second!.bytes[0], 3);
      assertStrictEquals(second!.bytes.length, SIZE_BYTES);
      assertStrictEquals(second!.bytes[SIZE_BYTES - 1], 3);
      await file.close();
      // What is open already stays.
      assertStrictEquals(second!.bytes[1], 3);
      first!.release();
      second!.release();
    });

    it(`cannot be opened when it is gone, ${way}`, async () => {
      const file = await loanFolder(folder)(1);
      await file.close();
      assertThrows(() => open(file.path, 1, "read"), Error);
    });
  }
});

describe("a child process", () => {
  const ended = (code: string) =>
    new Promise<ChildEnd & { readonly lines: readonly string[] }>((resolve) => {
      const lines: string[] = [];
      startChild({
        command: "/bin/sh",
        args: ["-c", code],
        env: { MANTA_TEST_WORD: "word" },
        onLine: (stream, line) => lines.push(`${stream}: ${line}`),
        onEnded: (end) => resolve({ ...end, lines }),
      });
    });

  it("tells its lines, then its exit code", async () => {
    const end = await ended('echo "$MANTA_TEST_WORD"; echo oh >&2; exit 3');
    assertEquals(end.lines.toSorted(), ["stderr: oh", "stdout: word"]);
    assertEquals([end.code, end.signal], [3, null]);
  });

  it("tells the signal that ended it", async () => {
    const end = await ended("kill -s SEGV $$");
    assertEquals([end.code, end.signal], [null, "SIGSEGV"]);
  });

  it("ends though processes of its own hold its output", async () => {
    const end = await ended("sleep 3 & exit 0");
    assertStrictEquals(end.code, 0);
  });

  it("tells why it could not be started", async () => {
    const { promise, resolve } = Promise.withResolvers<ChildEnd>();
    startChild({
      command: "/there/is/no/such",
      args: [],
      env: {},
      onLine: () => {},
      onEnded: resolve,
    });
    assert((await promise).failure !== undefined);
  });

  it("is what the platform's command makes", () => {
    const url = import.meta.url;
    const { command, args } = platform.childCommand(url, ["one"]);
    assertStrictEquals(command, process.execPath);
    assertStrictEquals(args.at(-1), "one");
  });
});

describe("a local socket", () => {
  it("has channels with a name, both ways", async () => {
    const folder = mkdtempSync(join(tmpdir(), "local-socket-test-"));
    const path = join(folder, "socket");
    const accepted = Promise.withResolvers<string>();
    const closed = Promise.withResolvers<void>();
    const server = listenLocally(path, (name, channel) => {
      accepted.resolve(name);
      channel.start({
        message: (bytes) => channel.send(bytes.slice()),
        closed: () => closed.resolve(),
      });
    });
    await server.ready;

    const channel = await connectLocally(path, "a name");
    const answer = new Promise<Uint8Array>((resolve) =>
      channel.start({ message: resolve, closed: () => {} })
    );
    channel.send(new Uint8Array(200_000).fill(5));

    assertStrictEquals(await accepted.promise, "a name");
    assertStrictEquals((await answer).length, 200_000);
    channel.close();
    await closed.promise;
    server.close();
    rmSync(folder, { recursive: true });
  });
});
