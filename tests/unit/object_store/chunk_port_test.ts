// Chunks between two ends that are near or not: when they go through a file,
// what becomes of the file, and what a peer cannot do with it.

import { closeSync, openSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { ProtocolError } from "../../../runtime/base/errors.ts";
import {
  CHUNK_FILE_IDLE_MS,
  CHUNK_FILE_OBJECT_BYTES_MIN,
  OBJECT_CHUNK_BYTES_MAX as CHUNK,
  OBJECT_CHUNKS_MAX,
} from "../../../runtime/base/limits.ts";
import {
  IncomingChunkFile,
  makeChunkFile,
  type OutgoingChunkFile,
} from "../../../runtime/object_store/chunk_file.ts";
import type { ChunkMessage } from "../../../runtime/object_store/chunk_messages.ts";
import { ChunkPort } from "../../../runtime/object_store/chunk_port.ts";
import { ChunkTarget } from "../../../runtime/object_store/chunk_target.ts";
import { detectPlatform } from "../../../runtime/platform/detect.ts";
import {
  type ProcessName,
  thisProcess,
} from "../../../runtime/platform/process_life.ts";
import { AttachedBytes } from "../../../runtime/protocol/attached_bytes.ts";
import {
  chunkFileName,
  countOpen,
  hasChunkFiles,
} from "../../support/chunk_file_kit.ts";
import { FakeTimers } from "../../support/fake_timers.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const SIZE = CHUNK_FILE_OBJECT_BYTES_MIN + 5;
const CHUNKS = Math.ceil(SIZE / CHUNK);
const THIS = thisProcess();
const ELSEWHERE = { ...THIS, machine: "another" };
/** Of this machine, but what it says of its files is not true. */
const STRANGER = { ...THIS, pid: 1 };

describe("ChunkPort", () => {
  it("sends what is large through a file, byte for byte", () => {
    using ends = new Ends(THIS);
    const isNear = hasChunkFiles();

    ends.send(1, 3 * SIZE);
    ends.deliver();

    assertEquals(ends.countOf("object_chunk") === 0, isNear);
    assertEquals(ends.countOf("chunk_file_offered"), isNear ? 1 : 0);
    assertEquals(ends.through, [1]);
    ends.checkAll();
  });

  it("sends no chunk before it knows whether the file is open", () => {
    if (!hasChunkFiles()) return;
    using ends = new Ends(THIS);

    ends.send(1, SIZE);

    assertEquals(ends.sent.map(({ type }) => type), ["chunk_file_offered"]);
    ends.deliver();
    assertEquals(ends.countOf("chunk_placed"), CHUNKS);
  });

  it("needs no file for what is small, nor for a peer elsewhere", () => {
    for (const peer of [ELSEWHERE, undefined, THIS]) {
      using ends = new Ends(peer);
      ends.send(1, peer === THIS ? SIZE - 6 : SIZE);
      ends.deliver();

      assertEquals(ends.countOf("chunk_file_offered"), 0);
      assertEquals(ends.through, [1]);
      ends.checkAll();
    }
  });

  it("goes on by the link if the peer cannot open the file", () => {
    if (!hasChunkFiles()) return;
    // The receiver looks for the sender's file with another process.
    using ends = new Ends(THIS, STRANGER);

    ends.send(1, SIZE);
    ends.deliver();
    ends.send(2, SIZE);
    ends.deliver();

    assertEquals(ends.countOf("chunk_file_offered"), 1);
    assertEquals(ends.countOf("object_chunk"), 2 * CHUNKS);
    assertEquals(ends.openFiles, 0);
    ends.checkAll();
  });

  it("has no more under way than there are slots", () => {
    using ends = new Ends(THIS);
    ends.send(1, 40 * CHUNK);
    ends.send(2, 40 * CHUNK);

    while (ends.deliverOne()) {
      const placed = ends.sent.filter(({ type }) => type === "chunk_placed");
      assert(placed.length <= OBJECT_CHUNKS_MAX, "too many");
    }

    assertEquals(ends.through, [1, 2]);
    ends.checkAll();
  });

  it("closes the file when it is idle, and makes another one", () => {
    if (!hasChunkFiles()) return;
    using ends = new Ends(THIS);
    ends.send(1, SIZE);
    ends.deliver();
    assertEquals(ends.openFiles, 2);

    ends.timers.pass(2 * CHUNK_FILE_IDLE_MS);
    ends.deliver();
    assertEquals([ends.openFiles, ends.timers.count], [0, 0]);
    ends.send(2, SIZE);
    ends.deliver();

    assertEquals(ends.countOf("chunk_file_offered"), 2);
    assertEquals(ends.countOf("object_chunk"), 0);
    ends.checkAll();
  });

  it("keeps the file as long as the peer has not read what lies there", () => {
    if (!hasChunkFiles()) return;
    using ends = new Ends(THIS);
    ends.send(1, SIZE);
    // The offer and its answer.
    ends.deliverOne();
    ends.deliverOne();

    ends.timers.pass(10 * CHUNK_FILE_IDLE_MS);

    assertEquals(ends.countOf("chunk_file_closed"), 0);
    ends.deliver();
    ends.checkAll();
  });

  it("is through with what is stopped once nothing is under way", () => {
    using ends = new Ends(ELSEWHERE);
    ends.send(1, 20 * CHUNK);
    ends.sender.stop(1);
    assertEquals(ends.through, []);

    ends.deliver();

    assertEquals(ends.through, [1]);
    assertEquals(ends.countOf("object_chunk"), OBJECT_CHUNKS_MAX);
  });

  it("has nothing open when the connection is over", () => {
    const ends = new Ends(THIS);
    ends.send(1, SIZE);
    ends.deliver();

    ends[Symbol.dispose]();

    assertEquals([ends.openFiles, ends.timers.count], [0, 0]);
  });

  it("takes nothing from a file that is not there, or was cut off", () => {
    if (!hasChunkFiles()) return;
    using ends = new Ends(THIS);
    const target = new ChunkTarget(new Uint8Array(new SharedArrayBuffer(9)));
    const chunk = {
      ...{ type: "chunk_placed", requestId: 1, offset: 0, length: 9 } as const,
      slot: 3,
    };
    assertThrows(() => ends.receiver.take(chunk, target), ProtocolError);
    ends.send(1, SIZE);
    ends.deliver();
    assertThrows(
      () => ends.receiver.take({ ...chunk, slot: OBJECT_CHUNKS_MAX }, target),
      ProtocolError,
    );
    assertThrows(
      () => ends.sender.receive({ type: "chunk_file_answered", isOpen: true }),
      ProtocolError,
    );
  });
});

describe("a file for chunks", () => {
  it("opens only if it begins with the proof", () => {
    for (const made of madeFiles()) {
      const { fd, proof } = made.name;
      const name = chunkFileName(fd);
      const { pid } = THIS;

      const open = (fd: number, proof: string) =>
        IncomingChunkFile.open(pid, { fd, proof });
      assertEquals(open(fd, `${proof}x`), undefined);
      assertEquals(open(fd, proof.replace(/./g, "x")), undefined);
      for (const path of [tmpdir(), "/dev/zero"]) {
        const other = openSync(path, "r");
        assertEquals(open(other, proof), undefined);
        closeSync(other);
      }
      const opened = open(fd, proof)!;
      assertEquals(countOpen(name), 2);
      opened.close();
      made.close();
      assertEquals(countOpen(name), 0);
    }
  });

  it("has in each slot what was written there last", () => {
    for (const made of madeFiles()) {
      const opened = IncomingChunkFile.open(THIS.pid, made.name)!;
      const bytes = new Uint8Array(CHUNK);
      for (const mark of [1, 2]) {
        for (let slot = OBJECT_CHUNKS_MAX - 1; slot >= 0; slot--) {
          assert(made.write(slot, bytes.fill(mark + slot)), "no room");
        }
        for (let slot = 0; slot < OBJECT_CHUNKS_MAX; slot++) {
          assert(opened.read(slot, bytes.fill(0)), "nothing there");
          assert(bytes.every((byte) => byte === mark + slot), "other bytes");
        }
      }
      opened.close();
      made.close();
    }
  });

  it("hurts nobody when its peer cuts it off", () => {
    for (const made of madeFiles()) {
      const opened = IncomingChunkFile.open(THIS.pid, made.name)!;
      const bytes = Uint8Array.of(1, 2, 3);
      assert(made.write(0, bytes), "no room");
      const isCut = cutOff(`/proc/${THIS.pid}/fd/${made.name.fd}`);

      assertEquals(opened.read(0, bytes), !isCut);
      assert(made.write(0, bytes), "no room");

      opened.close();
      made.close();
    }
  });

  it("is not made when memory for it cannot be had", () => {
    const file = platform.makeMemoryFile(2 * CHUNK);
    if (!file) return;
    const name = chunkFileName(file.fd);
    const made = makeChunkFile(() => ({ ...file, reserve: () => false }));

    assertEquals([made, countOpen(name)], [undefined, 0]);
  });
});

const platform = detectPlatform();

/** One of each kind, where the system and the runtime have it. */
function madeFiles(): OutgoingChunkFile[] {
  return [platform.makeMemoryFile, () => undefined]
    .map((makeMemoryFile) => makeChunkFile(makeMemoryFile))
    .filter((made) => made !== undefined);
}

/** Whether the system lets anybody do that. */
function cutOff(path: string): boolean {
  try {
    truncateSync(path, 0);
    return true;
  } catch {
    return false;
  }
}

/** One end that sends and one that receives; messages wait to be delivered. */
class Ends implements Disposable {
  readonly timers = new FakeTimers();
  readonly sender: ChunkPort;
  readonly receiver: ChunkPort;
  /** What waits, and what was sent ever. */
  readonly sent: ChunkMessage[] = [];
  readonly #answers: ChunkMessage[] = [];
  readonly #all: ChunkMessage[] = [];
  readonly through: number[] = [];
  readonly #files: string[] = [];
  readonly #objects = new Map<number, [SharedArrayBuffer, SharedArrayBuffer]>();
  readonly #targets = new Map<number, ChunkTarget>();

  constructor(peer: ProcessName | undefined, ofReceiver = peer) {
    const { timers } = this;
    const flush = () => {};
    this.sender = new ChunkPort({
      ...{ near: { platform, process: () => peer }, flush, timers },
      send: (message) => {
        this.sent.push(message);
        if (message.type === "chunk_file_offered") {
          this.#files.push(chunkFileName(message.fd));
        }
        this.#all.push(message);
      },
      through: ({ key }) => this.through.push(key),
    });
    this.receiver = new ChunkPort({
      ...{ near: { platform, process: () => ofReceiver }, flush, timers },
      send: (message) => this.#answers.push(message),
      through: () => {},
    });
  }

  send(key: number, sizeBytes: number): void {
    const memory = new SharedArrayBuffer(sizeBytes);
    const bytes = new Uint8Array(memory);
    for (let at = 0; at < sizeBytes; at += 1000) bytes[at] = key + at / 1000;
    const arrived = new SharedArrayBuffer(sizeBytes);
    this.#objects.set(key, [memory, arrived]);
    this.#targets.set(key, new ChunkTarget(new Uint8Array(arrived)));
    this.sender.add({ key, requestId: key, memory, sizeBytes });
    this.sender.pump();
  }

  /** Delivers one message, an answer if there is one. */
  deliverOne(): boolean {
    const answer = this.#answers.shift();
    if (answer) {
      this.sender.receive(answer as Parameters<ChunkPort["receive"]>[0]);
      return true;
    }
    const message = this.sent.shift();
    if (!message) return false;
    if (message.type === "object_chunk") {
      const bytes = new AttachedBytes(message.bytes);
      const target = this.#targets.get(message.requestId);
      this.receiver.take({ ...message, bytes }, target);
    } else if (message.type === "chunk_placed") {
      this.receiver.take(message, this.#targets.get(message.requestId));
    } else this.receiver.receive(message);
    return true;
  }

  deliver(): void {
    while (this.deliverOne());
  }

  countOf(type: ChunkMessage["type"]): number {
    return this.#all.filter((message) => message.type === type).length;
  }

  /** How many descriptors of its files there are. */
  get openFiles(): number {
    return countOpen(...this.#files);
  }

  checkAll(): void {
    for (const [memory, arrived] of this.#objects.values()) {
      const [left, right] = [new Uint8Array(memory), new Uint8Array(arrived)];
      assert(left.every((byte, at) => byte === right[at]), "other bytes");
    }
  }

  [Symbol.dispose](): void {
    this.sender.end();
    this.receiver.end();
  }
}
