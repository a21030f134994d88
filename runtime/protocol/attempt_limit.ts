// Who has sent wrong tokens too often must wait: a bucket of attempts for each
// address. An address from which the token has come is never made to wait, so
// that nobody can lock out others who share it. Pure: time is passed in.

import {
  TOKEN_ADDRESSES_MAX,
  WRONG_TOKENS_MAX,
  WRONG_TOKENS_REFILL_MS,
} from "../base/limits.ts";

interface Attempts {
  /** Wrong tokens that have come and are not forgiven yet. */
  count: number;
  /** When the count was true. */
  atMs: number;
  isKnown: boolean;
}

/** See the head of the file. */
export class AttemptLimit {
  readonly #nowMs: () => number;
  /** By address, the one that was heard of longest ago first. */
  readonly #attempts = new Map<string, Attempts>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#attempts.size;
  }

  /**
   * Notes an attempt. Gives how long its sender must wait before it is judged
   * by its token: 0 in most cases.
   */
  note(address: string, isRight: boolean): number {
    const key = keyOf(address);
    const known = this.#attempts.get(key);
    // Those that were heard of last are kept.
    this.#attempts.delete(key);
    if (!known && isRight) return this.#keep(key, fresh(this.#nowMs(), true));
    const attempts = known ?? fresh(this.#nowMs(), false);
    this.#keep(key, attempts);
    if (attempts.isKnown) return 0;
    this.#forgive(attempts);
    if (attempts.count >= WRONG_TOKENS_MAX) return this.#waitMs(attempts);
    attempts.isKnown = isRight;
    if (!isRight) attempts.count++;
    return 0;
  }

  #keep(key: string, attempts: Attempts): number {
    if (this.#attempts.size >= TOKEN_ADDRESSES_MAX) this.#forgetOne();
    this.#attempts.set(key, attempts);
    return 0;
  }

  /** Strangers are forgotten before those who have the token. */
  #forgetOne(): void {
    for (const [key, { isKnown }] of this.#attempts) {
      if (!isKnown) return void this.#attempts.delete(key);
    }
    const [oldest] = this.#attempts.keys();
    this.#attempts.delete(oldest!);
  }

  #forgive(attempts: Attempts): void {
    const nowMs = this.#nowMs();
    const forgiven = Math.floor(
      (nowMs - attempts.atMs) / WRONG_TOKENS_REFILL_MS,
    );
    if (forgiven <= 0) return;
    attempts.count = Math.max(0, attempts.count - forgiven);
    attempts.atMs += forgiven * WRONG_TOKENS_REFILL_MS;
  }

  #waitMs({ atMs }: Attempts): number {
    return Math.max(1, atMs + WRONG_TOKENS_REFILL_MS - this.#nowMs());
  }
}

function fresh(nowMs: number, isKnown: boolean): Attempts {
  return { count: 0, atMs: nowMs, isKnown };
}

/** A host has 2^64 addresses of IPv6: they count as one. */
function keyOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(":")) return address;
  const [left = "", right] = address.split("%")[0]!.split("::");
  const groups = left === "" ? [] : left.split(":");
  if (right !== undefined) {
    const end = right === "" ? [] : right.split(":");
    while (groups.length + end.length < 8) groups.push("0");
    groups.push(...end);
  }
  return groups.slice(0, 4).map((group) => parseInt(group, 16)).join(":");
}
