// The guards of the state: illegal edges, broken counts, the bounded story,
// and the small structures that everything is kept in.

import { InvariantError } from "../../../runtime/base/errors.ts";
import { IndexedHeap } from "../../../runtime/scheduler/indexed_heap.ts";
import { RecentSet } from "../../../runtime/scheduler/recent_set.ts";
import { LEASE_TRANSITIONS } from "../../../runtime/scheduler/records.ts";
import { checkEdge, newState } from "../../../runtime/scheduler/state.ts";
import { Story } from "../../../runtime/scheduler/story.ts";
import { validateState } from "../../../runtime/scheduler/validation.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { NODE_ID } from "./scheduler_fixture.ts";

describe("checkEdge()", () => {
  it("throws with the story of the id when the table has no such edge", () => {
    const state = someState();
    state.cause = "c1";
    const id = "l-1";
    checkEdge(state, LEASE_TRANSITIONS, {
      id,
      from: "assigned",
      to: "granted",
    });

    const error = assertThrows(
      () =>
        checkEdge(state, LEASE_TRANSITIONS, {
          id,
          from: "ended",
          to: "granted",
        }),
      InvariantError,
      "Cannot move l-1 from ended to granted",
    );

    assertEquals(
      (error as InvariantError & { story: string[] }).story,
      ["assigned → granted (c1)"],
    );
  });
});

describe("validateState()", () => {
  it("finds resources that were lost", () => {
    const state = someState();
    validateState(state);

    state.pool.take({ CPU: 1 });

    assertThrows(() => validateState(state), InvariantError, "9999 free");
  });
});

describe("IndexedHeap", () => {
  it("keeps its order through pushes, removals and changes of rank", () => {
    const items = Array.from({ length: 50 }, (_, index) => ({
      rank: (index * 37) % 50,
      heapIndex: -1,
    }));
    const heap = new IndexedHeap<(typeof items)[number]>(
      (left, right) => left.rank < right.rank,
    );
    for (const item of items) heap.push(item);

    for (const item of items.slice(0, 10)) heap.remove(item);
    for (const item of items.slice(10, 30)) {
      item.rank = 100 - item.rank;
      heap.update(item);
    }

    const ranks: number[] = [];
    while (heap.top) {
      ranks.push(heap.top.rank);
      heap.remove(heap.top);
    }
    const expected = items.slice(10).map((item) => item.rank);
    assertEquals(ranks, expected.sort((left, right) => left - right));
  });
});

describe("RecentSet", () => {
  it("forgets the oldest when it is full", () => {
    const set = new RecentSet<string>(2);
    for (const member of ["a", "b", "a", "c"]) set.add(member);

    assertEquals([set.has("a"), set.has("b"), set.has("c")], [
      true,
      false,
      true,
    ]);
    assertEquals(set.size, 2);
  });
});

describe("Story", () => {
  it("keeps the latest entries, oldest first", () => {
    const story = new Story(3);
    for (const text of ["one", "two", "three", "four"]) {
      story.add("x", text, "c");
    }

    assertEquals(story.of("x"), ["two (c)", "three (c)", "four (c)"]);
    assertEquals(story.of("y"), []);
  });
});

function someState() {
  return newState({
    nodeId: NODE_ID,
    total: { CPU: 10_000 },
    newThreadId: () => "w-1" as never,
  });
}
