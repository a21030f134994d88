// What happened lately, for the message of an error that must not happen: a
// bounded log of state changes from which one id's history can be read. It
// keeps texts only and never influences a decision.

/** A bounded log of what happened to which id. */
export class Story {
  readonly #entries: StoryEntry[] = [];
  readonly #entriesMax: number;
  #next = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** Adds an entry; the oldest goes when there are too many. */
  add(id: string, text: string, cause: string): void {
    this.#entries[this.#next] = { id, text, cause };
    this.#next = (this.#next + 1) % this.#entriesMax;
  }

  /** The history of an id, oldest first, one line per entry. */
  of(id: string): string[] {
    const older = this.#entries.slice(this.#next);
    const newer = this.#entries.slice(0, this.#next);
    return [...older, ...newer]
      .filter((entry) => entry.id === id)
      .map((entry) => `${entry.text} (${entry.cause})`);
  }
}

interface StoryEntry {
  readonly id: string;
  readonly text: string;
  readonly cause: string;
}
