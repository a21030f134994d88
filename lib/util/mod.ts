/**
 * Tools that are built from tasks and actors: a pool of actors, a queue, and a
 * pool of processes after Python's `multiprocessing.Pool`.
 *
 * @example A queue between the driver and a task
 * ```ts ignore
 * import { remote } from "manta";
 * import { Queue } from "manta/util";
 *
 * const queue = new Queue<string>();
 * const greet = remote(async function greet(queue: Queue<string>) {
 *   await queue.put("Hello");
 * });
 * greet.remote(queue);
 * console.log(await queue.get()); // Hello
 * ```
 *
 * @module
 */

export { type ActorCall, ActorPool } from "./actor_pool.ts";
export { AsyncResult } from "./async_result.ts";
export { Pool, type PoolFunction, PoolStateError } from "./pool.ts";
export type { MapOptions } from "./pool_chunks.ts";
export {
  Queue,
  QueueEmptyError,
  QueueFullError,
  type QueueOptions,
  type QueueWaitOptions,
} from "./queue.ts";
export type { TimeoutOptions } from "./time_limit.ts";
