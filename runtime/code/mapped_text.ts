// A text put together from ranges of a source and from text of our own, which
// remembers where each range came from. Source maps of it can then be led
// back to the source exactly.

/** A place in a text: both count from 0, as in source maps. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Replaces a range of the source when it is copied. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Stands for the place in the source of text that is not from there. */
const OWN_TEXT = -1;

/** Builds the new text; `text` is what was added so far. */
export class MappedText {
  readonly #source: string;
  readonly #edits: readonly TextEdit[];
  /** Where each part begins, in the new text and in the source. */
  readonly #starts: number[] = [];
  readonly #sourceStarts: number[] = [];
  readonly #parts: string[] = [];
  #length = 0;
  #lineStarts: readonly number[] | undefined;
  #sourceLineStarts: readonly number[] | undefined;

  /** Edits apply wherever the range that they are in is copied. */
  constructor(source: string, edits: readonly TextEdit[] = []) {
    this.#source = source;
    this.#edits = [...edits].sort((a, b) => a.start - b.start);
  }

  get text(): string {
    return this.#parts.join("");
  }

  /** Adds text of our own. */
  add(text: string): void {
    this.#push(text, OWN_TEXT);
  }

  /** Copies a range of the source, with the edits in it. */
  copy(range: { readonly start: number; readonly end: number }): void {
    let at = range.start;
    for (const edit of this.#edits) {
      if (edit.start < at || edit.end > range.end) continue;
      this.#push(this.#source.slice(at, edit.start), at);
      this.add(edit.text);
      at = edit.end;
    }
    this.#push(this.#source.slice(at, range.end), at);
  }

  /** Where in the source a place of the new text came from. */
  sourcePosition(line: number, column: number): TextPosition | undefined {
    this.#lineStarts ??= lineStarts(this.text);
    const lineStart = this.#lineStarts[line];
    if (lineStart === undefined) return undefined;
    const offset = lineStart + column;
    const index = lastAtMost(this.#starts, offset);
    const sourceStart = this.#sourceStarts[index] ?? OWN_TEXT;
    if (sourceStart === OWN_TEXT) return undefined;
    this.#sourceLineStarts ??= lineStarts(this.#source);
    const sourceOffset = sourceStart + offset - this.#starts[index]!;
    return positionOf(this.#sourceLineStarts, sourceOffset);
  }

  #push(text: string, sourceStart: number): void {
    if (text === "") return;
    this.#starts.push(this.#length);
    this.#sourceStarts.push(sourceStart);
    this.#parts.push(text);
    this.#length += text.length;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  let at = text.indexOf("\n");
  while (at !== -1) {
    starts.push(at + 1);
    at = text.indexOf("\n", at + 1);
  }
  return starts;
}

function positionOf(starts: readonly number[], offset: number): TextPosition {
  const line = lastAtMost(starts, offset);
  return { line, column: offset - starts[line]! };
}

/** The index of the last item that starts at or before the offset. */
function lastAtMost(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
