// Who guesses tokens must wait, and nobody else.

import {
  TOKEN_ADDRESSES_MAX,
  WRONG_TOKENS_MAX,
  WRONG_TOKENS_REFILL_MS,
} from "../../../runtime/base/limits.ts";
import { AttemptLimit } from "../../../runtime/protocol/attempt_limit.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

describe("AttemptLimit", () => {
  let nowMs = 0;

  function limitWithWrong(address: string): AttemptLimit {
    nowMs = 1_000;
    const limit = new AttemptLimit(() => nowMs);
    for (let n = 0; n < WRONG_TOKENS_MAX; n++) {
      assertEquals(limit.note(address, false), 0);
    }
    return limit;
  }

  it("makes an address wait after many wrong tokens, right or wrong", () => {
    const limit = limitWithWrong("10.0.0.1");

    assertEquals(limit.note("10.0.0.1", false), WRONG_TOKENS_REFILL_MS);
    assertEquals(limit.note("10.0.0.1", true), WRONG_TOKENS_REFILL_MS);
    nowMs += WRONG_TOKENS_REFILL_MS;
    assertEquals(limit.note("10.0.0.1", false), 0);
    assert(limit.note("10.0.0.1", false) > 0);
  });

  it("concerns no other address", () => {
    const limit = limitWithWrong("10.0.0.1");

    assertEquals(limit.note("10.0.0.2", true), 0);
    assertEquals(limit.note("10.0.0.3", false), 0);
  });

  it("never makes an address wait from which the token has come", () => {
    nowMs = 0;
    const limit = new AttemptLimit(() => nowMs);
    limit.note("10.0.0.1", true);

    for (let n = 0; n < 1_000; n++) {
      assertEquals(limit.note("10.0.0.1", false), 0);
    }
    assertEquals(limit.note("10.0.0.1", true), 0);
  });

  it("forgives all in time", () => {
    const limit = limitWithWrong("10.0.0.1");
    nowMs += WRONG_TOKENS_MAX * WRONG_TOKENS_REFILL_MS;

    for (let n = 0; n < WRONG_TOKENS_MAX; n++) {
      assertEquals(limit.note("10.0.0.1", false), 0);
    }
    assert(limit.note("10.0.0.1", false) > 0);
  });

  it("takes the addresses of one host for one", () => {
    const limit = limitWithWrong("2001:db8:1:2::7");

    assert(limit.note("2001:db8:1:2:ffff::1", false) > 0);
    assert(limit.note("2001:DB8:1:2:0:0:0:9", false) > 0);
    assertEquals(limit.note("2001:db8:1:3::7", false), 0);
    const mapped = limitWithWrong("::ffff:10.0.0.1");
    assert(mapped.note("10.0.0.1", false) > 0);
    assertEquals(mapped.note("::ffff:10.0.0.2", false), 0);
  });

  it("remembers so many addresses, first of all those with the token", () => {
    nowMs = 0;
    const limit = new AttemptLimit(() => nowMs);
    limit.note("10.0.0.1", true);
    for (let n = 0; n < 3 * TOKEN_ADDRESSES_MAX; n++) {
      limit.note(`11.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, false);
    }

    assertEquals(limit.size, TOKEN_ADDRESSES_MAX);
    for (let n = 0; n < 1_000; n++) limit.note("10.0.0.1", false);
    assertEquals(limit.note("10.0.0.1", true), 0);
  });
});
