// Compile-time tests of `manta/util`.

import { remote } from "../../mod.ts";
import {
  ActorPool,
  type AsyncResult,
  Pool,
  Queue,
} from "../../lib/util/mod.ts";
import { hasType } from "./expect.ts";

class Squarer {
  square(x: number) {
    return x * x;
  }
}
const square = (x: number) => x * x;
const divide = async (a: number, b: number) => await Promise.resolve(a / b);

// -- ActorPool --

const actors = new ActorPool([remote(Squarer).remote()]);
hasType<AsyncGenerator<number, void, void>>()(
  actors.map((actor, x) => actor.square.remote(x), [1, 2]),
);
actors.submit((actor, x: number) => actor.square.remote(x), 1);
// @ts-expect-error: the wrong type of value
actors.submit((actor, x: number) => actor.square.remote(x), "1");
// @ts-expect-error: unknown method
actors.map((actor, x: number) => actor.cube.remote(x), [1]);
hasType<number>()(await actors.getNext<number>());
// @ts-expect-error: not handles
new ActorPool([1]);

// -- Queue --

const queue = new Queue<string>({ maxSize: 1 });
await queue.put("a", { timeout: 1 });
// @ts-expect-error: the wrong type of item
await queue.put(1);
hasType<string>()(await queue.get());
hasType<string[]>()(await queue.getMany(2));
remote(async (queue: Queue<string>) => await queue.get()).remote(queue);
// @ts-expect-error: a queue of something else
remote((queue: Queue<number>) => queue.size()).remote(queue);

// -- Pool --

const pool = new Pool(2, { numCpus: 0.5 });
hasType<number[]>()(await pool.map(square, [1, 2]));
hasType<number[]>()(await pool.map((x) => x * x, [1, 2]));
hasType<number[]>()(await pool.map(remote(square), [1, 2]));
hasType<AsyncResult<number[]>>()(pool.mapAsync(square, new Set([1])));
hasType<AsyncGenerator<number, void, void>>()(pool.imap(square, [1]));
hasType<number[]>()(await pool.starmap(divide, [[1, 2], [3, 4]]));
hasType<number>()(await pool.apply(divide, [1, 2]));
hasType<number>()(await pool.apply(() => 5));
// @ts-expect-error: the arguments are missing
pool.apply(divide);
// @ts-expect-error: an argument is missing
pool.apply(divide, [1]);
// @ts-expect-error: the wrong type of item
pool.map(square, ["1"]);
// @ts-expect-error: the wrong type of argument
pool.starmap(divide, [[1, "2"]]);
