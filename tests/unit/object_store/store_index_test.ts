// The store's index: events in, actions out, the books checked after each.

import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  STORE_DRAIN_MS_MAX,
  STORE_OVERTAKE_MS,
  STORE_POOL_IDLE_MS,
} from "../../../runtime/base/limits.ts";
import type {
  StoreAction,
  StoreEvent,
} from "../../../runtime/object_store/index_events.ts";
import { StoreIndex } from "../../../runtime/object_store/store_index.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const MIB = 1024 * 1024;
const A = "w-a" as WorkerId;
const B = "w-b" as WorkerId;

/** An index whose allocations succeed at once, with validated books. */
class DrivenIndex {
  readonly index: StoreIndex;
  nowMs = 0;
  readonly #requestIds = new Map<WorkerId, number>();

  constructor(capacityBytes: number) {
    const clock = { nowMs: () => this.nowMs };
    this.index = new StoreIndex({ capacityBytes, clock });
    for (const workerId of [A, B]) {
      this.tell({ type: "worker_started", workerId });
    }
  }

  /** Takes an event in, and the allocations that it leads to. */
  tell(event: StoreEvent): StoreAction[] {
    const actions: StoreAction[] = [];
    for (const action of this.raw(event)) {
      actions.push(action);
      if (action.type !== "allocate_segment") continue;
      const { segmentId } = action;
      actions.push(...this.tell({ type: "segment_allocated", segmentId }));
    }
    return actions;
  }

  raw(event: StoreEvent): StoreAction[] {
    const actions = this.index.handle(event);
    this.index.validate();
    return actions;
  }

  create(requester: WorkerId, number: number, sizeBytes: number): StoreEvent {
    const requestId = this.#nextRequestId(requester);
    const type = "create_requested";
    return { type, requester, requestId, owner: A, number, sizeBytes };
  }

  open(requester: WorkerId, number: number): StoreEvent {
    const requestId = this.#nextRequestId(requester);
    return { type: "open_requested", requester, requestId, owner: A, number };
  }

  /** Creates and seals an object of A. */
  put(number: number, sizeBytes: number, requester = A): StoreAction[] {
    const actions = this.tell(this.create(requester, number, sizeBytes));
    const requestId = this.#requestIds.get(requester)!;
    this.tell({ type: "object_sealed", requester, requestId });
    return actions;
  }

  free(number: number): StoreAction[] {
    return this.tell({ type: "object_freed", owner: A, number });
  }

  /** All holders let go of what was dropped. */
  drain(actions: readonly StoreAction[]): StoreAction[] {
    return actions.flatMap((action) => {
      if (action.type !== "drop_segment") return [];
      return action.holders.flatMap((holder) => {
        const { segmentId } = action;
        return this.tell({ type: "segment_released", holder, segmentId });
      });
    });
  }

  #nextRequestId(requester: WorkerId): number {
    const requestId = (this.#requestIds.get(requester) ?? 0) + 1;
    this.#requestIds.set(requester, requestId);
    return requestId;
  }
}

function types(actions: readonly StoreAction[]): string[] {
  return actions.map((action) => action.type);
}

function segmentIds(actions: readonly StoreAction[]): number[] {
  return actions.flatMap((action) =>
    "segmentId" in action ? [action.segmentId] : []
  );
}

describe("StoreIndex creates", () => {
  it("allocates once and reuses the warm segment of that size", () => {
    const node = new DrivenIndex(10 * MIB);

    const first = node.put(1, MIB);
    node.free(1);
    const second = node.put(2, MIB - 1000);

    assertEquals(types(first), ["allocate_segment", "create_object"]);
    assertEquals(types(second), ["create_object"]);
    assertEquals(segmentIds(second), [segmentIds(first)[0]]);
  });

  it("prefers a segment that the thread has had before", () => {
    const node = new DrivenIndex(10 * MIB);
    const mine = segmentIds(node.put(1, MIB, B))[0];
    node.put(2, MIB);
    node.free(1);
    node.free(2);

    const actions = node.put(3, MIB, B);

    assertEquals(segmentIds(actions), [mine]);
    assertEquals(Object(actions[0]).isNew, false);
  });

  it("denies what is too large, without owner or without memory", () => {
    const node = new DrivenIndex(10 * MIB);
    const reasonOf = (actions: readonly StoreAction[]) =>
      actions.map((action) => "reason" in action ? action.reason : action.type);

    const large = node.tell(node.create(A, 1, 10 * MIB + 1));
    const [allocate] = node.raw(node.create(A, 2, MIB));
    const { segmentId } = allocate as { segmentId: number };
    const failed = node.raw({ type: "segment_allocation_failed", segmentId });
    node.tell({ type: "worker_ended", workerId: A });
    const orphan = node.tell(node.create(B, 3, MIB));

    assertEquals(reasonOf(large), ["too_large"]);
    assertEquals(reasonOf(failed), ["allocation_failed"]);
    assertEquals(reasonOf(orphan), ["owner_ended"]);
    assertEquals(node.index.stats().usedBytes, 0);
  });

  it("lets creates wait for room in their order", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, 3 * MIB);

    const large = node.tell(node.create(A, 2, 3 * MIB));
    const small = node.tell(node.create(A, 3, MIB));
    const granted = node.free(1);

    assertEquals(types(large), ["collect_garbage"]);
    assertEquals(types(small), []);
    assertEquals(types(granted), [
      "create_object",
      "allocate_segment",
      "create_object",
    ]);
  });

  it("lets small creates pass one that waits for long", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, 3 * MIB);
    node.tell(node.create(A, 2, 3 * MIB));
    node.tell(node.create(A, 3, MIB));

    node.nowMs = STORE_OVERTAKE_MS;
    const actions = node.tell({ type: "clock_ticked" });

    assertEquals(types(actions).slice(0, 2), [
      "allocate_segment",
      "create_object",
    ]);
    assertEquals(node.index.stats().waiting, 1);
  });

  it("has garbage collected less and less often", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, 3 * MIB);
    node.tell(node.create(A, 2, 3 * MIB));
    const askedAtMs: number[] = [];
    for (node.nowMs = 0; node.nowMs < 10_000; node.nowMs += 100) {
      const actions = node.tell({ type: "clock_ticked" });
      if (types(actions).includes("collect_garbage")) {
        askedAtMs.push(node.nowMs);
      }
    }

    assertEquals(askedAtMs, [100, 300, 700, 1_500, 3_100, 6_300, 9_500]);
  });

  it("has garbage collected when views keep much that is freed", () => {
    const node = new DrivenIndex(16 * MIB);
    const asks: boolean[] = [];
    for (let number = 1; number <= 4; number++) {
      node.nowMs += 10_000;
      node.put(number, MIB);
      node.tell(node.open(B, number));
      asks.push(types(node.free(number)).includes("collect_garbage"));
    }

    assertEquals(asks, [false, true, false, true]);
  });

  it("gives one answer to a request that comes twice", () => {
    const node = new DrivenIndex(4 * MIB);
    const event = node.create(A, 1, MIB);
    const first = node.tell(event);
    const again = node.tell(event);
    node.tell({ type: "object_sealed", requester: A, requestId: 1 });
    node.free(1);
    const late = node.tell(event);

    assertEquals(segmentIds(again), [segmentIds(first)[0]]);
    assertEquals(types(late), ["deny_request"]);
    assertEquals(node.index.stats().usedBytes, 0);
  });

  it("denies creates that wait when their object is freed", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, 3 * MIB);
    node.tell(node.create(B, 2, 3 * MIB));

    const actions = node.free(2);

    assertEquals(actions, [
      { type: "deny_request", requester: B, requestId: 1, reason: "freed" },
    ]);
  });
});

describe("StoreIndex reads", () => {
  it("answers an open once the object is sealed", () => {
    const node = new DrivenIndex(4 * MIB);
    node.tell(node.create(A, 1, MIB));
    const before = node.tell(node.open(B, 1));
    const after = node.tell({
      ...{ type: "object_sealed", requester: A, requestId: 1 } as const,
    });

    assertEquals(types(before), []);
    assertEquals(types(after), ["open_object", "announce_object"]);
    assertEquals(Object(after[0]).isNew, true);
  });

  it("reuses memory only when freed and not mapped by anyone", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, MIB);
    node.tell(node.open(B, 1));
    node.tell(node.open(A, 1));
    node.free(1);
    const pooled = () => node.index.stats().pooledBytes;

    assertEquals(pooled(), 0);
    node.tell({ type: "mapping_closed", requester: B, requestId: 1 });
    node.tell({ type: "mapping_closed", requester: B, requestId: 1 });
    assertEquals(pooled(), 0);
    node.tell({ type: "mapping_closed", requester: A, requestId: 2 });
    assertEquals(pooled(), MIB);
  });

  it("keeps the result of a task that runs again when it is whole", () => {
    const node = new DrivenIndex(4 * MIB);
    const first = segmentIds(node.put(1, MIB, B))[0];
    const second = node.put(1, MIB, A);
    const [opened] = node.tell(node.open(A, 1));

    assertEquals(types(second).slice(0, 2), [
      "allocate_segment",
      "create_object",
    ]);
    assertEquals(Object(second[1]).isCurrent, false);
    assertEquals(Object(opened).segmentId, first);
    assertEquals(node.index.stats().pooledBytes, MIB);
  });

  it("replaces the half-written result of a task that runs again", () => {
    const node = new DrivenIndex(4 * MIB);
    node.tell(node.create(B, 1, MIB));
    const second = segmentIds(node.put(1, MIB, A))[0];
    node.tell({ type: "object_sealed", requester: B, requestId: 1 });
    const [opened] = node.tell(node.open(B, 1));

    assertEquals(Object(opened).segmentId, second);
  });
});

describe("StoreIndex ends", () => {
  it("frees what an ended thread owned, wrote and had mapped", () => {
    const node = new DrivenIndex(8 * MIB);
    node.put(1, MIB);
    node.tell(node.open(B, 1));
    node.tell(node.create(B, 2, MIB));
    node.tell(node.open(A, 2));

    const ofB = node.tell({ type: "worker_ended", workerId: B });
    const ofA = node.tell({ type: "worker_ended", workerId: A });

    assertEquals(types(ofB), ["deny_request"]);
    assertEquals(ofA, []);
    const { usedBytes, objects } = node.index.stats();
    assertEquals([usedBytes, objects], [0, 0]);
  });

  it("drops pooled memory for another size and waits until it is gone", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, MIB);
    node.free(1);

    const dropped = node.tell(node.create(A, 2, 4 * MIB));
    const granted = node.drain(dropped);

    assertEquals(types(dropped), ["drop_segment", "collect_garbage"]);
    assertEquals(types(granted), ["allocate_segment", "create_object"]);
  });

  it("takes a larger warm segment before it drops one", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, 4 * MIB);
    node.free(1);

    assertEquals(types(node.put(2, 3 * MIB)), ["create_object"]);
  });

  it("does not wait for ever for dropped memory", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, MIB);
    node.free(1);
    node.tell(node.create(A, 2, 4 * MIB));

    node.nowMs = STORE_DRAIN_MS_MAX;
    const actions = node.tell({ type: "clock_ticked" });

    assertEquals(types(actions), ["allocate_segment", "create_object"]);
  });

  it("gives back what was pooled for long", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, MIB);
    node.free(1);
    assertEquals(node.index.nextWakeAtMs, STORE_POOL_IDLE_MS);

    node.nowMs = STORE_POOL_IDLE_MS;
    const actions = node.tell({ type: "clock_ticked" });

    assertEquals(types(actions), ["drop_segment", "collect_garbage"]);
    assertEquals(node.index.nextWakeAtMs, undefined);
    assertEquals(node.index.isWaiting, true);
    node.drain(actions);
    assertEquals(node.index.isWaiting, false);
  });
});
