// What kind of function a function is, as far as calling it remotely depends
// on it. Looks at the function itself, never at its text.

/** A generator's call gives a stream of refs, any other's a result. */
export type FunctionKind = "plain" | "generator";

const GENERATOR_PROTOTYPE = Object.getPrototypeOf(function* () {});
const ASYNC_GENERATOR_PROTOTYPE = Object.getPrototypeOf(async function* () {});

/** Whether `fn` was written as a generator, sync or async. */
export function functionKind(fn: unknown): FunctionKind {
  if (typeof fn !== "function") return "plain";
  const prototype = Object.getPrototypeOf(fn);
  return prototype === GENERATOR_PROTOTYPE ||
      prototype === ASYNC_GENERATOR_PROTOTYPE
    ? "generator"
    : "plain";
}

/**
 * The public methods of a class by name, inherited ones included: functions
 * on its prototypes. Getters are not run, and neither they nor fields count.
 */
export function methodsOf(
  Class: abstract new (...args: never[]) => unknown,
): ReadonlyMap<string, (...args: never[]) => unknown> {
  const methods = new Map<string, (...args: never[]) => unknown>();
  const hidden = new Set(["constructor"]);
  let prototype: object | null = Class.prototype;
  while (prototype !== null && prototype !== Object.prototype) {
    const members = Object.getOwnPropertyDescriptors(prototype);
    for (const [name, { value }] of Object.entries(members)) {
      if (hidden.has(name)) continue;
      // What a subclass declares hides the same name further up.
      hidden.add(name);
      if (typeof value === "function") methods.set(name, value);
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return methods;
}
