import { SessionCodec } from "../../runtime/session_codec.ts";
import { THREAD_SERIALIZERS } from "../../runtime/protocol/serializers.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

class Token {
  readonly hold = { kept: true };
}

class Sending {
  readonly send: () => void;

  constructor(send: () => void) {
    this.send = send;
  }
}

function newCodec(): SessionCodec {
  return new SessionCodec({
    token: {
      write: (object) =>
        object instanceof Token ? { value: 1, holds: object.hold } : undefined,
      read: () => new Token(),
    },
  });
}

describe("SessionCodec", () => {
  it("names what a value holds, each once", () => {
    const token = new Token();

    const { contained } = newCodec().encode([token, { token }], "value");

    assertEquals(contained.length, 1);
    assertEquals(contained[0] === token.hold, true);
  });

  it("keeps apart values that are encoded within another", () => {
    const codec = newCodec();
    const [first, inner, last] = [new Token(), new Token(), new Token()];
    THREAD_SERIALIZERS.register(Sending, {
      name: "Sending",
      serialize: ({ send }) => send(),
      deserialize: () => new Sending(() => {}),
    });
    let within: readonly object[] = [];
    const sending = new Sending(() => {
      within = codec.encode(inner, "inner").contained;
    });

    const { contained } = codec.encode([first, sending, last], "value");

    assertEquals(within, [inner.hold]);
    assertEquals(contained.length, 2);
    assertEquals(contained[0] === first.hold, true);
    assertEquals(contained[1] === last.hold, true);
  });
});
