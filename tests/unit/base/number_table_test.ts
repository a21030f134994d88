import { NumberTable } from "../../../runtime/base/number_table.ts";
import { Dice } from "../../simulation/dice.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("NumberTable", () => {
  it("finds what was set, and forgets what was taken", () => {
    const table = new NumberTable<string>();

    table.set(1, "one");
    table.set(5_000, "far");

    assertEquals([table.get(1), table.get(5_000), table.get(2)], [
      "one",
      "far",
      undefined,
    ]);
    assertEquals([table.take(1), table.take(1)], ["one", undefined]);
    assertEquals(table.size, 1);
  });

  it("keeps numbers apart that are more than 32 bits long", () => {
    const table = new NumberTable<number>();
    const keys = [7, 2 ** 32 + 7, 2 ** 40 + 7];

    for (const key of keys) table.set(key, key);

    assertEquals(keys.map((key) => table.get(key)), keys);
    assertEquals([...table.values()], keys);
  });

  it("does what a map does, whatever is done to it", () => {
    const dice = new Dice(5);
    const table = new NumberTable<number>();
    const model = new Map<number, number>();

    for (let step = 0; step < 5_000; step++) {
      const key = dice.below(4_000);
      if (dice.chance(0.5)) {
        table.set(key, step);
        model.set(key, step);
      } else {
        assertEquals(table.take(key), model.get(key));
        model.delete(key);
      }
      assertEquals(table.size, model.size);
      const other = dice.below(4_000);
      assertEquals(table.get(other), model.get(other));
    }
    const sorted = [...model.values()].sort((a, b) => a - b);
    assertEquals([...table.values()].sort((a, b) => a - b), sorted);
  });
});
