import {
  checkStateOptions,
  countItems,
  selectItems,
} from "../../../runtime/api/state.ts";
import type {
  FoundItems,
  StateFilter,
  TaskItem,
} from "../../../runtime/api/state_types.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const TASK: TaskItem = {
  ...{ id: "t-1", name: "square", state: "FINISHED", attempt: 0 },
  ...{ type: "NORMAL_TASK", jobId: "j-1", ownerId: "w-1" },
};

function found(
  items: readonly TaskItem[],
  omitted = 0,
): FoundItems<TaskItem> {
  return { items, omitted, warnings: [] };
}

function named(
  names: readonly string[],
  fields: Partial<TaskItem> = {},
): TaskItem[] {
  return names.map((name) => ({ ...TASK, name, ...fields }));
}

describe("selectItems()", () => {
  it("gives those that pass all filters", () => {
    const items = [
      ...named(["square", "cube"]),
      ...named(["square"], { state: "FAILED", attempt: 1 }),
    ];
    const names = (...filters: StateFilter[]) =>
      selectItems("tasks", found(items), { filters }).items.map(
        ({ name, attempt }) => `${name} ${attempt}`,
      );

    assertEquals(names(["name", "=", "square"]), ["square 0", "square 1"]);
    assertEquals(names(["name", "!=", "square"]), ["cube 0"]);
    assertEquals(
      names(["name", "=", "square"], ["state", "=", "FAILED"]),
      ["square 1"],
    );
    assertEquals(names(["attempt", "=", 1]), ["square 1"]);
    assertEquals(names(["attempt", "=", "1"]), ["square 1"]);
    assertEquals(names(["nodeId", "!=", "n-1"]).length, 3);
  });

  it("gives as many as are wanted, and says how many there are", () => {
    const all = found(named(Array.from({ length: 150 }, (_, n) => `f${n}`)));

    const some = selectItems("tasks", all, {});
    const enough = selectItems("tasks", all, { limit: 150 });

    const { total, truncated } = some;
    assertEquals([some.items.length, total, truncated], [100, 150, true]);
    assertEquals([enough.items.length, enough.truncated], [150, false]);
  });

  it("says that some were told of by nobody", () => {
    const { total, truncated, warnings } = selectItems(
      "tasks",
      found(named(["square"]), 7),
      {},
    );

    assertEquals([total, truncated], [8, true]);
    assertEquals(warnings, ["7 more were left out: there are too many"]);
  });

  it("gives what few need only with `detail`", () => {
    const all = found([TASK]);

    const plain = selectItems("tasks", all, {});
    const detailed = selectItems("tasks", all, { detail: true });

    assertEquals("ownerId" in plain.items[0]!, false);
    assertEquals(detailed.items, [TASK]);
  });
});

describe("countItems()", () => {
  it("counts by name and state, the most first", () => {
    const items = [
      ...named(["cube"]),
      ...named(["square", "square"]),
      ...named(["square"], { state: "FAILED" }),
    ];

    const { items: counts, total } = countItems("tasks", found(items), {});

    assertEquals(counts, [
      { name: "square", total: 3, states: { FINISHED: 2, FAILED: 1 } },
      { name: "cube", total: 1, states: { FINISHED: 1 } },
    ]);
    assertEquals(total, 2);
  });
});

describe("checkStateOptions()", () => {
  it("says what is wrong, and what would be right", () => {
    const cases: [unknown, typeof TypeError | typeof RangeError, string][] = [
      [7, TypeError, '"options" must be an object'],
      [{ filter: [] }, TypeError, "takes filters, limit, detail"],
      [{ limit: "7" }, TypeError, "a whole number from 1 on"],
      [{ limit: 1.5 }, RangeError, "a whole number from 1 on"],
      [{ detail: 1 }, TypeError, "a boolean"],
      [{ filters: [["state", "="]] }, TypeError, '"filters[0]"'],
      [{ filters: [["stat", "=", "x"]] }, RangeError, "id, name, state"],
      [{ filters: [["state", "==", "x"]] }, RangeError, '"=" or "!="'],
      [{ filters: [["state", "=", null]] }, TypeError, "a string, a number"],
    ];
    for (const [options, expected, part] of cases) {
      assertThrows(() => checkStateOptions("tasks", options), expected, part);
    }
    checkStateOptions("tasks", { filters: [["ownerId", "=", "w-1"]] });
  });
});
