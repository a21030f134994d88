// Which requests of a thread the store has seen, exactly and in little room:
// threads number them in sequence. One that comes again after it was settled
// must not be granted a second time, as nobody would ever give that back.

import { REQUESTS_MISSING_MAX } from "../base/limits.ts";
import type { RequestId } from "./messages.ts";

/** See the head of the file. */
export class RequestLog {
  /** All below were seen, but for the missing ones. */
  #next = 1;
  /** Lost on the way here, or overtaken; they come yet. */
  readonly #missing = new Set<RequestId>();

  /**
   * Notes the request; whether it comes for the first time. A number that is
   * far out of sequence is no thread's, and counts as seen.
   */
  add(requestId: RequestId): boolean {
    if (requestId < this.#next) return this.#missing.delete(requestId);
    if (requestId - this.#next > REQUESTS_MISSING_MAX) return false;
    while (this.#next < requestId) this.#missing.add(this.#next++);
    this.#next++;
    return true;
  }
}
