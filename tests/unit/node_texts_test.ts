// What a node says of work that waits: for each reason, with what to look for.

import type { WorkerId } from "../../runtime/base/ids.ts";
import { infeasibleText } from "../../runtime/node_texts.ts";
import type { WarnInfeasible } from "../../runtime/scheduler/messages.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

function textOf(said: Partial<Omit<WarnInfeasible, "cause" | "type">>): string {
  return infeasibleText({
    type: "warn_infeasible",
    subject: { classKey: "c", owner: "w-test" as WorkerId },
    reason: "resources",
    needed: { CPU: 40_000 },
    lacking: {},
    ...said,
  });
}

describe("the warning about work that waits", () => {
  it("names what no node has", () => {
    assertEquals(
      textOf({ lacking: { CPU: 20_000 } }),
      'A task waits since 10 s: no node can hold the {"CPU":4} it needs; no ' +
        'node has {"CPU":2} more. It goes on waiting',
    );
  });

  it("says whether it is labels, nodes or its placement group", () => {
    const texts = (["labels", "nodes", "group"] as const)
      .map((reason) => textOf({ reason }));
    assertEquals(
      texts,
      [
        "no node has the labels it asks for",
        "there are fewer nodes than it needs",
        "its placement group has no place yet",
      ].map((why) => `A task waits since 10 s: ${why}. It goes on waiting`),
    );
  });
});
