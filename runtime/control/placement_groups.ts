// The head's knowledge of placement groups: which there are, who made them,
// who waits for them. What they hold is the scheduler's business.

import type { JobId, PlacementGroupId, WorkerId } from "../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../base/limits.ts";
import type { ResourceSet } from "../base/resources.ts";

/** One group. */
export interface GroupRecord extends Pick<ToldGroup, "bundles" | "strategy"> {
  readonly creator: WorkerId;
  readonly jobId: JobId;
  readonly name: string | undefined;
  readonly detached: boolean;
  created: boolean;
  readonly waiting: Waiter[];
}

/** What is told of a group that is to be made. */
interface ToldGroup {
  readonly groupId: PlacementGroupId;
  readonly bundles: readonly ResourceSet[];
  readonly strategy: string;
  readonly name?: string;
  readonly detached: boolean;
}

/** A group as it is listed. */
export type ListedGroup =
  & Readonly<Omit<GroupRecord, "creator" | "waiting">>
  & Pick<ToldGroup, "groupId">;

type Waiter = (isCreated: boolean) => void;

/** See the head of the file. */
export class PlacementGroups {
  readonly #records = new Map<PlacementGroupId, GroupRecord>();
  /** Who asked for a group whose creation travels another way and is late. */
  readonly #early = new Map<PlacementGroupId, Waiter[]>();
  /** The latest groups that are gone: they are not late. */
  readonly #removed = new Set<PlacementGroupId>();

  get count(): number {
    return this.#records.size;
  }

  /** Whether it is new: it may be said again, to another head for example. */
  create(
    group: ToldGroup,
    creator: WorkerId,
    jobId: JobId,
  ): boolean {
    if (this.#records.has(group.groupId)) return false;
    if (this.#removed.has(group.groupId)) return false;
    this.#records.set(group.groupId, {
      creator,
      jobId,
      name: group.name,
      bundles: group.bundles,
      strategy: group.strategy,
      detached: group.detached,
      created: false,
      waiting: this.#early.get(group.groupId) ?? [],
    });
    this.#early.delete(group.groupId);
    return true;
  }

  /** Every bundle of the group is set aside. */
  created(groupId: PlacementGroupId): void {
    const record = this.#records.get(groupId);
    if (!record) return;
    record.created = true;
    for (const resolve of record.waiting.splice(0)) resolve(true);
  }

  remove(groupId: PlacementGroupId): void {
    const record = this.#records.get(groupId);
    const waiting = record?.waiting ?? this.#early.get(groupId) ?? [];
    this.#records.delete(groupId);
    this.#early.delete(groupId);
    this.#remember(groupId);
    for (const resolve of waiting.splice(0)) resolve(false);
  }

  /** Resolves true once the group is there, false if it never will be. */
  ready(groupId: PlacementGroupId): Promise<boolean> {
    const record = this.#records.get(groupId);
    if (record?.created) return Promise.resolve(true);
    const waiting = record?.waiting ?? this.#waitingEarly(groupId);
    if (!waiting) return Promise.resolve(false);
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** What is known of a group; see {@linkcode create}. */
  record(groupId: PlacementGroupId): Readonly<GroupRecord> | undefined {
    return this.#records.get(groupId);
  }

  /** Those that were not removed. */
  list(): ListedGroup[] {
    return [...this.#records].map(([groupId, record]) => {
      const { jobId, name, detached, created, bundles, strategy } = record;
      return { groupId, jobId, name, detached, created, bundles, strategy };
    });
  }

  /** The job in which a group was made. */
  jobOf(groupId: PlacementGroupId): JobId | undefined {
    return this.#records.get(groupId)?.jobId;
  }

  /** The groups that end with the thread that made them. */
  endedWith(creator: WorkerId): PlacementGroupId[] {
    return [...this.#records]
      .filter(([, record]) => record.creator === creator && !record.detached)
      .map(([groupId]) => groupId);
  }

  #waitingEarly(groupId: PlacementGroupId): Waiter[] | undefined {
    if (this.#removed.has(groupId)) return undefined;
    const known = this.#early.get(groupId);
    if (known) return known;
    if (this.#early.size >= IDS_REMEMBERED_MAX) return undefined;
    const waiting: Waiter[] = [];
    this.#early.set(groupId, waiting);
    return waiting;
  }

  #remember(groupId: PlacementGroupId): void {
    this.#removed.add(groupId);
    if (this.#removed.size <= IDS_REMEMBERED_MAX) return;
    const [oldest] = this.#removed;
    if (oldest !== undefined) this.#removed.delete(oldest);
  }
}
