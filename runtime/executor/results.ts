// What a run gives back to the task's owner: small results in columns, one
// message for many tasks; large ones through the store; streams item by item.

import { INLINE_VALUE_BYTES_MAX } from "../base/limits.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import type {
  ObjectKey,
  PeerMessage,
  Primitive,
  StreamEnded,
  TaskFailed,
  WireHeld,
  WireValue,
} from "../protocol/messages.ts";
import { isPrimitive } from "../protocol/primitive.ts";
import type { ExecutorPorts } from "./ports.ts";
import type { TaskRun } from "./task_run.ts";

/** Results of one owner's tasks that wait for the next flush. */
interface Columns {
  numbers: number[];
  values: (Primitive | Uint8Array)[];
}

/** See the head of the file. */
export class Results {
  readonly #ports: ExecutorPorts;
  readonly #columns = new Map<WorkerId, Columns>();
  #columnCount = 0;
  /** Refs inside results, kept until the owner holds them itself. */
  readonly #held = new Map<string, (readonly object[])[]>();
  readonly #endedOwners = new Set<WorkerId>();

  constructor(ports: ExecutorPorts) {
    this.#ports = ports;
  }

  /** Results that wait for a flush. */
  get unsentCount(): number {
    return this.#columnCount;
  }

  /** Gives a run's value back; async only when the store is needed. */
  returned(run: TaskRun, value: unknown): void | Promise<void> {
    const { returns } = run.template.spec;
    if (returns === 1) return this.#returnOne(run, value);
    if (returns === 0) return this.#returnOne(run, undefined);
    if (!Array.isArray(value) || value.length !== returns) {
      throw new TypeError(
        `Cannot return ${describe(value)} from ${run.template.spec.name}: ` +
          `its numReturns is ${returns}, so it must return an array of ` +
          `${returns} values`,
      );
    }
    return this.#returnAll(run, value);
  }

  /** Gives back one item of a stream. */
  async yielded(run: TaskRun, index: number, value: unknown): Promise<void> {
    const { number } = run;
    const holding: object[] = [];
    const item = await this.#holding(run, holding, async () => {
      const root = `yield[${index}]`;
      const item = await this.#wireValue(run, 1 + index, value, root, holding);
      await this.#acknowledged();
      return item;
    });
    this.#tell(run, { type: "stream_yielded", number, index, item });
  }

  /** Tells of an end without values; async while refs are being borrowed. */
  ended(run: TaskRun, outcome: TaskFailed | StreamEnded): void | Promise<void> {
    const waiting = this.#acknowledged();
    if (waiting) return waiting.then(() => this.#tell(run, outcome));
    this.#tell(run, outcome);
  }

  /** Sends the collected columns; the links are flushed by the caller. */
  collect(): void {
    if (this.#columnCount === 0) return;
    for (const [owner, { numbers, values }] of this.#columns) {
      this.#ports.send(owner, { type: "tasks_done", numbers, values });
    }
    this.#columns.clear();
    this.#columnCount = 0;
  }

  /** The owner holds the refs in these results by itself now. */
  taken(owner: WorkerId, numbers: readonly number[]): void {
    for (const number of numbers) {
      const held = this.#held.get(`${owner}/${number}`);
      const contained = held?.shift();
      if (contained) this.#ports.unpin(contained);
      if (held?.length === 0) this.#held.delete(`${owner}/${number}`);
    }
  }

  /** The owner is gone: its results' refs are held for nobody. */
  ownerEnded(owner: WorkerId): void {
    this.#endedOwners.add(owner);
    for (const [key, held] of [...this.#held]) {
      if (!key.startsWith(`${owner}/`)) continue;
      for (const contained of held) this.#ports.unpin(contained);
      this.#held.delete(key);
    }
  }

  #returnOne(run: TaskRun, value: unknown): void | Promise<void> {
    if (isPrimitive(value) && this.#ports.allAcknowledged()) {
      return this.#column(run, value);
    }
    const encoded = this.#ports.codec.encode(value, "result");
    const plain = encoded.contained.length === 0 &&
      encoded.sizeBytes <= INLINE_VALUE_BYTES_MAX;
    if (plain && this.#ports.allAcknowledged()) {
      return this.#column(run, encoded.toPayload());
    }
    return this.#returnAll(run, [value]);
  }

  async #returnAll(run: TaskRun, values: readonly unknown[]): Promise<void> {
    const returns: WireValue[] = [];
    const holding: object[] = [];
    await this.#holding(run, holding, async () => {
      for (const [index, value] of values.entries()) {
        const root = values.length === 1 ? "result" : `result[${index}]`;
        returns.push(
          await this.#wireValue(run, index, value, root, holding),
        );
      }
      await this.#acknowledged();
    });
    this.#tell(run, { type: "task_returned", number: run.number, returns });
  }

  #tell(run: TaskRun, outcome: PeerMessage): void {
    this.#ports.send(run.owner.id, outcome);
    this.#ports.flush();
  }

  /** The value for the wire; what it contains is pinned and in `holding`. */
  async #wireValue(
    run: TaskRun,
    index: number,
    value: unknown,
    root: string,
    holding: object[],
  ): Promise<WireValue> {
    if (isPrimitive(value)) return { v: value };
    const encoded = this.#ports.codec.encode(value, root);
    const { contained } = encoded;
    this.#ports.pin(contained);
    holding.push(...contained);
    const held = contained.length > 0 ? heldBy(contained) : {};
    if (encoded.sizeBytes <= INLINE_VALUE_BYTES_MAX) {
      return { p: encoded.toPayload(), ...held };
    }
    const { number, storedFrom, owner: { id } } = run;
    const at = storedFrom + index;
    await this.#ports.store.write(id, at, encoded);
    const isElsewhere = storedFrom !== number;
    return { o: [id, number + index], ...(isElsewhere ? { at } : {}), ...held };
  }

  #column(run: TaskRun, value: Primitive | Uint8Array): void {
    let columns = this.#columns.get(run.owner.id);
    if (!columns) {
      columns = { numbers: [], values: [] };
      this.#columns.set(run.owner.id, columns);
    }
    columns.numbers.push(run.number);
    columns.values.push(value);
    this.#columnCount++;
  }

  /** What is pinned by the work is kept until `taken`, if it succeeds. */
  async #holding<T>(
    run: TaskRun,
    holding: readonly object[],
    work: () => Promise<T>,
  ): Promise<T> {
    let isHeld = false;
    try {
      const result = await work();
      isHeld = holding.length > 0 && !this.#endedOwners.has(run.owner.id);
      return result;
    } finally {
      const key = `${run.owner.id}/${run.number}`;
      const held = this.#held.get(key);
      if (!isHeld) this.#ports.unpin(holding);
      else if (held) held.push(holding);
      else this.#held.set(key, [holding]);
    }
  }

  /**
   * Owners must count on us before ours lets go of the arguments: what the run
   * has kept of them would be lost.
   */
  #acknowledged(): Promise<void> | void {
    if (this.#ports.allAcknowledged()) return;
    return new Promise((resolve) => this.#ports.whenAcknowledged(resolve));
  }
}

/** A ref, or the hold on an actor, as values contain them. */
interface Holdable {
  readonly ownerId?: WorkerId;
  readonly number?: number;
  readonly actorId?: ActorId;
}

/** Names refs and handles. */
function heldBy(contained: readonly object[]): WireHeld {
  const c: ObjectKey[] = [];
  const a: ActorId[] = [];
  for (const object of contained as readonly Holdable[]) {
    if (object.actorId !== undefined) a.push(object.actorId);
    else c.push([object.ownerId!, object.number!]);
  }
  return { c, a };
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length} values`;
  return value === null ? "null" : `a value of type ${typeof value}`;
}
