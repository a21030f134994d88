// How far ahead of a lease's executor an owner is that cannot take tasks back.
// Time is the test's.

import { PushPace } from "../../../runtime/owner/push_pace.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

/** Runs batches that take so long each; gives what may be under way then. */
function aheadAfter(batches: readonly [tasks: number, ms: number][]): number {
  const pace = new PushPace();
  let nowMs = 100;
  pace.began(nowMs);
  for (const [tasks, ms] of batches) {
    nowMs += ms;
    for (let n = 0; n < tasks; n++) pace.ended();
    pace.ahead(nowMs);
  }
  return pace.ahead(nowMs);
}

describe("PushPace", () => {
  it("begins with one task", () => {
    assertEquals(new PushPace().ahead(100), 1);
  });

  it("sends ahead what was completed in 5 ms", () => {
    assertEquals(aheadAfter([[10, 1], [10, 1], [10, 1]]), 50);
    assertEquals(aheadAfter([[1, 1]]), 5);
  });

  it("keeps to one task where tasks are long", () => {
    assertEquals(aheadAfter([[1, 20], [1, 30]]), 1);
  });

  it("forgets at once that tasks were short", () => {
    assertEquals(aheadAfter([[100, 1], [100, 1], [1, 50]]), 1);
  });

  it("does not take a moment for a rate", () => {
    assertEquals(aheadAfter([[50, 0.01]]), 1);
  });
});
