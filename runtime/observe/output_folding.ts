// Folds what many tasks print alike: the first of equal lines is shown at
// once, those that others print after it are counted and shown as one. Lines
// that one task or actor repeats by itself are all shown. Pure: the time comes
// with each call, and what to show is returned, in order.

import {
  OUTPUT_FOLD_LINE_CHARS_MAX,
  OUTPUT_FOLD_LINES_MAX,
  OUTPUT_FOLD_MS,
} from "../base/limits.ts";

/** A line on its way to the terminal. */
export interface PrintedLine {
  readonly stream: "stdout" | "stderr";
  /** What stands before the text, such as `(square pid=… …)`. */
  readonly prefix: string;
  readonly text: string;
  /** The name of the task or class that printed it. */
  readonly source: string;
  /** Tells tasks, and actors, apart that print the same. */
  readonly printer: string;
}

/** A line to show, whole. */
export interface ShownLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** A line that was shown, while equal ones are counted. */
interface Fold {
  readonly sinceMs: number;
  /** Who printed them all so far; undefined when there are several. */
  printer: string | undefined;
  count: number;
  /** The last one that was counted. */
  last: PrintedLine;
}

/** See the head of the file. */
export class OutputFolding {
  /** By what makes lines equal; the oldest fold first. */
  readonly #folds = new Map<string, Fold>();

  /** What to show of a line that was printed now. */
  add(line: PrintedLine, nowMs: number): readonly ShownLine[] {
    if (line.text === "" || line.text.length > OUTPUT_FOLD_LINE_CHARS_MAX) {
      return [shown(line)];
    }
    const key = JSON.stringify([line.stream, line.source, line.text]);
    const fold = this.#folds.get(key);
    if (!fold) {
      const due = this.#makeRoom();
      this.#begin(key, line, line.printer, nowMs);
      return [...due, shown(line)];
    }
    if (fold.printer === line.printer) return [shown(line)];
    fold.printer = undefined;
    fold.count++;
    fold.last = line;
    return [];
  }

  /** What to show because its time has come. */
  due(nowMs: number): readonly ShownLine[] {
    const lines: ShownLine[] = [];
    for (const [key, fold] of this.#folds) {
      if (nowMs - fold.sinceMs < OUTPUT_FOLD_MS) break;
      this.#folds.delete(key);
      lines.push(...folded(fold));
      // More of them may follow: they are counted from now on.
      if (fold.count > 0) this.#begin(key, fold.last, undefined, nowMs);
    }
    return lines;
  }

  /** When `due` must be called next; undefined when nothing is counted. */
  get dueAtMs(): number | undefined {
    for (const { count, sinceMs } of this.#folds.values()) {
      if (count > 0) return sinceMs + OUTPUT_FOLD_MS;
    }
    return undefined;
  }

  /** Shows all that was counted; to be called at the end. */
  end(): readonly ShownLine[] {
    const lines = [...this.#folds.values()].flatMap(folded);
    this.#folds.clear();
    return lines;
  }

  #begin(
    key: string,
    last: PrintedLine,
    printer: string | undefined,
    sinceMs: number,
  ): void {
    this.#folds.set(key, { sinceMs, printer, count: 0, last });
  }

  #makeRoom(): readonly ShownLine[] {
    if (this.#folds.size < OUTPUT_FOLD_LINES_MAX) return [];
    const [key, fold] = this.#folds.entries().next().value!;
    this.#folds.delete(key);
    return folded(fold);
  }
}

function folded({ count, last }: Fold): ShownLine[] {
  if (count === 0) return [];
  const text = `${last.text} [repeated ${count}x across cluster]`;
  return [shown({ ...last, text })];
}

function shown({ stream, prefix, text }: PrintedLine): ShownLine {
  return { stream, text: prefix + text };
}
