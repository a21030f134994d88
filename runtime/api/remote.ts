// `remote()`: the way from a plain function or class to a remote one. Only
// notes where the code stands; it is looked at when it is first called.

import type {
  ActorClass,
  AnyClass,
  MethodOptionsOf,
  NoMethodOptions,
} from "./actor_types.ts";
import { actorClassParts, makeActorClass } from "./actor_class.ts";
import { functionKind } from "./function_kind.ts";
import type { AnyFunction, RemoteFunction } from "./function_types.ts";
import { shown } from "./option_checks.ts";
import type { ActorOptions, TaskOptions } from "./option_types.ts";
import { makeRemoteFunction, remoteFunctionParts } from "./remote_function.ts";
import { apiWiring, type ShippableCode } from "./session_port.ts";

/** Makes a class remote: its instances are actors. */
export function remote<C extends AnyClass>(Class: C): ActorClass<C>;
/** Makes a function remote: its calls are tasks. */
export function remote<F extends AnyFunction>(fn: F): RemoteFunction<F>;
/** Makes a class remote, with options. */
export function remote<
  C extends AnyClass,
  const M extends MethodOptionsOf<InstanceType<C>> = NoMethodOptions,
>(options: ActorOptions<M>, Class: C): ActorClass<C, M>;
/**
 * Makes a function or class remote. The function or class itself stays as it
 * is, and is found as `.local`.
 *
 * @param options Defaults for the calls or actors; `.options()` overrides them.
 * @param fn The function or class, as it stands in the file: what it uses of
 * its module is shipped with it.
 * @throws {TypeError} If no function or class is given, or an option is
 * unknown or has the wrong type.
 * @throws {RangeError} If an option is out of range.
 *
 * @example A function and a class
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const square = remote(function square(x: number) {
 *   return x * x;
 * });
 * const Counter = remote({ maxRestarts: 1 }, class Counter {
 *   #n = 0;
 *   increment() {
 *     return ++this.#n;
 *   }
 * });
 * console.log(await get([square.remote(3), Counter.remote().increment.remote()]));
 * ```
 */
export function remote<F extends AnyFunction, const N extends number = 1>(
  options: TaskOptions<N>,
  fn: F,
): RemoteFunction<F, N>;
export function remote(first: unknown, second?: unknown): unknown {
  return makeRemote(first, second, (target) => apiWiring().captureCode(target));
}

/** `remote()` for code whose whereabouts are known in another way. */
export function makeRemote(
  first: unknown,
  second: unknown,
  capture: (target: unknown) => ShippableCode,
): unknown {
  const withOptions = typeof first === "object" && first !== null;
  const target = withOptions ? second : first;
  const options = withOptions ? first : {};
  if (!withOptions && second !== undefined) {
    throw new TypeError(
      `remote() takes options first, then the function or class; got ` +
        `${shown(first)}, then ${shown(second)}`,
    );
  }
  if (typeof target !== "function") {
    throw new TypeError(
      `remote() takes a function or a class, got ${shown(target)}`,
    );
  }
  refuseRemote(target);
  const code = capture(target);
  if (isClass(target)) {
    return makeActorClass({
      target: target as AnyClass,
      code,
      options: options as ActorOptions,
    });
  }
  return makeRemoteFunction({
    target: target as AnyFunction,
    code,
    kind: functionKind(target),
    options: options as TaskOptions,
  });
}

function refuseRemote(target: object): void {
  if (remoteFunctionParts(target) || actorClassParts(target)) {
    throw new TypeError(
      "remote() was given what is remote already. Use .options() to change " +
        "its options",
    );
  }
  const parent = actorClassParts(Object.getPrototypeOf(target));
  if (!parent) return;
  const name = parent.target.name;
  throw new TypeError(
    `Cannot make a class remote that extends the remote class ${name}: ` +
      `extend ${name}.local, the plain class`,
  );
}

/** Classes cannot be called; a constructor function can, and is a function. */
function isClass(target: object): boolean {
  const prototype = Object.getOwnPropertyDescriptor(target, "prototype");
  return prototype !== undefined && prototype.writable === false;
}
