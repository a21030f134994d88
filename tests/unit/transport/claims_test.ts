import { InvariantError } from "../../../runtime/base/errors.ts";
import { CLAIM_WINDOW } from "../../../runtime/base/limits.ts";
import {
  ClaimTable,
  newClaimBuffer,
} from "../../../runtime/transport/claims.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

describe("ClaimTable", () => {
  it("gives each task to one side only", () => {
    const { owner, executor } = makeTables();
    const [first, second] = [owner.queue(), owner.queue()];

    assertEquals([executor.start(first), owner.revoke(first)], [true, false]);
    assertEquals([owner.revoke(second), executor.start(second)], [
      true,
      false,
    ]);
    assertEquals(executor.start(first), false);
  });

  it("tells a task from those that used its word before", () => {
    const { owner, executor } = makeTables();
    const old = owner.queue();
    owner.revoke(old);
    owner.release(old);

    let claim = owner.queue();
    while (claim % CLAIM_WINDOW !== old % CLAIM_WINDOW) {
      owner.release(claim);
      claim = owner.queue();
    }

    assertEquals(executor.start(old), false);
    assertEquals(executor.start(claim), true);
  });

  it("has room for so many tasks, and no more", () => {
    const { owner } = makeTables();
    const claims = Array.from({ length: CLAIM_WINDOW }, () => owner.queue());

    assertEquals(owner.room, 0);
    assertThrows(() => owner.queue(), InvariantError);
    owner.release(claims[17]!);

    assertEquals(owner.queue() % CLAIM_WINDOW, 17);
  });

  it("goes on when its numbers no longer fit into a word", () => {
    const { owner, executor } = makeTables();
    const claim = 2 ** 30 * 3 + 5;
    const words = new Int32Array(makeTables().buffer.byteLength / 4);

    assertEquals(words.length, CLAIM_WINDOW);
    assertEquals([owner.revoke(claim), executor.start(claim)], [false, false]);
  });
});

function makeTables() {
  const buffer = newClaimBuffer();
  return {
    buffer,
    owner: new ClaimTable(buffer),
    executor: new ClaimTable(buffer),
  };
}
