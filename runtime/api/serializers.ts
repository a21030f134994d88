// How users make instances of their classes serialisable, in this thread and
// in the bundles that contain the registration.

import { THREAD_SERIALIZERS } from "../protocol/serializers.ts";
import type { AnyClass } from "./actor_types.ts";
import type { Serializer } from "./ref_types.ts";

/**
 * Makes instances of a class serialisable: they keep their class in arguments,
 * results and objects. Said at the top level of a module, it holds in the
 * tasks that use the module, too.
 *
 * @param Class The class itself; subclasses are registered on their own.
 * @param serializer Its name on the wire, and how an instance is taken apart
 * and put together.
 * @throws {TypeError} If no class is given, or a part of the serializer is
 * missing.
 *
 * @example
 * ```ts ignore
 * import { get, put, registerSerializer } from "manta";
 *
 * class Point {
 *   constructor(readonly x: number, readonly y: number) {}
 * }
 * registerSerializer(Point, {
 *   name: "Point",
 *   serialize: ({ x, y }) => [x, y],
 *   deserialize: ([x, y]) => new Point(x, y),
 * });
 * console.log(await get(await put(new Point(1, 2))) instanceof Point); // true
 * ```
 */
export function registerSerializer<C extends AnyClass, D>(
  Class: C,
  serializer: Serializer<InstanceType<C>, D>,
): void {
  THREAD_SERIALIZERS.register(
    Class as unknown as new () => object,
    serializer as Serializer<object>,
  );
}
