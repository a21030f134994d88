// The claim table of a link: one word per pushed task that both sides see.
// An executor claims a task before it runs it, an owner takes an unclaimed
// task back (to run it elsewhere or not at all) without asking a thread that
// may be busy for long.

import { CLAIM_WINDOW } from "../base/limits.ts";
import { InvariantError } from "../base/errors.ts";

const QUEUED = 0;
const STARTED = 1;
const REVOKED = 2;
const STATE_BITS = 2;

/** Makes the table that one side writes pushes to. */
export function newClaimBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(CLAIM_WINDOW * 4);
}

function word(claim: number, state: number): number {
  return ((claim << STATE_BITS) | state) | 0;
}

/**
 * See the head of the file. A claim is a number whose remainder names its
 * word; the rest tells it from earlier uses of the word.
 */
export class ClaimTable {
  readonly #words: Int32Array;
  readonly #taken = new Uint8Array(CLAIM_WINDOW);
  #next = 0;
  #free = CLAIM_WINDOW;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** How many more tasks can be under way. */
  get room(): number {
    return this.#free;
  }

  /** Owner's side: enters one more task; there must be room. */
  queue(): number {
    if (this.#free === 0) {
      throw new InvariantError("Cannot queue a task: the claim table is full");
    }
    while (this.#taken[this.#next % CLAIM_WINDOW] === 1) this.#next++;
    const claim = this.#next++;
    this.#taken[claim % CLAIM_WINDOW] = 1;
    this.#free--;
    Atomics.store(this.#words, claim % CLAIM_WINDOW, word(claim, QUEUED));
    return claim;
  }

  /** Owner's side: the task has ended, its word can serve another. */
  release(claim: number): void {
    this.#taken[claim % CLAIM_WINDOW] = 0;
    this.#free++;
  }

  /** Executor's side: whether the task is still to be run, by the caller. */
  start(claim: number): boolean {
    return this.#change(claim, STARTED);
  }

  /** Either side: whether the task was taken back before it was begun. */
  revoke(claim: number): boolean {
    return this.#change(claim, REVOKED);
  }

  #change(claim: number, state: number): boolean {
    const queued = word(claim, QUEUED);
    return Atomics.compareExchange(
      this.#words,
      claim % CLAIM_WINDOW,
      queued,
      word(claim, state),
    ) === queued;
  }
}
