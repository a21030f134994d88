import {
  listingText,
  parseFilter,
  summaryText,
} from "../../../cli/commands/listing_text.ts";
import type {
  NodeItem,
  ObjectItem,
  StateListing,
} from "../../../runtime/api/state_types.ts";
import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const OBJECT: ObjectItem = {
  ...{ id: "o-1", state: "SEALED", sizeBytes: 2048, nodeId: "n-1" },
  ...{ isCopy: false, jobId: "j-1", ownerId: "w-1" },
};

function listing<Item>(items: readonly Item[], total = items.length) {
  const truncated = total > items.length;
  return { items, total, truncated, warnings: [] } as StateListing<Item>;
}

describe("listingText()", () => {
  it("has a column for each field and says how many there are", () => {
    assertEquals(
      listingText("objects", listing([OBJECT])),
      "ID   STATE   SIZE     NODE ID  IS COPY  JOB ID\n" +
        "o-1  SEALED  2.0 KiB  n-1      false    j-1\n" +
        "1 objects\n",
    );
    assertStringIncludes(
      listingText("objects", listing([OBJECT]), true),
      "OWNER ID",
    );
  });

  it("has nothing but a count where nothing is", () => {
    assertEquals(
      listingText("placementGroups", listing([])),
      "0 placement groups\n",
    );
  });

  it("says how to see more", () => {
    assertStringIncludes(
      listingText("objects", listing([OBJECT], 9)),
      "\n1 of 9 objects: give --limit for more, or --filter\n",
    );
  });

  it("shows times, and the beginnings of long texts", () => {
    const node = {
      ...{ id: "n-1", name: "host", state: "DEAD", address: "a:1" },
      ...{ isHead: false, pid: 1, version: "0", startedAtMs: 0 },
      deathCause: "x".repeat(100) + "\nmore",
    } as NodeItem;

    const text = listingText("nodes", listing([node]));

    assertStringIncludes(text, "STARTED AT");
    assertStringIncludes(text, "1970-01-01T00:00:00.000Z");
    assertStringIncludes(text, `${"x".repeat(59)}…\n`);
  });
});

describe("summaryText()", () => {
  it("has a column for each state", () => {
    const text = summaryText(
      "tasks",
      listing([
        { name: "square", total: 3, states: { FINISHED: 2, FAILED: 1 } },
        { name: "cube", total: 1, states: { FINISHED: 1 } },
      ]),
    );

    assertEquals(
      text,
      "NAME    TOTAL  FAILED  FINISHED\n" +
        "square  3      1       2\n" +
        "cube    1      0       1\n",
    );
    assertEquals(summaryText("tasks", listing([])), "There are no tasks\n");
  });
});

describe("parseFilter()", () => {
  it("reads both comparisons, and any value", () => {
    assertEquals(parseFilter("state=RUNNING"), ["state", "=", "RUNNING"]);
    assertEquals(parseFilter("name!=a=b"), ["name", "!=", "a=b"]);
    assertEquals(parseFilter("name="), ["name", "=", ""]);
    assertThrows(() => parseFilter("running"), TypeError, "state=RUNNING");
  });
});
