// The spreading of one node with short words for its events. Plays the own
// scheduler's part: what it has free is set by hand. Checks what must hold
// after every event.

import {
  type JobId,
  type LeaseId,
  leaseIdText,
  type NodeId,
  type WorkerId,
} from "../../../../runtime/base/ids.ts";
import { DemandSpread } from "../../../../runtime/scheduler/cluster/demand_spread.ts";
import type {
  ReportedNode,
  SetDemand,
  SpreadAction,
  SpreadEvent,
} from "../../../../runtime/scheduler/cluster/messages.ts";
import type { ClassSpec } from "../../../../runtime/scheduler/messages.ts";
import { assert, assertEquals } from "../../../support/harness.ts";
import { type Amounts, units } from "../scheduler_fixture.ts";

export const OWN = "n-a" as NodeId;

/** What a test says of a demand. */
export interface WantWords extends Partial<Omit<ClassSpec, "resources">> {
  readonly needs?: Amounts;
  readonly owner?: string;
  readonly depth?: number;
  readonly near?: readonly string[];
}

/** What a test says of a node. */
export interface NodeWords {
  readonly total?: Amounts;
  readonly free?: Amounts;
  readonly labels?: Readonly<Record<string, string>>;
  readonly state?: ReportedNode["state"];
  readonly waiting?: number;
}

/** A spreading that is driven by hand. */
export class DrivenSpread {
  readonly spread: DemandSpread;
  /** What each node was told last, in leases of the owner `w-1`. */
  readonly told = new Map<string, number>();
  readonly #totals = new Map<string, Amounts>();
  ownFree: Amounts;
  #leaseCount = 0;

  constructor(total: Amounts, labels: Readonly<Record<string, string>> = {}) {
    this.ownFree = total;
    this.spread = new DemandSpread({
      nodeId: OWN,
      total: units(total),
      labels,
      available: () => units(this.ownFree),
    });
  }

  send(event: SpreadEvent): SpreadAction[] {
    const actions = this.spread.handle(event);
    for (const action of actions) {
      if (action.type !== "set_demand") continue;
      this.told.set(action.nodeId, action.count);
    }
    checkSums(this.spread);
    return actions;
  }

  want(count: number, words: WantWords = {}): SpreadAction[] {
    const spec = specOf(words);
    return this.send({
      type: "demand_wanted",
      owner: (words.owner ?? "w-1") as WorkerId,
      jobId: "j-1" as JobId,
      classKey: JSON.stringify(spec),
      spec,
      count,
      depth: words.depth ?? 0,
      ...(words.near ? { near: words.near as NodeId[] } : {}),
    });
  }

  /** Leases that a node grants, one after the other. */
  grant(nodeId: string, count = 1, words: WantWords = {}): LeaseId[] {
    return Array.from({ length: count }, () => {
      const leaseId = leaseIdText(nodeId as NodeId, this.#leaseCount++);
      this.send({
        type: "lease_granted",
        leaseId,
        owner: (words.owner ?? "w-1") as WorkerId,
        classKey: JSON.stringify(specOf(words)),
      });
      return leaseId;
    });
  }

  returning(leaseId: LeaseId): SpreadAction[] {
    return this.send({ type: "lease_returning", leaseId });
  }

  gone(nodeId: string): SpreadAction[] {
    return this.send({ type: "node_gone", nodeId: nodeId as NodeId });
  }

  /** A report of a node; one that is not known has joined. */
  view(nodeId: string, words: NodeWords = {}): SpreadAction[] {
    const total = words.total ?? this.#totals.get(nodeId) ?? { CPU: 4 };
    this.#totals.set(nodeId, total);
    return this.send({
      type: "views_changed",
      views: [reportOf(nodeId, { ...words, total })],
    });
  }

  tick(nowMs: number): SpreadAction[] {
    return this.send({ type: "clock_ticked", nowMs });
  }
}

export function reportOf(nodeId: string, words: NodeWords): ReportedNode {
  const { total = { CPU: 4 }, free = total, labels = {}, waiting = 0 } = words;
  return {
    nodeId: nodeId as NodeId,
    state: words.state ?? "alive",
    total: units(total),
    available: units(free),
    labels,
    waiting,
  };
}

export function setsIn(actions: readonly SpreadAction[]): [string, number][] {
  return actions
    .filter((action): action is SetDemand => action.type === "set_demand")
    .map(({ nodeId, count }) => [nodeId, count]);
}

function specOf(words: WantWords): ClassSpec {
  const { needs = { CPU: 1 }, strategy = "default", isolation = "thread" } =
    words;
  const { labelSelector } = words;
  return {
    resources: units(needs),
    strategy,
    isolation,
    ...(labelSelector ? { labelSelector } : {}),
  };
}

/** What is asked for is what is wanted, or held beyond it. */
export function checkSums(spread: DemandSpread): void {
  for (const demand of spread.demands()) {
    const { wanted, held, asked, unplaced, shares } = demand;
    let count = 0;
    let leases = 0;
    for (const share of shares.values()) {
      assert(share.count >= share.held, "A lease that is not covered");
      assertEquals(share.told, share.count, "A node that was not told");
      count += share.count;
      leases += share.held;
    }
    assertEquals([count, leases], [asked, held]);
    assertEquals(asked + unplaced, Math.max(wanted, held));
  }
}
