// A driver that runs something on each node that it is named, with a large
// value of every other: for tests of which node reaches which. It prints what
// came of it.

import process from "node:process";
import { context, get, init, put, remote, shutdown } from "../../mod.ts";

const LARGE_BYTES = 3_000_000;

const make = remote(
  { maxRetries: 0 },
  (fill: number) => new Uint8Array(LARGE_BYTES).fill(fill),
);

const lastOf = remote(
  { maxRetries: 0 },
  (bytes: Uint8Array) => [context().nodeId, bytes.at(-1)!] as const,
);

class Counter {
  #count = 0;
  add(): number {
    return ++this.#count;
  }
}
const RemoteCounter = remote({ numCpus: 0 }, Counter);

const callFrom = remote(
  { maxRetries: 0 },
  (counter: ReturnType<typeof RemoteCounter.remote>) =>
    get(counter.add.remote()),
);

const nodeIds = process.argv.slice(2);
const at = (nodeId: string) => ({
  schedulingStrategy: { nodeId, soft: false },
});

await init();
for (const [fill, from] of nodeIds.entries()) {
  using made = make.options(at(from)).remote(fill);
  for (const to of nodeIds) {
    const [nodeId, last] = await get(lastOf.options(at(to)).remote(made));
    if (nodeId !== to || last !== fill) throw new Error(`${last} at ${nodeId}`);
  }
  using counter = RemoteCounter.options(at(from)).remote();
  for (const [calls, to] of nodeIds.entries()) {
    const count = await get(callFrom.options(at(to)).remote(counter));
    if (count !== calls + 1) throw new Error(`Call ${count} from ${to}`);
  }
}
using own = await put(new Uint8Array(LARGE_BYTES).fill(9));
for (const to of nodeIds) await get(lastOf.options(at(to)).remote(own));
await shutdown();
console.log(`Every one of ${nodeIds.length} nodes reaches every other`);
