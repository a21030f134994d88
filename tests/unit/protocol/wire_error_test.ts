import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import {
  ActorDiedError,
  ERROR_CLASSES,
  ObjectLostError,
  ProtocolError,
  TaskError,
} from "../../../runtime/base/errors.ts";
import {
  ERROR_DEPTH_MAX,
  ERROR_PARTS_MAX,
  ERROR_TEXT_CHARACTERS_MAX,
} from "../../../runtime/base/limits.ts";
import {
  encodeFrame,
  joinFrame,
  readFrame,
} from "../../../runtime/protocol/frame_codec.ts";
import { SerializerRegistry } from "../../../runtime/protocol/serializers.ts";
import {
  decodeError,
  decodeThrown,
  encodeError,
  type WireError,
} from "../../../runtime/protocol/wire_error.ts";

/** Sends an error through a frame, as links do. */
function transmit(wire: WireError): unknown {
  const frame = encodeFrame([{ type: "failed", error: wire }]);
  const [message] = readFrame(joinFrame(frame)) as unknown as [
    { error: unknown },
  ];
  return message.error;
}

function roundTrip(thrown: unknown): unknown {
  return decodeThrown(transmit(encodeError(thrown)));
}

type Fields = Record<string, unknown>;

describe("wire errors: classes", () => {
  it("keeps each of Manta's classes, its code and its fields", () => {
    for (const errorClass of ERROR_CLASSES.values()) {
      const error = new errorClass("it failed", { details: { nodeId: "n-1" } });

      const copy = roundTrip(error) as Error & Fields;

      assertStrictEquals(copy.constructor, errorClass);
      assertStrictEquals(copy["code"], error.code);
      assertStrictEquals(copy["retryable"], error.retryable);
      assertStrictEquals(copy["nodeId"], "n-1");
      assertStrictEquals(copy.name, error.name);
      assertStrictEquals(copy.message, "it failed");
      assertStrictEquals(copy.stack, error.stack);
    }
  });

  it("keeps the language's classes", () => {
    const errors = [
      new Error("m"),
      new TypeError("m"),
      new RangeError("m"),
      new SyntaxError("m"),
      new ReferenceError("m"),
      new URIError("m"),
      new EvalError("m"),
      new DOMException("m", "DataCloneError"),
      new AggregateError([new TypeError("part"), "text"], "m"),
    ];
    for (const error of errors) {
      const copy = roundTrip(error) as Error;

      assertStrictEquals(copy.constructor, error.constructor);
      assertStrictEquals(copy.name, error.name);
      assertStrictEquals(copy.message, "m");
      assertStrictEquals(copy.stack, error.stack);
    }
    const { errors: parts } = roundTrip(errors.at(-1)) as AggregateError;
    assertInstanceOf(parts[0], TypeError);
    assertStrictEquals(parts[1], "text");
  });

  it("makes other classes plain, with name and fields", () => {
    class HttpError extends Error {
      override name = "HttpError";
      status = 404;
      headers = new Map([["a", "b"]]);
    }

    const copy = roundTrip(new HttpError("gone")) as Error & Fields;

    assertStrictEquals(copy.constructor, Error);
    assertStrictEquals(String(copy), "HttpError: gone");
    assertStrictEquals(copy["status"], 404);
    assertEquals(copy["headers"], new Map([["a", "b"]]));
  });

  it("keeps registered classes where they are registered", () => {
    class QuotaError extends Error {
      limit: number;
      constructor(message: string, limit: number) {
        super(message);
        this.name = "QuotaError";
        this.limit = limit;
      }
    }
    const serializers = new SerializerRegistry();
    serializers.register(QuotaError, {
      name: "QuotaError",
      serialize: ({ message, limit }) => ({ message, limit }),
      deserialize: ({ message, limit }) => new QuotaError(message, limit),
    });
    const error = new QuotaError("too much", 5);
    error.cause = new TypeError("inner");
    const wire = transmit(encodeError(error, { serializers }));

    const copy = decodeError(wire, { serializers }) as QuotaError;
    const plain = decodeError(wire) as Error & Fields;

    assertInstanceOf(copy, QuotaError);
    assertStrictEquals(copy.limit, 5);
    assertStrictEquals(copy.stack, error.stack);
    assertInstanceOf(copy.cause, TypeError);
    assertStrictEquals(plain.constructor, Error);
    assertStrictEquals(String(plain), "QuotaError: too much");
    assertMatch(String(plain["omittedFields"]), /QuotaError.*not registered/);
  });
});

describe("wire errors: causes", () => {
  it("keeps chains of causes of any class", () => {
    const error = new TaskError("task failed", {
      cause: new ActorDiedError("died", { cause: new RangeError("root") }),
    });

    const copy = roundTrip(error) as TaskError;

    assertInstanceOf(copy.cause, ActorDiedError);
    assertInstanceOf(copy.cause.cause, RangeError);
    assert(!Object.keys(copy).includes("cause"));
  });

  it("keeps thrown values that are no errors", () => {
    for (const thrown of ["x", null, undefined, 0, 5n, { a: [1] }, [NaN]]) {
      assertEquals(roundTrip(thrown), thrown);
      const wrapped = roundTrip(new TaskError("t", { cause: thrown }));
      assert(Object.hasOwn(wrapped as Error, "cause"));
      assertEquals((wrapped as Error).cause, thrown);
      const asError = decodeError(transmit(encodeError(thrown)));
      assertInstanceOf(asError, Error);
      assertEquals(asError.cause, thrown);
    }
  });

  it("describes thrown values that cannot be sent", () => {
    const copy = roundTrip(() => 1) as Error & Fields;

    assertInstanceOf(copy, Error);
    assertMatch(copy.message, /Thrown was a function/);
    assertMatch(String(copy["omittedFields"]), /remote\(\)/);
  });

  it("ends cycles and chains without end with a note", () => {
    const loop = new Error("loop");
    loop.cause = new Error("second", { cause: loop });
    let chain = new Error("0");
    for (let i = 0; i < 100; i++) chain = new Error(`${i}`, { cause: chain });
    const many = new AggregateError(
      Array.from({ length: 1_000 }, () => new Error("part")),
    );

    const copies = [loop, chain, many].map((error) => roundTrip(error));

    const [looped, chained, several] = copies as [Error, Error, AggregateError];
    const second = looped.cause as Error & Fields;
    assertEquals(second["omittedFields"], [
      "cause: it leads back to the error itself",
    ]);
    let depth = 0;
    for (let at: unknown = chained; at instanceof Error; at = at.cause) depth++;
    assertStrictEquals(depth, ERROR_DEPTH_MAX);
    assert(several.errors.length < ERROR_PARTS_MAX);
    assertMatch(
      String((several as unknown as Fields)["omittedFields"]),
      /more than \d+ parts/,
    );
  });
});

describe("wire errors: whatever was thrown", () => {
  it("leaves out fields that cannot be sent, with a note", () => {
    const error = Object.assign(new TypeError("t"), {
      good: 1,
      socket: () => {},
      huge: new Uint8Array(10_000_000),
    });
    Object.defineProperty(error, "bad", {
      enumerable: true,
      get() {
        throw new Error("no");
      },
    });

    const copy = roundTrip(error) as TypeError & Fields;

    assertInstanceOf(copy, TypeError);
    assertStrictEquals(copy["good"], 1);
    const notes = copy["omittedFields"] as string[];
    assertEquals(notes.map((note) => note.split(":")[0]), [
      "socket",
      "huge",
      "bad",
    ]);
  });

  it("survives errors that defend themselves", () => {
    const odd = new Error("m");
    for (const key of ["name", "message", "stack", "cause"]) {
      Object.defineProperty(odd, key, {
        get() {
          throw new Error(`no ${key}`);
        },
      });
    }
    const { proxy, revoke } = Proxy.revocable(new Error("p"), {});
    revoke();
    const thrower = { toString: () => Symbol("odd") };
    const named = Object.assign(new Error("x"), { name: thrower });

    for (const thrown of [odd, proxy, thrower, named, Symbol("s"), () => 1]) {
      assertInstanceOf(decodeError(transmit(encodeError(thrown))), Error);
    }
  });

  it("cuts texts that are too long", () => {
    const length = ERROR_TEXT_CHARACTERS_MAX * 3;
    const copy = roundTrip(new Error("x".repeat(length))) as Error;

    assert(copy.message.length < ERROR_TEXT_CHARACTERS_MAX + 50);
    assertMatch(copy.message, /… \(\d+ more characters\)$/);
  });

  it("keeps field names that mean something to the language", () => {
    const error = new Error("m");
    Object.defineProperty(error, "__proto__", { value: 5, enumerable: true });

    const copy = roundTrip(error) as Error;

    assertInstanceOf(copy, Error);
    assertEquals(Object.keys(copy), ["__proto__"]);
  });
});

describe("wire errors: untrusted bytes", () => {
  it("are a ProtocolError unless they are an error", () => {
    const good = encodeError(new ObjectLostError("lost"));
    let deep: unknown = good;
    for (let i = 0; i < 50; i++) deep = { ...good, cause: deep };
    const wrong: unknown[] = [
      null,
      "text",
      {},
      { ...good, kind: "strange" },
      { ...good, className: "no_such_code" },
      { ...good, message: 5 },
      { ...good, stack: undefined },
      { ...good, kind: "value" },
      { ...good, kind: "value", state: new Uint8Array([0xff]) },
      { ...good, fields: [["a"]] },
      { ...good, fields: [["a", new Uint8Array([0x9f])]] },
      { ...good, fields: { a: 1 } },
      { ...good, omitted: [1] },
      { ...good, errors: 5 },
      { ...good, errors: new Array(10_000).fill(good) },
      { ...good, cause: "text" },
      deep,
    ];
    for (const wire of wrong) {
      assertThrows(() => decodeError(wire), ProtocolError);
    }
  });
});
