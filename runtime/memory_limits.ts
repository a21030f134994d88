// The option "memory" of what runs in a process of its own, told to the thread
// that watches over it.

import type { MemoryLimit } from "./child_messages.ts";
import { fromUnits, type ResourceSet } from "./base/resources.ts";

/** A task's template, or an actor. */
export interface Limited {
  readonly name?: string | undefined;
  readonly className?: string;
  readonly resources?: ResourceSet;
}

/** See the head of the file. */
export class MemoryLimits {
  readonly #tell: (limit: MemoryLimit) => void;
  #limitBytes = 0;
  #name = "";

  constructor(tell: (limit: MemoryLimit) => void) {
    this.#tell = tell;
  }

  /** It begins to run, alone or with others that have the same limit. */
  begins({ className, name: ownName = "", resources }: Limited): void {
    const name = className ?? ownName;
    const limitBytes = fromUnits(resources?.["memory"] ?? 0);
    if (limitBytes === this.#limitBytes && name === this.#name) return;
    this.#limitBytes = limitBytes;
    this.#name = name;
    this.#tell({ type: "memory_limit", name, limitBytes });
  }
}
