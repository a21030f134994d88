import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { SerializerRegistry } from "../../../runtime/protocol/serializers.ts";

class Point {
  x = 1;
}
class OtherPoint {
  x = 2;
}

function serializer(name: string) {
  return {
    name,
    serialize: (object: object) => ({ ...object }),
    deserialize: (state: object) => state,
  };
}

describe("SerializerRegistry", () => {
  it("finds a class by its prototype and by its name", () => {
    const registry = new SerializerRegistry();

    registry.register(Point, serializer("Point"));

    const entry = registry.findByName("Point")!;
    assertStrictEquals(entry.prototype, Point.prototype);
    assertStrictEquals(registry.findByPrototype(Point.prototype), entry);
    assertEquals(entry.serialize(new Point()), { x: 1 });
    assertStrictEquals(registry.findByName("Other"), undefined);
  });

  it("takes the same class again", () => {
    const registry = new SerializerRegistry();

    registry.register(Point, serializer("Point"));
    registry.register(Point, serializer("Point"));

    assertStrictEquals(
      registry.findByPrototype(Point.prototype),
      registry.findByName("Point"),
    );
  });

  it("replaces another class under a taken name", () => {
    const registry = new SerializerRegistry();

    registry.register(Point, serializer("Point"));
    registry.register(OtherPoint, serializer("Point"));

    assertStrictEquals(registry.findByPrototype(Point.prototype), undefined);
    assertStrictEquals(
      registry.findByName("Point")?.prototype,
      OtherPoint.prototype,
    );
  });

  it("prefers a scope's own class and falls back to the parent's", () => {
    const root = new SerializerRegistry();
    const bundle = root.scope("hash-1");
    root.register(Point, serializer("Point"));
    bundle.register(OtherPoint, serializer("Point"));

    assertStrictEquals(
      bundle.findByName("Point")?.prototype,
      OtherPoint.prototype,
    );
    assertStrictEquals(
      bundle.findByPrototype(Point.prototype)?.prototype,
      Point.prototype,
    );
    assertStrictEquals(root.findByName("Point")?.prototype, Point.prototype);
    // Instances go anywhere: who writes one need not know its bundle.
    assertStrictEquals(
      root.findByPrototype(OtherPoint.prototype)?.prototype,
      OtherPoint.prototype,
    );
    assertStrictEquals(root.scope("hash-1"), bundle);
    assertStrictEquals(
      root.scope("hash-2").findByName("Point")?.prototype,
      Point.prototype,
    );
  });

  it("says what is wrong with a registration", () => {
    const registry = new SerializerRegistry();
    const register = registry.register.bind(registry) as (
      registered: unknown,
      serializer?: unknown,
    ) => void;
    const good = serializer("Point");
    const cases: [unknown, unknown, string][] = [
      [undefined, good, "must be a class, got undefined"],
      [() => 1, good, "must be a class, got function"],
      [Map, good, "serialized as they are"],
      [Point, null, "{ name, serialize, deserialize }, got null"],
      [Point, { ...good, name: "" }, "an empty string"],
      [Point, { ...good, name: 5 }, `"name" must be a string`],
      [Point, { ...good, serialize: 1 }, `"serialize" must be a function`],
      [Point, { name: "P", serialize() {} }, `"deserialize" must be`],
    ];
    for (const [registered, wrong, message] of cases) {
      assertThrows(() => register(registered, wrong), TypeError, message);
    }
  });
});
