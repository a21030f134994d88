import { ProtocolError } from "../../../runtime/base/errors.ts";
import {
  REMOTE_FRAME_BYTES_MAX,
  RING_PART_BYTES_MAX,
  STREAM_WINDOW_BYTES,
} from "../../../runtime/base/limits.ts";
import {
  PART_HEADER_BYTES,
  type RemoteStream,
  RemoteStreams,
} from "../../../runtime/transport/remote_streams.ts";
import { Dice } from "../../simulation/dice.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

describe("RemoteStreams", () => {
  it("gives each stream what was sent to it, in order", () => {
    const { source, target } = pair();
    const [node, first] = [source.open(0), source.open(2)];
    const got = [target.open(0), target.open(2)];
    deliver(target, source);

    node.stream.send(Uint8Array.of(1));
    first.stream.send(Uint8Array.of(2));
    node.stream.send(new Uint8Array(0));
    node.stream.send(Uint8Array.of(3, 4), true);
    deliver(source, target);

    assertEquals(got[0]!.parts, ["1", "", "3,4+"]);
    assertEquals(got[1]!.parts, ["2"]);
  });

  it("cuts long pieces, and fills frames fairly", () => {
    const { source, target } = pair();
    const senders = [0, 2, 3].map((number) => source.open(number));
    const got = [0, 2, 3].map((number) => target.open(number));
    deliver(target, source);

    for (const { stream } of senders) stream.send(new Uint8Array(200_000));
    const frame = source.streams.nextFrame()!;
    target.streams.receive(frame);

    assert(frame.length <= REMOTE_FRAME_BYTES_MAX);
    assert(frame.length > REMOTE_FRAME_BYTES_MAX - 2_000);
    for (const { bytes } of got) assert(bytes >= RING_PART_BYTES_MAX);
    deliver(source, target);
    assertEquals(got.map(({ bytes }) => bytes), [200_000, 200_000, 200_000]);
    for (const { parts } of got) assert(!parts.at(-1)!.endsWith("+"));
  });

  it("stops a stream that is not read, and no other", () => {
    const { source, target } = pair();
    const [slow, fast] = [source.open(2), source.open(3)];
    const unread = target.open(2, { reads: false });
    const read = target.open(3);
    deliver(target, source);

    for (let n = 0; n < 40; n++) {
      slow.stream.send(new Uint8Array(100_000));
      fast.stream.send(new Uint8Array(100_000));
    }
    exchange(source, target);

    assert(unread.bytes <= STREAM_WINDOW_BYTES);
    assert(unread.bytes > STREAM_WINDOW_BYTES - 2_000);
    assertEquals(read.bytes, 4_000_000);
    assert(slow.stream.queuedBytes >= 4_000_000 - STREAM_WINDOW_BYTES);
    assertEquals(fast.stream.queuedBytes, 0);

    for (let round = 0; round < 8; round++) {
      unread.readAll();
      exchange(source, target);
    }
    assertEquals(unread.bytes, 4_000_000);
    assertEquals(source.streams.queuedBytes, 0);
  });

  it("tells who waits for room when there is some", () => {
    const { source, target } = pair();
    const { stream, tally } = { ...source.open(0), tally: source };
    target.open(0);

    while (stream.awaitRoom()) stream.send(new Uint8Array(50_000));
    assertEquals(tally.drained, 0);
    exchange(source, target);

    assertEquals(tally.drained, 1);
    assert(stream.awaitRoom());
  });

  it("sends all that was queued before a stream is closed", () => {
    const { source, target } = pair();
    const { stream } = source.open(2);
    const got = target.open(2);
    deliver(target, source);

    stream.send(new Uint8Array(3_000_000));
    stream.close();
    stream.send(new Uint8Array(7));
    exchange(source, target);

    assertEquals(got.bytes, 3_000_000);
    assertEquals(got.parts.at(-1), "closed");
    got.stream.send(Uint8Array.of(1));
    exchange(source, target);
    assertEquals([source, target].map(({ streams }) => streams.queuedBytes), [
      0,
      0,
    ]);
  });

  it("ends a stream that both sides close at once", () => {
    const { source, target } = pair();
    const ends = [source.open(2), target.open(2)];
    deliver(target, source);
    deliver(source, target);

    for (const { stream } of ends) stream.send(new Uint8Array(3_000_000));
    for (const { stream } of ends) stream.close();
    exchange(source, target);

    assertEquals(ends.map(({ parts }) => parts), [[], []]);
    assertEquals(ends.map(({ stream }) => stream.queuedBytes), [0, 0]);
  });

  it("knows a stream that ended before it was opened", () => {
    const { source, target } = pair();
    source.open(2).stream.close();
    deliver(source, target);

    const got = target.open(2);

    assertEquals(got.parts, ["closed"]);
  });

  it("tells all sinks when everything is over", () => {
    const { source } = pair();
    const ends = [source.open(0), source.open(2)];
    ends[0]!.stream.send(new Uint8Array(100));

    source.streams.closeAll();

    assertEquals(ends.map(({ parts }) => parts), [["closed"], ["closed"]]);
    assertEquals(source.streams.nextFrame(), undefined);
  });
});

describe("RemoteStreams with a peer that is not honest", () => {
  const cases: readonly [string, Uint8Array, string][] = [
    ["a header that is cut off", Uint8Array.of(0, 0, 0), "cut off"],
    ["a part that is cut off", part(0, 9, 4), "cut off"],
    ["a part of 4 GB", part(0, 0x7fff_ffff, 4), "too long"],
    ["a stream that was never opened", part(9, 4, 4), "no stream 9"],
    ["a grant for no stream", part(0x8000_0009, 4, 0), "no stream 9"],
    ["a grant beyond the window", part(0x8000_0000, 1, 0), "grants too much"],
  ];
  for (const [name, frame, message] of cases) {
    it(`refuses ${name}`, () => {
      const { source } = pair();
      source.open(0);

      assertThrows(() => source.streams.receive(frame), ProtocolError, message);
    });
  }

  it("refuses more than its window", () => {
    const { source } = pair();
    source.open(0, { reads: false });
    const full = part(0, RING_PART_BYTES_MAX, RING_PART_BYTES_MAX);

    for (let n = 0; n < 15; n++) source.streams.receive(full);

    assertThrows(() => source.streams.receive(full), ProtocolError, "window");
  });
});

describe("RemoteStreams by chance", () => {
  it("loses nothing, whatever is sent and read when", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const dice = new Dice(seed);
      const sides = pair();
      const { source, target } = sides;
      const numbers = [0, 1, 2, 5];
      const from = numbers.map((number) => source.open(number));
      const to = numbers.map((number) => target.open(number, { reads: false }));
      const sent = numbers.map(() => 0);
      for (let step = 0; step < 300; step++) {
        const at = dice.below(numbers.length);
        const size = dice.below(dice.pick([10, 2_000, 70_000, 400_000]));
        switch (dice.below(4)) {
          case 0:
            from[at]!.stream.send(new Uint8Array(size));
            sent[at]! += size;
            break;
          case 1:
            to[at]!.readAll();
            break;
          case 2:
            deliver(source, target, 1);
            break;
          default:
            deliver(target, source, 1);
        }
      }
      for (let round = 0; round < 200; round++) {
        for (const end of to) end.readAll();
        exchange(source, target);
      }
      assertEquals(to.map(({ bytes }) => bytes), sent, `seed ${seed}`);
      assertEquals(source.streams.queuedBytes, 0, `seed ${seed}`);
    }
  });
});

interface Side {
  readonly streams: RemoteStreams;
  drained: number;
  open(number: number, options?: { readonly reads: boolean }): End;
}

interface End {
  readonly stream: RemoteStream;
  readonly parts: string[];
  bytes: number;
  readAll(): void;
}

function pair(): { readonly source: Side; readonly target: Side } {
  return { source: side(true), target: side(false) };
}

function side(isNumbering: boolean): Side {
  const streams = new RemoteStreams({ isNumbering, onOutput: () => {} });
  const made: Side = {
    streams,
    drained: 0,
    open: (number, { reads } = { reads: true }) => {
      const unread: number[] = [];
      const parts: string[] = [];
      const end = { parts, bytes: 0 } as unknown as End & {
        stream: RemoteStream;
      };
      end.readAll = () => {
        for (const length of unread.splice(0)) end.stream.consumed(length);
      };
      end.stream = streams.open(number, {
        part: (bytes, more) => {
          end.bytes += bytes.length;
          if (bytes.length < 10) parts.push(bytes.join() + (more ? "+" : ""));
          else parts.push(more ? "+" : "");
          if (reads) end.stream.consumed(bytes.length);
          else unread.push(bytes.length);
        },
        drained: () => made.drained++,
        closed: () => parts.push("closed"),
      });
      return end;
    },
  };
  return made;
}

/** What one side has to send arrives. */
function deliver(from: Side, to: Side, framesMax = 1_000): void {
  for (let count = 0; count < framesMax; count++) {
    const frame = from.streams.nextFrame();
    if (!frame) return;
    to.streams.receive(frame);
  }
}

/** Everything arrives, both ways. */
function exchange(source: Side, target: Side): void {
  while (source.streams.hasOutput || target.streams.hasOutput) {
    deliver(source, target);
    deliver(target, source);
  }
}

/** A part as its header says, with so many bytes behind it. */
function part(stream: number, word: number, length: number): Uint8Array {
  const frame = new Uint8Array(PART_HEADER_BYTES + length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, stream, true);
  view.setUint32(4, word, true);
  return frame;
}
