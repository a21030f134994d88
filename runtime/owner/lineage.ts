// What is kept of tasks that have ended, to run them again if their results
// are lost: a record for each task with results in the store. A record lives
// as long as one of its results can be reached, or the record of another task
// needs one. It starts nothing; `remaking.ts` does.

import { LINEAGE_BYTES_MAX, LINEAGE_RECORD_BYTES } from "../base/limits.ts";
import type { WireArguments, WireValue } from "../protocol/messages.ts";
import type { ObjectRef } from "./object_ref.ts";
import type { LineageNeed, LineageRecord, TaskRecord } from "./task_record.ts";

/** What happens to what records keep. */
export interface LineageEffects {
  pin(refs: readonly ObjectRef[]): void;
  unpin(refs: readonly ObjectRef[]): void;
}

/** See the head of the file. */
export class Lineage {
  readonly #effects: LineageEffects;
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #records = new Set<LineageRecord>();
  /** By the numbers of results that are or were in the store. */
  readonly #byResult = new Map<number, LineageRecord>();
  /** Results that can be reached, and whose record had to go. */
  readonly #evicted = new Map<number, number>();
  #bytes = 0;

  constructor(effects: LineageEffects, bytesMax = LINEAGE_BYTES_MAX) {
    this.#effects = effects;
    this.#bytesMax = bytesMax;
  }

  /** Records kept at present. */
  get size(): number {
    return this.#records.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How an object was made, if that is known. */
  of(result: number): LineageRecord | undefined {
    return this.#byResult.get(result);
  }

  /** Whether it was known how the object was made, and given up for room. */
  isEvicted(result: number): boolean {
    return this.#evicted.has(result);
  }

  /** Begins a record; its first results are to be named in the same turn. */
  add(task: TaskRecord, needs: readonly LineageNeed[]): LineageRecord {
    const { number, template, args, attempt, uncounted } = task;
    const record: LineageRecord = {
      ...{ number, template, args, needs, attempt, uncounted },
      bytes: LINEAGE_RECORD_BYTES + bytesOf(args, needs),
      results: new Set(),
      live: new Map(),
      storedFrom: number,
      dependents: 0,
      underWay: undefined,
      wanted: [],
      late: [],
    };
    this.#records.add(record);
    this.#bytes += record.bytes;
    this.#effects.pin(pinnedBy(record));
    for (const need of needs) {
      if (typeof need === "number") this.#byResult.get(need)!.dependents++;
    }
    return record;
  }

  /** The store has a result of the record's task, and a ref stands for it. */
  gave(record: LineageRecord, { number, value }: ObjectRef): void {
    this.#byResult.set(number, record);
    record.results.add(number);
    record.live.set(number, value as number);
  }

  /** A ref stands for a result that is lost, or was freed. */
  misses(record: LineageRecord, ref: ObjectRef): void {
    const { live, wanted, late, underWay, template } = record;
    live.set(ref.number, undefined);
    const isLate = underWay !== undefined && template.returns < 0;
    (isLate ? late : wanted).push(ref);
  }

  /** A result was given as a small value, failed, or is not wanted. */
  dropped(record: LineageRecord, number: number): void {
    record.live.delete(number);
  }

  /** Nobody can reach the result any more that the store had by this number. */
  freed(number: number, storedAs: number): void {
    if (this.#evicted.get(number) === storedAs) this.#evicted.delete(number);
    const record = this.#byResult.get(number);
    // The collector's word may be late, and of a value that was lost.
    if (!record || record.live.get(number) !== storedAs) return;
    record.live.delete(number);
    this.settle(record);
  }

  /** Lets go of a record that nothing needs, and of the oldest for room. */
  settle(record: LineageRecord): void {
    this.#releaseUnused(record);
    if (this.#bytes <= this.#bytesMax) return;
    for (const oldest of this.#records) {
      if (this.#bytes <= this.#bytesMax) return;
      if (oldest.underWay || oldest.wanted.length > 0) continue;
      for (const [number, storedAs] of oldest.live) {
        if (storedAs !== undefined) this.#evicted.set(number, storedAs);
      }
      this.#release(oldest);
    }
  }

  #releaseUnused(record: LineageRecord): void {
    const due = [record];
    for (let next = due.pop(); next; next = due.pop()) {
      const isUsed = next.live.size > 0 || next.dependents > 0 ||
        next.underWay !== undefined;
      if (isUsed || !this.#records.has(next)) continue;
      due.push(...this.#forget(next));
      this.#effects.unpin(pinnedBy(next));
    }
  }

  #release(record: LineageRecord): void {
    const unused = this.#forget(record);
    this.#effects.unpin(pinnedBy(record));
    for (const each of unused) this.#releaseUnused(each);
  }

  /** Takes a record out; gives those that it needed. */
  #forget(record: LineageRecord): LineageRecord[] {
    this.#records.delete(record);
    this.#bytes -= record.bytes;
    for (const result of record.results) this.#byResult.delete(result);
    const needed: LineageRecord[] = [];
    for (const need of record.needs) {
      const maker = typeof need === "number" && this.#byResult.get(need);
      // The maker of a result may have had to go.
      if (!maker) continue;
      maker.dependents--;
      needed.push(maker);
    }
    return needed;
  }
}

/** The refs that a record keeps alive, with their values. */
function pinnedBy({ needs }: LineageRecord): ObjectRef[] {
  return needs.filter((need) => typeof need === "object");
}

/** Roughly what a record keeps in memory. */
function bytesOf(args: WireArguments, needs: readonly LineageNeed[]): number {
  let bytes = 0;
  if (args instanceof Uint8Array) bytes += args.byteLength;
  else if (args && "parts" in args) {
    for (const part of args.parts) bytes += bytesOfPart(part);
  } else for (const v of args ?? []) bytes += bytesOfPart({ v });
  for (const need of needs) {
    const { value } = need as { readonly value?: unknown };
    if (value instanceof Uint8Array) bytes += value.byteLength;
  }
  return bytes;
}

function bytesOfPart(part: WireValue): number {
  if ("p" in part) return part.p.byteLength;
  return "v" in part && typeof part.v === "string" ? 2 * part.v.length : 8;
}
