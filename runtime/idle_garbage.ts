// Collects the garbage of a thread that has nothing to do and holds what other
// threads own: nothing would tell their owners otherwise, since an engine
// collects only when it allocates. Knows no runtime; time is given to it.

import { IDLE_GARBAGE_MS, IDLE_GARBAGE_MS_MAX } from "./base/limits.ts";

/** What it needs of its thread. */
export interface IdleGarbagePorts {
  isIdle(): boolean;
  /** How many objects and actors of others the thread holds. */
  heldCount(): number;
  collect(): Promise<void>;
  after(delayMs: number, callback: () => void): void;
}

/** See the head of the file. */
export class IdleGarbage {
  readonly #ports: IdleGarbagePorts;
  #isTimed = false;
  /** Doubled while collecting frees nothing: it costs CPU. */
  #delayMs = IDLE_GARBAGE_MS;
  /** There were turns since the time began. */
  #hasRun = false;

  constructor(ports: IdleGarbagePorts) {
    this.#ports = ports;
  }

  /** A turn of the thread is over. */
  turned(): void {
    if (this.#isTimed) {
      this.#hasRun = true;
    } else if (this.#ports.heldCount() > 0) {
      this.#isTimed = true;
      this.#hasRun = false;
      this.#ports.after(this.#delayMs, () => void this.#timeOver());
    }
  }

  async #timeOver(): Promise<void> {
    this.#isTimed = false;
    // A turn follows whatever runs now.
    if (!this.#ports.isIdle()) return;
    if (this.#hasRun) return this.turned();
    const before = this.#ports.heldCount();
    await this.#ports.collect();
    this.#delayMs = this.#ports.heldCount() < before
      ? IDLE_GARBAGE_MS
      : Math.min(this.#delayMs * 2, IDLE_GARBAGE_MS_MAX);
  }
}
