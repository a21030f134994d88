// Sees to it that a child process keeps the option "memory" of what it runs:
// looks often how much memory is its own, beyond what it had before any user
// code. Shared objects do not count.

import { setInterval } from "node:timers";
import { CHILD_MEMORY_EVERY_MS } from "./base/limits.ts";
import type { MemoryLimit } from "./child_messages.ts";
import { ownMemoryBytes } from "./platform/machine.ts";

/** Who used too much, and how much. */
export interface MemoryExceeded {
  readonly name: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** See the head of the file. */
export class MemoryWatch {
  readonly #tell: (exceeded: MemoryExceeded) => void;
  #limit: MemoryLimit | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #baseBytes: number | undefined;

  /** `tell` is called once for each limit that is exceeded. */
  constructor(tell: (exceeded: MemoryExceeded) => void) {
    this.#tell = tell;
  }

  /** What runs from now on has this limit, or none. */
  limit(limit: MemoryLimit): void {
    if (limit.type !== "memory_limit") return;
    this.#baseBytes ??= ownMemoryBytes();
    this.#limit = limit.limitBytes > 0 ? limit : undefined;
    clearInterval(this.#timer);
    this.#timer = this.#limit &&
      setInterval(() => this.#look(), CHILD_MEMORY_EVERY_MS);
  }

  #look(): void {
    const limit = this.#limit;
    const usedBytes = ownMemoryBytes() - this.#baseBytes!;
    if (!limit || usedBytes <= limit.limitBytes) return;
    const { name, limitBytes } = limit;
    clearInterval(this.#timer);
    this.#tell({ name, usedBytes, limitBytes });
  }
}
