import {
  GetTimeoutError,
  ObjectLostError,
} from "../../../runtime/base/errors.ts";
import type { ObjectRef } from "../../../runtime/owner/object_ref.ts";
import { Reading, type WaitScope } from "../../../runtime/owner/waiting.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import {
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../../support/harness.ts";
import { OTHER, OwnerFixture } from "./owner_fixture.ts";

describe("Reading", () => {
  it("gives values in the order of their refs, doubles included", async () => {
    const { reading, refs, settle, scope } = make(2);

    const values = reading.getAll(
      [refs[1]!, refs[0]!, refs[1]!],
      undefined,
      scope,
    );
    settle(0, "a");
    settle(1, "b");

    assertEquals(await values, ["b", "a", "b"]);
  });

  it("rejects at the first failure, without waiting for the rest", async () => {
    const { fixture, reading, refs, scope } = make(2);

    const values = reading.getAll(refs, undefined, scope);
    fixture.owner.references.fail(refs[1]!, encodeError(new RangeError("no")));

    await assertRejects(values, RangeError, "no");
    assertEquals(refs[0]!.waiters, undefined);
  });

  it("rejects when the time is over, with what was missing", async () => {
    const { fixture, reading, refs, scope, settle } = make(2);

    const values = reading.getAll(refs, 30, scope);
    settle(0, 1);
    fixture.timers[0]!.callback();

    await assertRejects(values, GetTimeoutError, "1 of 2");
  });

  it("never waits when the timeout is 0", async () => {
    const { fixture, reading, refs, scope } = make(1);

    const value = reading.getOne(refs[0]!, 0, scope);

    await assertRejects(value, GetTimeoutError);
    assertEquals(fixture.timers.length, 0);
  });

  it("asks the owner for what is borrowed", async () => {
    const { fixture, reading, scope } = make(0);
    const ref = fixture.owner.references.importRef([OTHER, 3]);

    const value = reading.getOne(ref, undefined, scope);
    const asked = fixture.takeSent("object_wanted");
    const message = {
      type: "object_value",
      number: 3,
      value: { v: 6 },
    } as const;
    fixture.receive(message, OTHER);

    assertEquals(asked.length, 1);
    assertEquals(await value, 6);
  });

  it("refuses a ref that was given up", async () => {
    const { reading, refs, scope, settle } = make(1);
    settle(0, 1);
    refs[0]![Symbol.dispose]();

    const value = reading.getOne(refs[0]!, undefined, scope);

    await assertRejects(value, ObjectLostError, "disposed of");
  });

  it("resolves once so many have an outcome, failed ones included", async () => {
    const { fixture, reading, refs, scope, settle } = make(3);
    const limits = { count: 2, timeoutMs: undefined, stopAtFailure: false };

    const waited = reading.waitFor(refs, limits, scope);
    fixture.owner.references.fail(refs[2]!, encodeError(new Error("no")));
    settle(0, 1);
    await waited;

    assertEquals(refs.map(({ state }) => state), [
      "primitive",
      "pending",
      "failed",
    ]);
    assertEquals(refs[1]!.waiters, undefined);
  });

  it("tells its scope when a wait begins and ends", async () => {
    const { reading, refs, scope, steps, settle } = make(1);
    settle(0, 1);
    await reading.getOne(refs[0]!, undefined, scope);
    const ready = [...steps];

    const { refs: [pending], ...other } = make(1);
    const value = other.reading.getOne(pending!, undefined, other.scope);
    other.settle(0, 1);
    await value;

    assertEquals(ready, []);
    assertEquals(other.steps, ["before", "begin", "end"]);
  });

  it("rejects when its scope is aborted, and waits no more", async () => {
    const { reading, refs, scope, abort, steps } = make(1);

    const value = reading.getOne(refs[0]!, undefined, scope);
    abort(new RangeError("cancelled"));

    await assertRejects(value, RangeError, "cancelled");
    assertEquals(steps.at(-1), "end");
    assertEquals(refs[0]!.waiters, undefined);
  });
});

function make(count: number) {
  const fixture = new OwnerFixture();
  const { references } = fixture.owner;
  const controller = new AbortController();
  const steps: string[] = [];
  const scope: WaitScope = {
    before: () => void steps.push("before"),
    begin: () => void steps.push("begin"),
    end: () => void steps.push("end"),
    signal: controller.signal,
  };
  const reading = new Reading({
    references,
    codec: {
      encode: (value, root) => fixture.codec.encode(value, root),
      decode: (bytes, share, source) =>
        fixture.codec.decode(bytes, share, source),
      encodeError: (error) => fixture.codec.encodeError(error),
      decodeError: (error) => fixture.codec.decodeError(error),
    },
    store: { open: () => Promise.reject(new Error("not faked")) },
    timers: {
      after: (delayMs, callback) => {
        fixture.timers.push({ delayMs, callback });
        return () => {};
      },
    },
  });
  const refs: ObjectRef[] = Array.from(
    { length: count },
    () => references.create(),
  );
  const settle = (at: number, v: string | number) =>
    references.settle(refs[at]!, { v });
  const abort = (reason: Error) => controller.abort(reason);
  return { fixture, reading, refs, settle, scope, steps, abort };
}
