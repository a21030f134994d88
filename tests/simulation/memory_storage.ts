// Where a simulated head keeps its state: rows that outlive it, as a file does.

import type {
  StateChange,
  StateRow,
  StateStorage,
} from "../../runtime/platform/state_file.ts";

/** See the head of the file. */
export class MemoryStorage implements StateStorage {
  readonly #rows = new Map<string, StateRow>();

  load(): readonly StateRow[] {
    return [...this.#rows.values()];
  }

  commit(changes: readonly StateChange[]): void {
    for (const { kind, id, bytes } of changes) {
      const key = `${kind} ${id}`;
      if (bytes) this.#rows.set(key, { kind, id, bytes: bytes.slice() });
      else this.#rows.delete(key);
    }
  }

  close(): void {}

  remove(): void {
    this.#rows.clear();
  }
}
