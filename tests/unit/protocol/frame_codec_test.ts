import { ProtocolError } from "../../../runtime/base/errors.ts";
import { ATTACHMENT_BYTES_MAX } from "../../../runtime/base/limits.ts";
import { AttachedBytes } from "../../../runtime/protocol/attached_bytes.ts";
import {
  decodeFrame,
  encodeFrame,
  joinFrame,
  readFrame,
  returnAttachment,
} from "../../../runtime/protocol/frame_codec.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

describe("a frame", () => {
  it("keeps messages and their order", () => {
    const messages = [{ type: "a", n: 1 }, { type: "b", list: [true, null] }];

    assertEquals([...readFrame(joinFrame(encodeFrame(messages)))], messages);
  });

  it("carries attached bytes beside its head, uncopied", () => {
    const large = new AttachedBytes(100_000).fill(7);

    const { head, attachments } = encodeFrame([{ type: "a", p: large }]);

    assert(head.length < 100);
    assert(attachments[0] === large);
  });

  it("fills memory that was given back, once", () => {
    const large = new AttachedBytes(ATTACHMENT_BYTES_MAX);
    const many = Array.from({ length: 16 }, () => large);
    // Other tests of the process may have given all back that is kept.
    decodeFrame(encodeFrame([{ type: "a", many }]).head.slice());
    const { head } = encodeFrame([{ type: "a", p: large, q: large }]);
    const head2 = head.slice();

    returnAttachment(large);
    const { attachments } = decodeFrame(head2);

    assert(attachments[0] === large);
    assert(attachments[1] !== large);
    assertEquals(attachments[1]!.length, ATTACHMENT_BYTES_MAX);
  });

  it("gives attached and plain bytes back where they were", () => {
    const messages = [{
      type: "a",
      list: [
        new AttachedBytes(5000).fill(1),
        Uint8Array.of(2, 3),
        new AttachedBytes(0),
        new AttachedBytes(6000).fill(4),
      ],
    }];

    const [message] = readFrame(joinFrame(encodeFrame(messages)));

    const { list } = message as unknown as { list: Uint8Array[] };
    assertEquals(list.map((bytes) => bytes.length), [5000, 2, 0, 6000]);
    assertEquals(list.map((bytes) => bytes.at(-1)), [1, 3, undefined, 4]);
  });

  it("forgets attachments of a frame that cannot be read", () => {
    const { head } = encodeFrame([{ type: "a", p: new AttachedBytes(9) }]);
    const broken = head.slice(0, -1).slice();

    assertThrows(() => decodeFrame(broken), ProtocolError);
    assertEquals(encodeFrame([{ type: "b" }]).attachments.length, 0);
  });

  it("refuses attached bytes that are longer than allowed", () => {
    const bytes = new AttachedBytes(ATTACHMENT_BYTES_MAX + 1);
    const { head } = encodeFrame([{ type: "a", bytes }]);

    assertThrows(() => decodeFrame(head), ProtocolError, "at most");
  });

  for (
    const [what, change] of [
      ["is empty", () => new Uint8Array(0)],
      ["ends in its head", (joined) => joined.slice(0, 6)],
      ["ends in its attachments", (joined) => joined.slice(0, -1)],
      ["has bytes behind it", (joined) => Uint8Array.of(...joined, 0)],
    ] as [string, (joined: Uint8Array) => Uint8Array][]
  ) {
    it(`is a ProtocolError if it ${what}`, () => {
      const bytes = new AttachedBytes(4096);
      const joined = joinFrame(encodeFrame([{ type: "a", bytes }]));

      assertThrows(() => readFrame(change(joined)), ProtocolError);
    });
  }

  it("is a ProtocolError if it is no list of messages", () => {
    for (const content of [1, [1], [{ n: 1 }], { type: "a" }]) {
      const { head } = encodeFrame(content as never);
      assertThrows(() => decodeFrame(head), ProtocolError);
    }
  });
});
