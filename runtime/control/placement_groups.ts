// The head's knowledge of placement groups: which there are, who made them,
// who waits for them. What they hold is the scheduler's business.

import type { PlacementGroupId, WorkerId } from "../base/ids.ts";

interface GroupRecord {
  readonly creator: WorkerId;
  readonly name: string | undefined;
  readonly detached: boolean;
  created: boolean;
  readonly waiting: ((isCreated: boolean) => void)[];
}

/** See the head of the file. */
export class PlacementGroups {
  readonly #records = new Map<PlacementGroupId, GroupRecord>();

  get count(): number {
    return this.#records.size;
  }

  create(
    group: {
      readonly groupId: PlacementGroupId;
      readonly name?: string;
      readonly detached: boolean;
    },
    creator: WorkerId,
  ): void {
    if (this.#records.has(group.groupId)) return;
    this.#records.set(group.groupId, {
      creator,
      name: group.name,
      detached: group.detached,
      created: false,
      waiting: [],
    });
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
    this.#records.delete(groupId);
    for (const resolve of record?.waiting.splice(0) ?? []) resolve(false);
  }

  /** Resolves true once the group is there, false if it never will be. */
  ready(groupId: PlacementGroupId): Promise<boolean> {
    const record = this.#records.get(groupId);
    if (!record || record.created) return Promise.resolve(record !== undefined);
    return new Promise((resolve) => record.waiting.push(resolve));
  }

  /** The groups that end with the thread that made them. */
  endedWith(creator: WorkerId): PlacementGroupId[] {
    return [...this.#records]
      .filter(([, record]) => record.creator === creator && !record.detached)
      .map(([groupId]) => groupId);
  }
}
