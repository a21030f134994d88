// Actors by name, and their end, as users call them. Checks what is given and
// leaves the rest to the session.

import { resolveGetActor, resolveKillOptions } from "./call_options.ts";
import type {
  ActorHandle as PublicHandle,
  AnyActorHandle,
  GetActorOptions,
  KillOptions,
  UntypedActor,
} from "./actor_types.ts";
import { ActorHandle } from "./actor_handle.ts";
import { shown } from "./option_checks.ts";
import { currentSession } from "./session.ts";

/**
 * The handle of a living actor that was given a name.
 *
 * @param name The name.
 * @param options The namespace, if it is not the session's.
 * @throws {RangeError} If there is no such actor, or the name is empty.
 * @throws {TypeError} If the name is no string.
 *
 * @example
 * ```ts ignore
 * import { get, getActor, remote } from "manta";
 *
 * class Counter {
 *   #n = 0;
 *   increment() {
 *     return ++this.#n;
 *   }
 * }
 * const first = remote({ name: "hits" }, Counter).remote();
 * await get(first.increment.remote());
 * const second = await getActor<Counter>("hits");
 * console.log(await get(second.increment.remote())); // 2
 * ```
 */
export async function getActor<T = UntypedActor>(
  name: string,
  options?: GetActorOptions,
): Promise<PublicHandle<T>> {
  const resolved = resolveGetActor(name, options);
  const session = currentSession();
  const namespace = resolved.namespace ?? session.identity.namespace;
  const handle = await session.holdOpen(session.findActor(name, namespace));
  if (handle) return handle as PublicHandle<T>;
  throw new RangeError(
    `Cannot find an actor named "${name}" in namespace "${namespace}": ` +
      "none was started, or it is dead",
  );
}

/**
 * Ends an actor at once: running calls fail with `ActorDiedError`.
 *
 * @param handle A handle of the actor.
 * @param options `noRestart: false` lets `maxRestarts` bring it back.
 * @throws {TypeError} If no handle is given.
 *
 * @example
 * ```ts ignore
 * import { kill, remote } from "manta";
 *
 * const Idle = remote(class Idle {});
 * const idle = Idle.remote();
 * kill(idle);
 * ```
 */
export function kill(handle: AnyActorHandle, options?: KillOptions): void {
  const { noRestart } = resolveKillOptions(options);
  if (!ActorHandle.is(handle)) {
    throw new TypeError(`kill() takes an ActorHandle, got ${shown(handle)}`);
  }
  currentSession().killActor(ActorHandle.hold(handle), noRestart);
}

/**
 * Ends the actor that this code runs in, after the call that runs: it and
 * those behind it reject with `ActorDiedError`. It is not restarted.
 *
 * @throws {Error} If this is no actor; otherwise it throws to leave the call.
 *
 * @example
 * ```ts ignore
 * import { exitActor, remote } from "manta";
 *
 * const Worker = remote(class Worker {
 *   stop() {
 *     exitActor();
 *   }
 * });
 * ```
 */
export function exitActor(): never {
  return currentSession().exitActor();
}
