// Everything that reads bytes of a peer, fed with bytes of chance: valid ones
// that were changed, and noise. It must end in what was meant, or in a
// `ProtocolError`; soon, and in bounded memory. MANTA_FUZZ_SECONDS says how
// long for each reader (0.2), MANTA_FUZZ_SEED with which seed (1).

import process from "node:process";
import { MantaError, ProtocolError } from "../../../runtime/base/errors.ts";
import { STREAM_WINDOW_BYTES } from "../../../runtime/base/limits.ts";
import { AttachedBytes } from "../../../runtime/protocol/attached_bytes.ts";
import {
  encodeFrame,
  joinFrame,
  readFrame,
} from "../../../runtime/protocol/frame_codec.ts";
import {
  checkHead,
  decodeUntrusted,
} from "../../../runtime/protocol/head_check.ts";
import {
  decodePacket,
  encodePacket,
} from "../../../runtime/protocol/session_packet.ts";
import {
  decodeValue,
  encodeValue,
  toPayload,
} from "../../../runtime/protocol/value_codec.ts";
import { RemoteLink } from "../../../runtime/transport/remote_link.ts";
import { ReliableSession } from "../../../runtime/transport/reliable_session.ts";
import { RemoteStreams } from "../../../runtime/transport/remote_streams.ts";
import { Dice } from "../../simulation/dice.ts";
import { assert, describe, it } from "../../support/harness.ts";
import {
  plainHooks,
  randomValue,
  seededRandom,
} from "../protocol/random_value.ts";

const FUZZ_MS = Number(process.env["MANTA_FUZZ_SECONDS"] ?? 0.2) * 1_000;
const SEED = Number(process.env["MANTA_FUZZ_SEED"] ?? 1);

/** One input must not take longer, on the slowest machine. */
const INPUT_MS_MAX = 2_000;
/** What a whole run may add to the process. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;
const INPUTS_PER_ROUND = 50;

describe("fuzzing", () => {
  it("the reader of heads", () => {
    fuzz(heads, (bytes) => {
      for (const message of decodeUntrusted(bytes).messages) {
        assert(typeof message.type === "string");
      }
    });
  });

  it("the reader of joined frames", () => {
    fuzz(joinedFrames, (bytes) => {
      // Joined frames travel inside a process only; counts are believed.
      const length = new DataView(bytes.buffer, bytes.byteOffset);
      if (bytes.length < 4) return void readFrame(bytes);
      checkHead(bytes.subarray(4, 4 + length.getUint32(0, true)));
      readFrame(bytes);
    });
  });

  it("the reader of packets, and the session behind it", () => {
    fuzz(packets, (bytes, dice) => {
      const session = new ReliableSession({
        epoch: 5,
        nowMs: 0,
        isChannelReliable: dice.chance(0.5),
      });
      session.handle({ type: "channel_opened" });
      const frame = new Uint8Array(3);
      session.handle({ type: "frame_queued", frame });
      const segment = decodePacket(bytes);
      session.handle({ type: "segment_received", segment });
      session.handle({ type: "clock_ticked", nowMs: 1_000 });
    });
  });

  it("the reader of parts, and the links behind it", () => {
    fuzz(frames, (bytes, dice) => {
      const streams = new RemoteStreams({
        isNumbering: dice.chance(0.5),
        onOutput: () => {},
      });
      const links = [0, 1, 2].map((number) => new RemoteLink(streams, number));
      for (const link of links) {
        if (dice.chance(0.3)) continue;
        link.start({ receive: () => {}, closed: () => {} });
      }
      try {
        for (let again = dice.below(3); again >= 0; again--) {
          streams.receive(bytes);
        }
      } finally {
        const answer = streams.nextFrame();
        assert((answer?.length ?? 0) <= STREAM_WINDOW_BYTES);
      }
    });
  });

  it("the reader of values", () => {
    const hooks = { ...plainHooks(), revive: (kind: string) => ({ kind }) };
    fuzz(values, (bytes, dice) => {
      decodeValue(bytes, hooks, { share: dice.chance(0.5) });
    }, MantaError);
  });
});

/** Feeds a reader until the time is over. */
function fuzz(
  makeValid: (dice: Dice) => Uint8Array,
  read: (bytes: Uint8Array, dice: Dice) => void,
  allowed: typeof ProtocolError | typeof MantaError = ProtocolError,
): void {
  const endMs = performance.now() + FUZZ_MS;
  const startBytes = process.memoryUsage().rss;
  for (let round = 0; round === 0 || performance.now() < endMs; round++) {
    const seed = SEED * 1_000_000 + round;
    const dice = new Dice(seed);
    for (let count = 0; count < INPUTS_PER_ROUND; count++) {
      const bytes = dice.chance(0.1) ? noise(dice) : makeValid(dice);
      const input = change(bytes, dice);
      const startMs = performance.now();
      try {
        read(input, dice);
      } catch (error) {
        if (!(error instanceof allowed)) throw failure(seed, input, error);
      }
      if (performance.now() - startMs > INPUT_MS_MAX) {
        throw failure(seed, input, new Error("It took too long"));
      }
    }
  }
  const grownBytes = process.memoryUsage().rss - startBytes;
  assert(grownBytes < GROWTH_BYTES_MAX, `It grew by ${grownBytes} bytes`);
}

function failure(seed: number, input: Uint8Array, cause: unknown): Error {
  const hex = input.subarray(0, 400).toHex();
  return new Error(`Seed ${seed}, ${input.length} bytes: ${hex}`, { cause });
}

/** Bytes that decoders stumble over: lengths, tags, signs. */
const ODD_BYTES = [0, 1, 0x7f, 0x80, 0x9f, 0xbf, 0xff, 0x1b, 0x5b, 0x9b, 0xd9];

function change(bytes: Uint8Array, dice: Dice): Uint8Array {
  let changed = bytes.slice();
  for (let n = dice.below(6); n > 0 && changed.length > 0; n--) {
    const at = dice.below(changed.length);
    switch (dice.below(5)) {
      case 0:
        changed[at]! ^= 1 << dice.below(8);
        break;
      case 1:
        changed[at] = dice.pick(ODD_BYTES);
        break;
      case 2:
        changed = changed.slice(0, at);
        break;
      case 3: {
        // A stretch stands twice, or not at all.
        const end = Math.min(changed.length, at + dice.below(40));
        const isTwice = dice.chance(0.5);
        changed = Uint8Array.from([
          ...changed.subarray(0, isTwice ? end : at),
          ...changed.subarray(isTwice ? at : end),
        ]);
        break;
      }
      default:
        for (let n = at; n < Math.min(at + 4, changed.length); n++) {
          changed[n] = 0xff;
        }
    }
  }
  return changed;
}

function noise(dice: Dice): Uint8Array {
  return Uint8Array.from({ length: dice.below(200) }, () => dice.below(256));
}

function messages(dice: Dice): readonly unknown[] {
  return Array.from({ length: 1 + dice.below(4) }, (_, n) => ({
    type: dice.pick(["task_push", "tasks_done", "x"]),
    numbers: [n, 2 ** 40, -1, 1.5],
    nested: { list: [[], {}, null, true], text: "ä".repeat(dice.below(30)) },
    ...(dice.chance(0.3) ? { p: new AttachedBytes(dice.below(9_000)) } : {}),
    ...(dice.chance(0.3) ? { b: new Uint8Array(dice.below(100)) } : {}),
  }));
}

function heads(dice: Dice): Uint8Array {
  return encodeFrame(messages(dice)).head.slice();
}

function joinedFrames(dice: Dice): Uint8Array {
  return joinFrame(encodeFrame(messages(dice)));
}

function packets(dice: Dice): Uint8Array {
  const hasFrame = dice.chance(0.6);
  return encodePacket({
    epoch: dice.pick([1, 5, 2 ** 40]),
    peerEpoch: dice.pick([0, 1, 5, 6]),
    sequence: hasFrame ? 1 + dice.below(300) : 0,
    ack: dice.below(3),
    ...(dice.chance(0.2) ? { probe: true } : {}),
    ...(dice.chance(0.1) ? { goodbye: true } : {}),
    ...(hasFrame ? { frame: new Uint8Array(dice.below(50)) } : {}),
  });
}

function frames(dice: Dice): Uint8Array {
  const streams = new RemoteStreams({ isNumbering: true, onOutput: () => {} });
  for (const number of [0, 1, 2]) {
    const link = new RemoteLink(streams, number);
    for (const message of messages(dice)) {
      link.send(message as { type: string });
    }
    link.flush();
    if (dice.chance(0.2)) link.close();
  }
  return streams.nextFrame()!.slice();
}

function values(dice: Dice): Uint8Array {
  const random = seededRandom(dice.below(2 ** 31));
  return toPayload(encodeValue(randomValue(random), "value", plainHooks()));
}
