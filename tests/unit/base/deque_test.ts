import { Deque } from "../../../runtime/base/deque.ts";
import { Dice } from "../../simulation/dice.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("Deque", () => {
  it("takes and gives items at both ends", () => {
    const deque = new Deque<number>();

    deque.push(2);
    deque.push(3);
    deque.unshift(1);

    assertEquals([...deque], [1, 2, 3]);
    assertEquals([deque.peek(), deque.pop(), deque.shift()], [1, 3, 1]);
    assertEquals(deque.length, 1);
  });

  it("gives undefined when it is empty", () => {
    const deque = new Deque<number>();

    assertEquals([deque.shift(), deque.pop(), deque.peek()], [
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("removes an item wherever it stands", () => {
    const deque = new Deque<string>();
    for (const item of ["a", "b", "c"]) deque.push(item);

    assertEquals([deque.remove("b"), deque.remove("x")], [true, false]);
    assertEquals([...deque], ["a", "c"]);
  });

  it("does what an array does, whatever is done to it", () => {
    const dice = new Dice(3);
    const deque = new Deque<number>();
    let model: number[] = [];

    for (let step = 0; step < 5_000; step++) {
      const acts = [
        () => [deque.push(step), void model.push(step)],
        () => [deque.push(step), void model.push(step)],
        () => [deque.unshift(step), void model.unshift(step)],
        () => [deque.shift(), model.shift()],
        () => [deque.pop(), model.pop()],
        () => [deque.peek(), model[0]],
      ];
      const [actual, expected] = dice.pick(acts)();
      assertEquals(actual, expected);
      assertEquals(deque.length, model.length);
      if (!dice.chance(0.01)) continue;
      assertEquals([...deque], model);
      if (dice.chance(0.2)) {
        deque.clear();
        model = [];
      }
    }
  });
});
