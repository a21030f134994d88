// Compile-time tests of remote functions: arguments, results, options.

import { get, put, remote } from "../../mod.ts";
import type {
  AnyFunction,
  ObjectRef,
  ObjectRefGenerator,
  RemoteFunction,
} from "../../mod.ts";
import { hasType } from "./expect.ts";

const square = remote(function square(x: number) {
  return x * x;
});
const greet = remote(async (name: string, greeting?: string) => {
  return await Promise.resolve(`${greeting ?? "Hello"}, ${name}`);
});
const sum = remote((label: string, ...terms: number[]) => {
  return { label, total: terms.reduce((a, b) => a + b, 0) };
});
declare const aNumber: ObjectRef<number>;
declare const aString: ObjectRef<string>;

// -- Arguments --

hasType<ObjectRef<number>>()(square.remote(1));
hasType<ObjectRef<number>>()(square.remote(aNumber));
hasType<ObjectRef<number>>()(square.remote(square.remote(2)));
// @ts-expect-error: an argument is missing
square.remote();
// @ts-expect-error: an argument too many
square.remote(1, 2);
// @ts-expect-error: the wrong type
square.remote("1");
// @ts-expect-error: a ref of the wrong type
square.remote(aString);
// @ts-expect-error: a promise of a ref is no ref
square.remote(put(1));

hasType<ObjectRef<string>>()(greet.remote("Ada"));
hasType<ObjectRef<string>>()(greet.remote("Ada", "Hi"));
hasType<ObjectRef<string>>()(greet.remote(aString, aString));
// @ts-expect-error: the optional argument has a type, too
greet.remote("Ada", 5);

hasType<ObjectRef<{ label: string; total: number }>>()(sum.remote("a"));
sum.remote("a", 1, aNumber, 3);
sum.remote(aString, ...[1, 2, 3]);
sum.remote("a", ...[aNumber, aNumber]);
// @ts-expect-error: a rest argument of the wrong type
sum.remote("a", 1, "2");

const choose = remote((flag: boolean, unit: "m" | "s") => flag ? unit : null);
declare const aBoolean: ObjectRef<boolean>;
declare const aUnit: ObjectRef<"m" | "s">;
choose.remote(true, "m");
hasType<ObjectRef<"m" | "s" | null>>()(choose.remote(aBoolean, aUnit));
// @ts-expect-error: not one of the words
choose.remote(true, "kg");

// A parameter that is a ref: a ref would be resolved, so that it takes a ref
// to a ref, or refs nested in a value.
const readAll = remote(async (refs: ObjectRef<number>[]) => await get(refs));
hasType<ObjectRef<number[]>>()(readAll.remote([aNumber, aNumber]));
const readOne = remote(async (ref: ObjectRef<number>) => await get(ref));
// @ts-expect-error: the task would see a number
readOne.remote(aNumber);
readOne.remote(await put([aNumber]).then(() => refOfRef));
declare const refOfRef: ObjectRef<ObjectRef<number>>;

// -- Results --

hasType<ObjectRef<void>>()(remote(() => {}).remote());
hasType<ObjectRef<undefined>>()(remote(async () => await undefined).remote());
hasType<ObjectRef<ObjectRef<number>>>()(
  remote(() => square.remote(1)).remote(),
);
hasType<ObjectRef<number[]>>()(remote(() => [1, 2]).remote());
hasType<ObjectRef<never>>()(
  remote((): never => {
    throw new Error("no");
  }).remote(),
);
hasType<ObjectRef<unknown>>()(remote((x: unknown) => x).remote(5));
// A type parameter is gone with the wrapping, unless it is fixed before.
function identity<T>(value: T): T {
  return value;
}
hasType<ObjectRef<unknown>>()(remote(identity).remote(5));
hasType<ObjectRef<number>>()(remote(identity<number>).remote(5));
hasType<ObjectRef<Map<string, number>>>()(
  remote(() => new Map<string, number>()).remote(),
);

// -- Generators --

function* count(last: number) {
  for (let n = 0; n < last; n++) yield n;
}
async function* lines(path: string) {
  yield await Promise.resolve(path);
}
hasType<ObjectRefGenerator<number>>()(remote(count).remote(3));
hasType<ObjectRefGenerator<string>>()(remote(lines).remote(aString));
hasType<ObjectRefGenerator<number>>()(
  remote(function* (): IterableIterator<number> {
    yield 1;
  }).remote(),
);
hasType<ObjectRefGenerator<number>>()(
  remote(function* (): Iterable<number> {
    yield 1;
  }).remote(),
);
hasType<ObjectRefGenerator<number>>()(
  remote(async function* (): AsyncIterable<number> {
    yield await Promise.resolve(1);
  }).remote(),
);
hasType<ObjectRefGenerator<1 | "a">>()(
  remote(function* () {
    const answer: string = yield 1;
    yield "a" as const;
    return answer;
  }).remote(),
);
for await (const ref of remote({ backpressure: 2 }, count).remote(3)) {
  hasType<ObjectRef<number>>()(ref);
  hasType<number>()(await get(ref));
}
{
  using stream = remote(count).remote(3);
  hasType<ObjectRef<undefined>>()(stream.completed());
  hasType<IteratorResult<ObjectRef<number>, undefined>>()(await stream.next());
}
// @ts-expect-error: a generator is no ref
get(remote(count).remote(3));

// -- Options --

const divide = (a: number, b: number): [number, string] => [a / b, "m"];
const halves = (xs: number[]) => [xs.slice(1), xs.slice(0, 1)];
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  remote({ numReturns: 2 }, divide).remote(1, 2),
);
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  remote(divide).options({ numReturns: 2 }).remote(1, aNumber),
);
hasType<[ObjectRef<number[]>, ObjectRef<number[]>]>()(
  remote({ numReturns: 2, numCpus: 0.5 }, halves).remote([1, 2]),
);
hasType<[ObjectRef<string>, ObjectRef<boolean>]>()(
  remote(
    { numReturns: 2 },
    async () =>
      await Promise.resolve(["a", true] as const as [string, boolean]),
  ).remote(),
);
hasType<undefined>()(remote({ numReturns: 0 }, divide).remote(1, 2));
hasType<ObjectRef<[number, string]>>()(
  remote({ numReturns: 1 }, divide).remote(1, 2),
);
hasType<never>()(remote({ numReturns: 3 }, divide).remote(1, 2));
hasType<never>()(remote({ numReturns: 2 }, count).remote(1));
hasType<ObjectRef<number>[]>()(
  remote({ numReturns: 3000 }, (): number[] => []).remote(),
);
// Other options leave the number of returns as it is.
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  remote({ numReturns: 2 }, divide).options({ numCpus: 2 }).remote(1, 2),
);
hasType<RemoteFunction<(x: number) => number>>()(
  square.options({ maxRetries: 0 }),
);
declare const someNumber: number;
hasType<
  ObjectRef<[number, string]> | ObjectRef<number | string>[] | undefined
>()(remote({ numReturns: someNumber }, divide).remote(1, 2));

remote({
  numCpus: 0.5,
  numGpus: 1,
  memory: 1024,
  resources: { licence: 1 },
  maxRetries: -1,
  retryExceptions: [TypeError, class Flaky extends Error {}],
  name: "square",
  schedulingStrategy: { nodeId: "n-1", soft: true },
  labelSelector: { zone: "in(a,b)" },
  runtimeEnv: { npm: ["hono"], permissions: { net: ["example.org"] } },
  timeout: 1000,
  isolation: "process",
}, divide);
// @ts-expect-error: an unknown option
remote({ numCPUs: 1 }, divide);
// @ts-expect-error: an option of actors
remote({ maxConcurrency: 2 }, divide);
// @ts-expect-error: light actors only
remote({ isolation: "shared" }, divide);
// @ts-expect-error: not a strategy
square.options({ schedulingStrategy: "pack" });
// @ts-expect-error: not a class of errors
square.options({ retryExceptions: [Map] });

// -- The rest of the surface --

hasType<(x: number) => number>()(square.local);
// @ts-expect-error: a remote function is not called directly
square(3);
// @ts-expect-error: neither a function nor a class
remote(5);
const anyOf: RemoteFunction<AnyFunction>["local"] = square.local;
anyOf satisfies AnyFunction;
