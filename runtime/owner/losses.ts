// Has lost objects made again by the tasks that made them, with whatever those
// need that is lost or freed as well. Who waits for such an object sees
// nothing of it but that it takes longer.

import { objectIdText } from "../base/ids.ts";
import type { WireValue } from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { PreparedArguments } from "./arguments.ts";
import { Lineage } from "./lineage.ts";
import {
  actorGoneError,
  evictedError,
  exhaustedError,
  missingError,
  notRemadeError,
  notYieldedError,
  remakingError,
} from "./loss_errors.ts";
import { mayRetry } from "./lost_tasks.ts";
import { ObjectRef } from "./object_ref.ts";
import type { OwnerPorts } from "./ports.ts";
import type { ObjectLosses, References } from "./references.ts";
import { numbersOf, type TakenCall } from "./submission.ts";
import {
  type LineageNeed,
  type LineageRecord,
  TaskRecord,
} from "./task_record.ts";

/** What the owner does for it. */
export interface LossesEffects {
  readonly references: References;
  /** Takes a call in as one that is submitted. */
  begin(call: TakenCall): void;
  /** Whether a call would be sent to its actor, now or later. */
  canCall(task: LineageRecord): boolean;
}

/** See the head of the file. */
export class Losses implements ObjectLosses {
  readonly #ports: OwnerPorts;
  readonly #effects: LossesEffects;
  readonly #lineage: Lineage;
  /** Records whose task is to run again, and why. */
  readonly #due: { record: LineageRecord; reason: Error }[] = [];
  #isStarting = false;

  constructor(
    ports: OwnerPorts,
    effects: LossesEffects,
    lineageBytesMax?: number,
  ) {
    this.#ports = ports;
    this.#effects = effects;
    this.#lineage = new Lineage({
      pin: (refs) => effects.references.pin(refs),
      unpin: (refs) => effects.references.unpin(refs),
    }, lineageBytesMax);
  }

  /** Tasks of which something is kept. */
  get recordCount(): number {
    return this.#lineage.size;
  }

  // -- Keeping ---------------------------------------------------------------

  /** A task has given its results: keeps what it takes to run it again. */
  keep(task: TaskRecord): void {
    if (task.template.maxRetries === 0) return;
    const stored = task.refs.filter(({ state }) => state === "stored");
    if (stored.length === 0) return;
    const record = this.#lineage.add(task, this.#needsOf(task));
    for (const ref of stored) this.#lineage.gave(record, ref);
    this.#lineage.settle(record);
  }

  /** The same for one item of a stream. */
  keepItem(task: TaskRecord, ref: ObjectRef): void {
    if (task.template.maxRetries === 0) return;
    if (ref.state !== "stored") {
      if (task.lineage) this.#lineage.dropped(task.lineage, ref.number);
      return;
    }
    task.lineage ??= this.#lineage.add(task, this.#needsOf(task));
    task.lineage.underWay = task;
    this.#lineage.gave(task.lineage, ref);
  }

  freed(number: number, storedAs: number): void {
    this.#lineage.freed(number, storedAs);
  }

  #needsOf({ dependencies, contained }: TaskRecord): LineageNeed[] {
    const needs = new Set<LineageNeed>();
    for (const ref of dependencies ?? []) {
      // Small values are in the arguments as they are.
      const isInside = ref.state !== "stored" && !ref.contained;
      if (!isInside) needs.add(this.#needOf(ref));
    }
    for (const object of contained ?? []) {
      const { actorId } = object as { readonly actorId?: never };
      needs.add(actorId ?? this.#needOf(object as ObjectRef));
    }
    return [...needs];
  }

  #needOf(ref: ObjectRef): LineageNeed {
    const isRemade = ref.ownerId === this.#ports.workerId &&
      ref.state === "stored" && this.#lineage.of(ref.number) !== undefined;
    return isRemade ? ref.number : ref;
  }

  // -- Losing ----------------------------------------------------------------

  lost(refs: readonly ObjectRef[], reason: WireError): void {
    const error = this.#ports.codec.decodeError(reason);
    // What one task needs may be lost with what it has made.
    for (const ref of refs) this.#lose(ref, error);
    this.#startDue();
  }

  missed(ref: ObjectRef): void {
    const { number } = ref;
    const isKnown = this.#lineage.of(number) !== undefined ||
      this.#lineage.isEvicted(number);
    // Else the reader's own error says all there is to say.
    if (!isKnown) return;
    this.#lose(ref, missingError(ref));
    this.#startDue();
  }

  #lose(ref: ObjectRef, reason: Error): void {
    const record = this.#lineage.of(ref.number);
    const isEvicted = this.#lineage.isEvicted(ref.number);
    if (isEvicted) this.#lineage.freed(ref.number, ref.value as number);
    this.#effects.references.reopen(ref);
    if (record) return this.#make(record, ref, reason);
    this.#fail(
      ref,
      isEvicted ? evictedError(ref, reason) : notRemadeError(ref, reason),
    );
  }

  /** A lost item that its stream gives once more, if it is awaited. */
  takeWantedItem(task: TaskRecord, number: number): ObjectRef | undefined {
    for (const refs of [task.lineage?.wanted, task.lineage?.late]) {
      const at = refs?.findIndex((ref) => ref.number === number) ?? -1;
      if (at >= 0) return refs!.splice(at, 1)[0];
    }
    return undefined;
  }

  // -- Making again ----------------------------------------------------------

  #make(record: LineageRecord, ref: ObjectRef, reason: Error): void {
    this.#lineage.misses(record, ref);
    if (record.underWay) return;
    this.#due.push({ record, reason });
  }

  #startDue(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    for (let next = this.#due.pop(); next; next = this.#due.pop()) {
      this.#start(next.record, next.reason);
    }
    this.#isStarting = false;
  }

  #start(record: LineageRecord, reason: Error): void {
    if (record.underWay || record.wanted.length === 0) return;
    if (!mayRetry(record)) {
      return this.#giveUp(record, exhaustedError(record, reason));
    }
    if (!this.#effects.canCall(record)) {
      return this.#giveUp(record, actorGoneError(record, reason));
    }
    const { number, template, args, wanted } = record;
    const { references } = this.#effects;
    const freed: ObjectRef[] = [];
    const needs = record.needs.map((need) => this.#found(need, freed));
    const prepared = preparedAgain(args, needs);
    const task = new TaskRecord(number, template, wanted, prepared.wire);
    task.attempt = record.attempt + 1;
    task.uncounted = record.uncounted;
    task.lineage = record;
    record.storedFrom = references.reserve(numbersOf(template));
    record.underWay = task;
    task.dependencies = prepared.dependencies;
    task.contained = prepared.contained;
    references.pin(task.dependencies);
    references.pin(task.contained);
    for (const ref of freed) this.#revive(ref, reason);
    this.#effects.begin({ task, prepared });
  }

  /** What the task was given; what was freed is pending, and in `freed`. */
  #found(need: LineageNeed, freed: ObjectRef[]): object {
    if (typeof need === "object") return need;
    if (typeof need === "string") return this.#ports.holdActor(need);
    const present = this.#refOf(need);
    if (present) return present;
    const ref = this.#effects.references.createWith(need);
    ref.seen = true;
    // Nobody has it but the task.
    ref.disposed = true;
    freed.push(ref);
    return ref;
  }

  #refOf(number: number): ObjectRef | undefined {
    const { references } = this.#effects;
    const record = this.#lineage.of(number);
    const wanted = record?.wanted.find((ref) => ref.number === number);
    if (wanted) return wanted;
    const storedAs = record?.live.get(number) ?? number;
    const ref = references.storedRef(storedAs);
    return ref?.number === number ? ref : undefined;
  }

  #revive(ref: ObjectRef, reason: Error): void {
    const record = this.#lineage.of(ref.number);
    if (record) this.#make(record, ref, reason);
    else this.#fail(ref, evictedError(ref, reason));
  }

  /** The task is over, in whatever way. */
  ended(task: TaskRecord, error?: WireError): void {
    const record = task.lineage;
    if (!record) return;
    const { wanted, late } = record;
    record.wanted = [];
    record.late = [];
    record.underWay = undefined;
    record.attempt = task.attempt;
    record.uncounted = task.uncounted;
    const { references } = this.#effects;
    for (const ref of [...wanted, ...late]) {
      if (ref.state === "pending" && error) references.fail(ref, error);
      if (ref.state === "stored") this.#lineage.gave(record, ref);
      else if (ref.state !== "pending") {
        this.#lineage.dropped(record, ref.number);
      }
    }
    for (const ref of wanted) {
      if (ref.state !== "pending") continue;
      this.#lineage.dropped(record, ref.number);
      this.#fail(ref, notYieldedError(record));
    }
    for (const ref of late) {
      if (ref.state === "pending") this.#make(record, ref, missingError(ref));
    }
    this.#lineage.settle(record);
    this.#startDue();
  }

  /** How it is told that a task has failed which ran again. */
  errorOf(task: TaskRecord, error: WireError): WireError {
    if (!task.isRemaking || error.kind !== "manta") return error;
    const { codec } = this.#ports;
    const decoded = codec.decodeError(error);
    const told = remakingError(task.template.name, decoded);
    return told === decoded ? error : codec.encodeError(told);
  }

  #giveUp(record: LineageRecord, error: Error): void {
    for (const ref of record.wanted.splice(0)) {
      this.#lineage.dropped(record, ref.number);
      this.#fail(ref, error);
    }
    this.#lineage.settle(record);
  }

  #fail(ref: ObjectRef, error: Error): void {
    const { codec } = this.#ports;
    this.#effects.references.fail(ref, codec.encodeError(error));
  }
}

/** Arguments on the wire, with the refs in them found again. */
function preparedAgain(
  wire: TaskRecord["args"],
  needs: readonly object[],
): PreparedArguments {
  const contained = new Set(needs);
  if (!wire || !("parts" in wire)) return { wire, contained: needs };
  const refs = new Map<string, ObjectRef>();
  for (const need of needs) {
    if (need instanceof ObjectRef) refs.set(need.id, need);
  }
  const dependencies: ObjectRef[] = [];
  const parts = wire.parts.map((part: WireValue) => {
    if (!("o" in part)) return part;
    const ref = refs.get(objectIdText(...part.o))!;
    contained.delete(ref);
    dependencies.push(ref);
    return ref;
  });
  if (dependencies.length === 0) return { wire, contained: needs };
  return { wire: null, dependencies, parts, contained: [...contained] };
}
