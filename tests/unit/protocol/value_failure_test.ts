import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { SerializationError } from "../../../runtime/base/errors.ts";
import { VALUE_DEPTH_MAX } from "../../../runtime/base/limits.ts";
import { encodeValue } from "../../../runtime/protocol/value_codec.ts";
import { plainHooks, roundTrip } from "./random_value.ts";

/** The error of a value that cannot be serialised. */
function failureOf(
  value: unknown,
  root = "value",
  hooks = plainHooks(),
): SerializationError {
  return assertThrows(
    () => encodeValue(value, root, hooks),
    SerializationError,
  );
}

class Socket {
  port = 80;
}

describe("value codec: what cannot be sent", () => {
  it("says what it is and what to do instead", () => {
    const cases: [unknown, string][] = [
      [function square() {}, "the function square cannot be sent"],
      [() => 1, "wrap it in remote()"],
      [class Counter {}, "the class Counter cannot be sent"],
      [Symbol("s"), "a symbol cannot be sent"],
      [Promise.resolve(1), "Promise cannot be sent to another thread; await"],
      [new WeakMap(), "pass a Map"],
      [new WeakSet(), "pass a Set"],
      [new WeakRef({}), "deref()"],
      [new Socket(), "Socket, a class without a serializer; register"],
      [new (class extends Map {})(), "a class without a serializer"],
      [new (class Rows extends Array {})(), "an instance of Rows"],
      [new ReadableStream(), "read it first"],
      [new Blob(["x"]), "await blob.arrayBuffer()"],
      [new Response("x"), "await response.json()"],
      [new URL("http://localhost/"), "href"],
      [new AbortController().signal, "context().signal"],
      [[1].values(), "into an array"],
      [(function* () {})(), "into an array"],
    ];
    for (const [value, part] of cases) {
      const { message } = failureOf(value);
      assertStringIncludes(message, part);
      assertMatch(message, /^Cannot serialize value: /);
    }
  });

  it("says where it is", () => {
    const bad = Symbol("bad");
    const cases: [unknown, string][] = [
      [bad, "args[0]"],
      [{ socket: bad }, "args[0].socket"],
      [{ items: [1, 2, 3, { deep: bad }] }, "args[0].items[3].deep"],
      [{ "odd key": bad }, `args[0]["odd key"]`],
      [{ "": bad }, `args[0][""]`],
      [{ größe: bad }, "args[0].größe"],
      [new Map([["k", bad]]), `args[0].get("k")`],
      [new Map([[7, [bad]]]), "args[0].get(7)[0]"],
      [new Map<unknown, unknown>([["a", 1], [{}, bad]]), "args[0].values()[1]"],
      [new Map([[bad, 1]]), "args[0].keys()[0]"],
      [new Set([1, bad]), "args[0].values()[1]"],
      [new Error("e", { cause: { bad } }), "args[0].cause.bad"],
      [Object.assign(new Error("e"), { bad }), "args[0].bad"],
      [new AggregateError([1, bad]), "args[0].errors[1]"],
      [[, ...new Array(100), bad], "args[0][101]"],
    ];
    for (const [value, path] of cases) {
      const error = failureOf(value, "args[0]");
      assertStrictEquals(error.path, path);
      assertStringIncludes(error.message, `Cannot serialize ${path}: `);
    }
  });

  it("leaves out the middle of a long path", () => {
    let value: unknown = Symbol("bad");
    for (let i = 0; i < 500; i++) value = { child: value };

    const { path } = failureOf({ first: value });

    assert(path!.length < 500);
    assertMatch(path!, /^value\.first\.child.*….*child$/);
  });

  it("names the getter that threw, with what it threw as the cause", () => {
    const thrown = new TypeError("no connection");
    const value = {
      connection: {
        get state() {
          throw thrown;
        },
      },
    };

    const error = failureOf(value);

    assertStrictEquals(error.path, "value.connection.state");
    assertStrictEquals(error.cause, thrown);
    assertStringIncludes(error.message, "TypeError: no connection");
  });

  it("survives proxies that throw, and revoked ones", () => {
    const thrower = new Proxy({}, {
      getPrototypeOf() {
        throw new Error("not yours");
      },
    });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();

    assertStrictEquals(failureOf([thrower]).path, "value[0]");
    assertStrictEquals(failureOf([1, proxy]).path, "value[1]");
  });

  it("survives what throws while it is described", () => {
    class Odd {
      get [Symbol.toStringTag](): string {
        throw new Error("no tag");
      }
      static get name(): string {
        throw new Error("no name");
      }
    }
    const odd = () => {};
    Object.defineProperty(odd, "name", {
      get() {
        throw new Error("no name");
      },
    });

    assertStrictEquals(failureOf({ odd: new Odd() }).path, "value.odd");
    assertStrictEquals(failureOf({ odd }).path, "value.odd");
  });

  it("fails for pretenders of the language's classes", () => {
    const pretender = Object.create(Map.prototype);

    const error = failureOf({ pretender });

    assertStrictEquals(error.path, "value.pretender");
    assertInstanceOf(error.cause, TypeError);
  });

  it("fails for buffers that were transferred away", () => {
    const array = new Uint8Array(8);
    structuredClone(array, { transfer: [array.buffer] });

    assertStringIncludes(failureOf([array]).message, "transferred away");
    assertStringIncludes(failureOf(array.buffer).message, "transferred away");
  });

  it("fails for containers that change while they are read", () => {
    const map = new Map<unknown, unknown>();
    map.set(1, {
      get shrink() {
        map.delete(2);
        return 1;
      },
    });
    map.set(2, 2);

    assertStringIncludes(failureOf(map).message, "changed");
  });

  it("passes on what serialize() threw, and where its result fails", () => {
    const hooks = plainHooks();
    hooks.serializers.register(Socket, {
      name: "Socket",
      serialize: (socket) => {
        if (socket.port === 0) throw new RangeError("no port");
        return { port: socket.port, close() {} };
      },
      deserialize: () => new Socket(),
    });
    const broken = new Socket();
    broken.port = 0;

    const thrown = failureOf({ s: broken }, "value", hooks);
    const nested = failureOf({ s: new Socket() }, "value", hooks);

    assertStrictEquals(thrown.path, "value.s");
    assertInstanceOf(thrown.cause, RangeError);
    assertStrictEquals(nested.path, "value.s.serialize().close");
  });

  it("fails for a registered instance whose state leads back to it", () => {
    class Node {
      self: unknown = this;
    }
    const hooks = plainHooks();
    hooks.serializers.register(Node, {
      name: "Node",
      serialize: (node) => ({ self: node.self }),
      deserialize: () => new Node(),
    });

    const error = failureOf(new Node(), "value", hooks);

    assertStrictEquals(error.path, "value.serialize().self");
    assertStringIncludes(error.message, "refers back");
  });

  it("goes on after a failure as if nothing had been", () => {
    const good = { a: [1, { b: "x" }], big: new Uint8Array(5_000) };
    failureOf({ good, bytes: new Uint8Array(2_000), bad: Symbol("bad") });
    failureOf([[[[() => 1]]]]);

    assertEquals(roundTrip(good), good);
  });
});

describe("value codec: limits", () => {
  it("takes values as deep as the limit, and no deeper", () => {
    const wraps: ((value: unknown) => unknown)[] = [
      (value) => [value],
      (value) => ({ value }),
      (value) => new Map([[1, value]]),
      (value) => new Set([value]),
      (value) => new Error("", { cause: value }),
    ];
    for (const wrap of wraps) {
      let value: unknown = 1;
      for (let i = 0; i < VALUE_DEPTH_MAX; i++) value = wrap(value);

      roundTrip(value);
      const { message } = failureOf(wrap(value));
      assertStringIncludes(message, `deeper than ${VALUE_DEPTH_MAX} levels`);
    }
  });

  it("fails well when the caller left no stack", () => {
    const value = { a: [{ b: [{ c: [{}] }] }] };
    let outcome: unknown = "ok";
    function recurse(): void {
      try {
        recurse();
      } catch {
        try {
          encodeValue(value, "value", plainHooks());
        } catch (error) {
          outcome = error;
        }
      }
    }

    try {
      recurse();
    } catch {
      // No stack for the handler either; the next line is what counts.
    }

    assertEquals(roundTrip(value), value);
    assert(outcome === "ok" || outcome instanceof Error);
  });
});
