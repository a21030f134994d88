// Compile-time tests of refs and of the calls that read them, and of a
// session's calls.

import {
  asCompleted,
  cancel,
  context,
  get,
  init,
  nodes,
  placementGroup,
  put,
  registerSerializer,
  remote,
  wait,
} from "../../mod.ts";
import type { ClusterInfo, NodeInfo, ObjectRef } from "../../mod.ts";
import { hasType, same } from "./expect.ts";

declare const aNumber: ObjectRef<number>;
declare const aString: ObjectRef<string>;

// -- put and get --

hasType<ObjectRef<number[]>>()(await put([1, 2]));
hasType<number>()(await get(aNumber));
hasType<ObjectRef<number>>()(await get({} as ObjectRef<ObjectRef<number>>));
hasType<[number, string]>()(await get([aNumber, aString]));
hasType<number[]>()(await get([1, 2].map(() => aNumber)));
hasType<[number, string]>()(
  await get([aNumber, aString] as const, { timeout: 5 }),
);
hasType<[number, ...string[]]>()(
  await get([aNumber, ...([] as ObjectRef<string>[])]),
);
hasType<(number | string)[]>()(
  await get([] as (ObjectRef<number> | ObjectRef<string>)[]),
);
hasType<[]>()(await get([]));
// What is of no known type may be one ref as well as several.
const ofAnything: string = await get(JSON.parse(""));
void ofAnything;
// @ts-expect-error: not a ref
get(5);
// @ts-expect-error: not all refs
get([aNumber, 5]);
// @ts-expect-error: a promise is no ref
get(put(1));
// @ts-expect-error: unknown option
get(aNumber, { timeoutMs: 5 });

// -- Refs --

// A ref passes through `await` as a ref.
hasType<ObjectRef<number>>()(await aNumber);
hasType<string>()(aNumber.id);
// @ts-expect-error: not thenable
aNumber.then;
// @ts-expect-error: other things with an id are no refs
const fake: ObjectRef<number> = { id: "o-1", [Symbol.dispose]() {} };
void fake;
// @ts-expect-error: of another type
const other: ObjectRef<number> = aString;
void other;
const wider: ObjectRef<number | string> = aString;
void wider;
// Values that look like refs are values nevertheless.
interface Lookalike {
  id: string;
  [Symbol.dispose](): void;
}
remote((value: Lookalike) => value.id).remote({} as Lookalike);

// -- wait, asCompleted, cancel --

const [ready, pending] = await wait([aNumber, aString], { numReturns: 2 });
same<typeof ready, (ObjectRef<number> | ObjectRef<string>)[]>();
same<typeof pending, typeof ready>();
hasType<[ready: ObjectRef<number>[], pending: ObjectRef<number>[]]>()(
  await wait([aNumber], { timeout: 5, fetchLocal: false }),
);
// @ts-expect-error: takes an array
wait(aNumber);
for await (const ref of asCompleted([aNumber])) {
  hasType<ObjectRef<number>>()(ref);
}
cancel(aNumber, { force: true, recursive: false });

// -- Session --

hasType<ClusterInfo>()(await init());
hasType<NodeInfo[]>()(await nodes());
hasType<AbortSignal>()(context().signal);
hasType<string | undefined>()(context().taskId);
await init({ address: "local", numCpus: 2, labels: { zone: "a" } });
// @ts-expect-error: unknown option
init({ numCpu: 2 });
{
  await using session = await init({ ignoreReinit: true });
  session satisfies ClusterInfo;
}

// -- Placement groups --

const group = placementGroup([{ CPU: 1 }], { strategy: "strictPack" });
hasType<boolean>()(await group.wait(10));
remote(
  { schedulingStrategy: { placementGroup: group, bundleIndex: 0 } },
  () => 1,
);
// @ts-expect-error: no such strategy
placementGroup([{ CPU: 1 }], { strategy: "tight" });

// -- Serialisers --

class Point {
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  readonly x: number;
  readonly y: number;
}
registerSerializer(Point, {
  name: "Point",
  serialize: (point) => [point.x, point.y] as const,
  deserialize: ([x, y]) => new Point(x, y),
});
