import { INLINE_VALUE_BYTES_MAX } from "../../../runtime/base/limits.ts";
import {
  completeArguments,
  prepareArguments,
} from "../../../runtime/owner/arguments.ts";
import type { ObjectRef } from "../../../runtime/owner/object_ref.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { OWNER, OwnerFixture } from "./owner_fixture.ts";

describe("prepareArguments", () => {
  it("sends primitives as they are, and nothing for none", () => {
    const { prepare } = make();

    assertEquals(prepare([1, "a", null]), { wire: [1, "a", null] });
    assertEquals(prepare([]), { wire: null });
  });

  it("takes a value over at once: later changes are not seen", () => {
    const { prepare, fixture } = make();
    const value = { a: 1 };

    const { wire } = prepare([value, 2]);
    value.a = 9;

    const [first] = fixture.codec.decode(wire as Uint8Array, false) as [
      unknown,
    ];
    assertEquals(first, { a: 1 });
  });

  it("names refs among the arguments, which must be had first", () => {
    const { prepare, references } = make();
    const ref = references.create();

    const prepared = prepare([ref, { b: 2 }, 3]);
    references.settle(ref, { v: "x" });
    const complete = completeArguments(prepared.parts!);

    assertEquals(prepared.dependencies, [ref]);
    const { parts } = complete as { parts: readonly object[] };
    assertEquals([parts[0], parts[2]], [{ v: "x" }, { v: 3 }]);
    assert("p" in parts[1]!);
  });

  it("names refs inside values, which stay refs", () => {
    const { prepare, references } = make();
    const ref = references.create();

    const prepared = prepare([{ inside: [ref] }]);

    assertEquals(prepared.contained, [ref]);
    assertEquals(prepared.dependencies, undefined);
  });

  it("stores a large argument, and the small ones beside it not", () => {
    const { prepare, references, stored } = make();

    const large = new Uint8Array(INLINE_VALUE_BYTES_MAX + 1);
    const prepared = prepare([large, { a: 1 }]);
    const [ref] = stored;
    references.settle(ref!, { o: [OWNER, ref!.number] });
    const complete = completeArguments(prepared.parts!);

    assertEquals(prepared.dependencies, [ref]);
    const { parts } = complete as { parts: readonly object[] };
    assertEquals(parts[0], { o: [OWNER, ref!.number] });
    assert("p" in parts[1]!);
  });
});

function make() {
  const fixture = new OwnerFixture();
  const { references } = fixture.owner;
  const stored: ObjectRef[] = [];
  const prepare = (args: readonly unknown[]) =>
    prepareArguments(args, fixture.codec, () => {
      const ref = references.create();
      stored.push(ref);
      return ref;
    });
  return { fixture, references, stored, prepare };
}
