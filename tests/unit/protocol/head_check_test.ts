import { ProtocolError } from "../../../runtime/base/errors.ts";
import { MESSAGE_DEPTH_MAX } from "../../../runtime/base/limits.ts";
import { AttachedBytes } from "../../../runtime/protocol/attached_bytes.ts";
import { encodeFrame } from "../../../runtime/protocol/frame_codec.ts";
import { checkHead } from "../../../runtime/protocol/head_check.ts";
import { assertThrows, describe, it } from "../../support/harness.ts";

describe("checkHead", () => {
  it("lets all that messages consist of pass", () => {
    checkHead(
      encodeFrame([{
        type: "a",
        list: [0, 23, 24, 300, 70_000, 2 ** 40, -1, -300, 1.5, 1e300, NaN],
        flags: [true, false, null, undefined],
        text: "ä".repeat(300),
        bytes: new Uint8Array(300),
        beside: new AttachedBytes(5_000),
        nested: { a: [{ b: [[]] }] },
      }]).head,
    );
  });

  const refused: readonly [string, number[]][] = [
    ["nothing", []],
    ["bytes behind its end", [0x80, 0x80]],
    ["a list that claims 4 G items", [0x9a, 0xff, 0xff, 0xff, 0xff]],
    ["a map that claims more than there is", [0xa3, 1, 2]],
    ["bytes of 4 GB", [0x5a, 0xff, 0xff, 0xff, 0xff, 0]],
    ["2^64 - 1 bytes", [0x5b, 255, 255, 255, 255, 255, 255, 255, 255]],
    ["a length without end", [0x9f, 1, 0xff]],
    ["a break", [0xff]],
    ["a reserved length", [0x1c]],
    ["an unknown simple value", [0xe0]],
    ["a float that is cut off", [0xfb, 0, 0]],
    ["an object by name (tag 27)", [0xd8, 27, 0x82, 0x61, 0x61, 0]],
    ["a date", [0xc1, 0]],
    ["bytes beside it of 2 MiB", [0xd9, 0xea, 0x6b, 0x1a, 0, 0x20, 0, 0]],
    ["bytes beside it with no number", [0xd9, 0xea, 0x6b, 0x60]],
    ["too many levels", new Array(MESSAGE_DEPTH_MAX + 2).fill(0x81)],
  ];
  for (const [name, bytes] of refused) {
    it(`refuses ${name}`, () => {
      assertThrows(() => checkHead(Uint8Array.from(bytes)), ProtocolError);
    });
  }

  it("refuses many bytes beside it that are few each", () => {
    const one = [0xd9, 0xea, 0x6b, 0x1a, 0, 0x10, 0, 0];
    const many = Array.from({ length: 200 }, () => one).flat();

    const head = Uint8Array.from([0x98, 200, ...many]);

    assertThrows(() => checkHead(head), ProtocolError, "too many");
  });
});
