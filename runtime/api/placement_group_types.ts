// The types of placement groups. Types only: what is behind them is in
// `placement_group.ts`.

/**
 * How the bundles of a group are laid over nodes. `"pack"` and `"spread"` try
 * to put them on few or on many nodes; `"strictPack"` demands one node for
 * all, `"strictSpread"` a node for each.
 */
export type PlacementStrategy =
  | "pack"
  | "spread"
  | "strictPack"
  | "strictSpread";

/**
 * What one bundle reserves on one node: amounts by resource name, that is
 * `CPU`, `GPU`, `memory` (bytes) and custom names. `numCpus` and `numGpus` are
 * taken for `CPU` and `GPU`.
 */
export type Bundle = Readonly<Record<string, number>>;

/** Options of `placementGroup()`. */
export interface PlacementGroupOptions {
  /**
   * How the bundles are laid over nodes.
   *
   * @default {"pack"}
   */
  readonly strategy?: PlacementStrategy | undefined;
  /** A name for listings. */
  readonly name?: string | undefined;
  /**
   * `"detached"`: stays until it is removed, also after its creator's end.
   *
   * @default {undefined} ends with its creator
   */
  readonly lifetime?: "detached" | undefined;
}

/**
 * Resources that are reserved together, all or nothing, for tasks and actors
 * that name the group in their `schedulingStrategy`.
 *
 * Removing it ends what runs in it with `PlacementGroupRemovedError`; so does
 * `[Symbol.dispose]()`, which does not wait.
 *
 * @example Two tasks with one CPU each, at the same time or not at all
 * ```ts ignore
 * import { placementGroup, remote } from "manta";
 *
 * await using group = placementGroup([{ CPU: 1 }, { CPU: 1 }]);
 * await group.ready();
 * const inGroup = { schedulingStrategy: { placementGroup: group } };
 * const half = remote(inGroup, function half(x: number) {
 *   return x / 2;
 * });
 * half.remote(1);
 * half.remote(2);
 * ```
 */
export interface PlacementGroup {
  /** The group's id, such as `p-x4k2…`. */
  readonly id: string;
  /** What each bundle reserves, as it was given. */
  readonly bundles: readonly Bundle[];
  /** Resolves once all bundles are reserved; rejects when removed before. */
  ready(): Promise<void>;
  /** Whether all bundles are reserved, waiting at most this long. */
  wait(timeoutMs: number): Promise<boolean>;
  /** Gives the resources back and ends what runs in the group. */
  remove(): Promise<void>;
  /** As `remove()`, without waiting. */
  [Symbol.dispose](): void;
  /** As `remove()`. */
  [Symbol.asyncDispose](): Promise<void>;
}
