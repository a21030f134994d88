// Placement groups: resources that are set aside together. What they hold is
// the scheduler's business.

import type { PlacementGroupId } from "../base/ids.ts";
import { TIMER_MS_MAX } from "../base/limits.ts";
import { resolvePlacementGroup } from "./call_options.ts";
import { aWait } from "./option_checks.ts";
import type {
  Bundle,
  PlacementGroup as PublicGroup,
  PlacementGroupOptions,
} from "./placement_group_types.ts";
import { currentSession } from "./session.ts";

/** See `placement_group_types.ts`. */
class PlacementGroup {
  readonly id: PlacementGroupId;
  readonly bundles: readonly Bundle[];

  constructor(id: PlacementGroupId, bundles: readonly Bundle[]) {
    this.id = id;
    this.bundles = Object.freeze(
      bundles.map((bundle) => Object.freeze({ ...bundle })),
    );
  }

  ready(): Promise<void> {
    const session = currentSession();
    return session.holdOpen(session.groupReady(this.id));
  }

  async wait(timeoutMs: number): Promise<boolean> {
    aWait(timeoutMs, "timeoutMs");
    const session = currentSession();
    const { promise, resolve } = Promise.withResolvers<Promise<false>>();
    // An answer that is there is heard, however short the time: answers come
    // in the order asked for.
    const late = () => session.available().then(() => false as const);
    const limitMs = Math.min(timeoutMs, TIMER_MS_MAX);
    const timer = setTimeout(() => resolve(late()), limitMs);
    const ready = session.groupReady(this.id).then(() => true);
    try {
      return await session.holdOpen(Promise.race([ready, promise]));
    } finally {
      clearTimeout(timer);
    }
  }

  async remove(): Promise<void> {
    const session = currentSession();
    await session.holdOpen(session.removeGroup(this.id));
  }

  [Symbol.dispose](): void {
    void this.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}

/** What a group is made of; undefined for anything else. */
export function placementGroupParts(
  value: unknown,
): readonly [PlacementGroupId, readonly Bundle[]] | undefined {
  return value instanceof PlacementGroup
    ? [value.id, value.bundles]
    : undefined;
}

/** A group that there is, for this thread. */
export function makePlacementGroup(
  id: PlacementGroupId,
  bundles: readonly Bundle[],
): PublicGroup {
  return new PlacementGroup(id, bundles) as unknown as PublicGroup;
}

/**
 * Sets resources aside, all or nothing: tasks and actors with the group in
 * their `schedulingStrategy` draw from them.
 *
 * @param bundles What each bundle holds, such as `{ CPU: 1 }`; a bundle is on
 * one node.
 * @param options How the bundles are spread, and the group's name and life.
 * @returns The group, at once; `ready()` tells when it can be used.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If there is no bundle, or an amount is out of range.
 *
 * @example
 * ```ts ignore
 * import { get, placementGroup, remote } from "manta";
 *
 * using group = placementGroup([{ CPU: 1 }]);
 * await group.ready();
 * const where = remote(function where() {
 *   return "in the group";
 * });
 * const schedulingStrategy = { placementGroup: group };
 * console.log(await get(where.options({ schedulingStrategy }).remote()));
 * ```
 */
export function placementGroup(
  bundles: readonly Bundle[],
  options?: PlacementGroupOptions,
): PublicGroup {
  const resolved = resolvePlacementGroup(bundles, options);
  const id = currentSession().createGroup(
    resolved.bundles,
    resolved.strategy,
    resolved.name,
    resolved.detached,
  );
  return makePlacementGroup(id, bundles);
}
