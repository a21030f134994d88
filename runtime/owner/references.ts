// Who holds what: the refs of this thread and the objects it lends to other
// threads. The owner of an object alone decides that it is free: when no ref,
// no pin and no borrower is left.

import { ObjectLostError } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { NumberTable } from "../base/number_table.ts";
import type {
  Borrow,
  Borrowed,
  BorrowEnded,
  ObjectKey,
  ObjectValue,
  ObjectWanted,
  WireHeld,
  WireStored,
  WireValue,
} from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { Borrowings, type ImportOptions } from "./borrowings.ts";
import { addWaiter, ObjectRef, settleRef, unsettleRef } from "./object_ref.ts";
import { lostError } from "./reference_errors.ts";
import type { ActorPin, Collected, OwnerPorts } from "./ports.ts";
import { UnseenFailures } from "./unseen_failures.ts";
import { compact, storedAs, wireValue } from "./wire_value.ts";

/** An object of ours that somebody else can reach. */
interface Lent {
  readonly ref: ObjectRef;
  readonly borrowers: Set<WorkerId>;
}

/** Who sees to it that lost objects are made again. */
export interface ObjectLosses {
  /** The store has not got these objects of this thread any more. */
  lost(refs: readonly ObjectRef[], reason: WireError): void;
  /** A reader says so; maybe only it cannot be read there at this moment. */
  missed(ref: ObjectRef): void;
  /** Nobody needs the value. */
  freed(number: number, storedAs: number): void;
}

/** See the head of the file. */
export class References {
  readonly #ports: OwnerPorts;
  #lastNumber = 0;
  /** All and only own objects with pins or borrowers. */
  readonly #lent = new NumberTable<Lent>();
  readonly #borrowings: Borrowings;
  readonly #unseen: UnseenFailures;
  readonly #losses: ObjectLosses;
  /** Own objects that were not freed, by what the store has them by. */
  readonly #stored = new Map<number, WeakRef<ObjectRef>>();

  constructor(ports: OwnerPorts, losses: ObjectLosses) {
    this.#ports = ports;
    this.#losses = losses;
    this.#unseen = new UnseenFailures(ports.reportUnseen);
    this.#borrowings = new Borrowings(ports, {
      keeper: this,
      pin: (contained) => this.pin(contained),
      unpin: (contained) => this.unpin(contained),
      watch: (ref) => this.#watch(ref),
      settle: (ref, value) => this.settle(ref, value),
      fail: (ref, error) => this.fail(ref, error),
      unsettle: (ref) => this.#unsettle(ref),
    });
  }

  /** Objects of other threads that this one holds. */
  get borrowedCount(): number {
    return this.#borrowings.count;
  }

  /** Objects that others hold or tasks under way need. */
  get lentCount(): number {
    return this.#lent.size;
  }

  /** Takes `count` numbers in a row; gives the first. */
  reserve(count: number): number {
    const first = this.#lastNumber + 1;
    this.#lastNumber += count;
    return first;
  }

  /** A ref to a new object of this thread. */
  create(): ObjectRef {
    return new ObjectRef(this, this.#ports.workerId, ++this.#lastNumber);
  }

  /** A ref to a new object whose value holds these refs and handles. */
  createHolder(contained: readonly object[]): ObjectRef {
    const ref = this.create();
    if (contained.length > 0) this.#hold(ref, contained);
    return ref;
  }

  /** A ref for a new object with a number that was taken before. */
  createWith(number: number): ObjectRef {
    return new ObjectRef(this, this.#ports.workerId, number);
  }

  // -- Outcomes --------------------------------------------------------------

  /** Gives a ref its value as it came over a wire. */
  settle(ref: ObjectRef, value: WireValue): void {
    if ("c" in value || "a" in value) this.#hold(ref, this.#importHeld(value));
    if ("v" in value) settleRef(ref, "primitive", value.v);
    else if ("p" in value) settleRef(ref, "payload", compact(value.p));
    else this.settleStored(ref, storedAs(value));
    if (ref.disposed && ref.pins === 0) this.#unlend(ref);
  }

  /** The ref's value lies in the store, which has it by this number. */
  settleStored(ref: ObjectRef, storedAs = ref.number): void {
    if (this.#isOwn(ref)) this.#stored.set(storedAs, new WeakRef(ref));
    settleRef(ref, "stored", storedAs);
    this.#watch(ref);
  }

  fail(ref: ObjectRef, error: WireError): void {
    if (ref.state !== "pending") return;
    // Who cancels a task does not wonder why it has no result.
    const isExpected = ref.seen || error.className === "task_cancelled";
    if (this.#isOwn(ref) && !isExpected) {
      this.#unseen.add(ref, error);
    }
    settleRef(ref, "failed", error);
    this.#watch(ref);
    if (ref.disposed && ref.pins === 0) this.#unlend(ref);
  }

  /** The whole of a stream fails; `last` is the ref that its reader gets. */
  failStream(whole: ObjectRef, last: ObjectRef, error: WireError): void {
    this.#unseen.link(whole, last);
    this.fail(last, error);
    this.fail(whole, error);
  }

  /** Somebody was told of the failure. */
  markSeen(ref: ObjectRef): void {
    this.#unseen.seen(ref, this.#isOwn(ref));
  }

  /** At the end of the session: every failure nobody has asked for. */
  reportAllUnseen(): void {
    this.#unseen.reportAll();
  }

  /** Throws if nobody can read the object by this ref any more. */
  requireReadable(ref: ObjectRef): void {
    if (!ref.disposed && ref.keeper === this) return;
    throw new ObjectLostError(
      `Cannot pass object ${ref.id} on: this ref was disposed of, or its ` +
        "session has ended",
      { details: { objectId: ref.id } },
    );
  }

  // -- Pins ------------------------------------------------------------------

  /** Keeps objects, even disposed ones, and actors alive until `unpin`. */
  pin(contained: readonly object[] | undefined): void {
    contained?.forEach((object) => {
      if (!(object instanceof ObjectRef)) return (object as ActorPin).pin();
      object.pins++;
      if (this.#isOwn(object)) this.#lend(object);
    });
  }

  unpin(contained: readonly object[] | undefined): void {
    contained?.forEach((object) => {
      if (!(object instanceof ObjectRef)) return (object as ActorPin).unpin();
      object.pins--;
      if (object.pins === 0) this.#unlend(object);
    });
  }

  // -- The end of refs -------------------------------------------------------

  /** The user gives a ref up. */
  dispose(ref: ObjectRef): void {
    if (ref.disposed) return;
    ref.disposed = true;
    if (ref.pins === 0) this.#unlend(ref);
  }

  /** The runtime has collected a ref that was watched. */
  collected(collected: Collected): void {
    this.unpin(collected.contained);
    const { owner, number } = collected;
    if (owner !== this.#ports.workerId) {
      return this.#borrowings.drop(owner, number);
    }
    if (collected.storedAs !== undefined) {
      this.#free(number, collected.storedAs);
    }
    this.#unseen.collected(number);
  }

  // -- Lending ---------------------------------------------------------------

  borrowedBy(borrower: WorkerId, message: Borrow): void {
    for (const number of message.numbers) {
      this.#lent.get(number)?.borrowers.add(borrower);
    }
    const reply: Borrowed = { type: "borrowed", numbers: message.numbers };
    this.#ports.peer(borrower).send(reply);
    this.#ports.scheduleFlush();
  }

  borrowEnded(borrower: WorkerId, message: BorrowEnded): void {
    for (const number of message.numbers) {
      const lent = this.#lent.get(number);
      if (!lent?.borrowers.delete(borrower)) continue;
      this.#unlend(lent.ref);
    }
  }

  /**
   * An own object was stored once more, by a task that ran again: the refs in
   * it are others now. False when there is no ref for the object any more.
   */
  storedAgain(value: WireStored): boolean {
    const at = storedAs(value);
    const ref = this.#stored.get(at)?.deref();
    const before = ref?.contained;
    if (ref && ("c" in value || "a" in value)) {
      this.#hold(ref, this.#importHeld(value));
      this.unpin(before);
    }
    return this.#stored.has(at);
  }

  /** The own object with this number, if others can reach it. */
  find(number: number): ObjectRef | undefined {
    return this.#lent.get(number)?.ref;
  }

  /** A borrower asks for an object's value. */
  wanted(borrower: WorkerId, message: ObjectWanted): void {
    const ref = this.find(message.number);
    const send = (value: ObjectValue["value"]) => {
      const reply: ObjectValue = {
        type: "object_value",
        number: message.number,
        value,
      };
      this.#ports.peer(borrower).send(reply);
      this.#ports.scheduleFlush();
    };
    if (!ref) return send({ error: this.#lostError(message.number) });
    if (message.gone !== undefined) this.missed(ref, message.gone);
    whenSettled(ref, () => {
      if (ref.state !== "failed") return send(wireValue(ref));
      this.markSeen(ref);
      send({ error: ref.value as WireError });
    });
  }

  /** A thread is gone: it borrows nothing any more. */
  workerEnded(worker: WorkerId, error: WireError): void {
    for (const lent of [...this.#lent.values()]) {
      if (lent.borrowers.delete(worker)) this.#unlend(lent.ref);
    }
    this.#borrowings.ownerEnded(worker, error);
  }

  // -- Losing ----------------------------------------------------------------

  /** The own object that the store has by this number, if it is reachable. */
  storedRef(storedAs: number): ObjectRef | undefined {
    return this.#stored.get(storedAs)?.deref();
  }

  /** The last copies of these are gone; `numbers` are the store's. */
  objectsLost(numbers: readonly number[], reason: WireError): void {
    const refs = numbers.map((number) => this.storedRef(number))
      .filter((ref) => ref?.state === "stored");
    this.#losses.lost(refs as ObjectRef[], reason);
  }

  /** The store could not open what a ref was said to be stored as. */
  missed(ref: ObjectRef, storedAs: number): void {
    if (!this.#isOwn(ref)) return this.#borrowings.wantAgain(ref, storedAs);
    const isStored = ref.state === "stored" && ref.value === storedAs;
    if (isStored) this.#losses.missed(ref);
  }

  /** A stored object of this thread is lost, and waits for its next value. */
  reopen(ref: ObjectRef): void {
    const storedAs = ref.value as number;
    this.#stored.delete(storedAs);
    // Whatever is left of it is of no use.
    this.#ports.store.free(this.#ports.workerId, storedAs);
    this.#unsettle(ref);
    // Who makes it again holds the ref meanwhile.
    this.#ports.collector.unwatch(ref);
  }

  // -- Borrowing -------------------------------------------------------------

  /** A ref for an object that came in a value. */
  importRef(key: ObjectKey, options: ImportOptions = {}): ObjectRef {
    const [owner, number] = key;
    if (owner === this.#ports.workerId) return this.#again(number);
    return this.#borrowings.begin(key, options);
  }

  /** Calls back when every owner has taken note of what we borrow. */
  whenAcknowledged(callback: () => void): void {
    this.#borrowings.whenAcknowledged(callback);
  }

  get allAcknowledged(): boolean {
    return this.#borrowings.allAcknowledged;
  }

  acknowledged(owner: WorkerId, message: Borrowed): void {
    this.#borrowings.acknowledged(owner, message);
  }

  /** Why a borrowed ref cannot be read any more, if its owner is gone. */
  goneWith(ref: ObjectRef): WireError | undefined {
    return this.#isOwn(ref) ? undefined : this.#borrowings.goneWith(ref);
  }

  /** Sees to it that a borrowed, pending ref gets its value. */
  want(ref: ObjectRef): void {
    if (!this.#isOwn(ref)) this.#borrowings.want(ref);
  }

  valueArrived(owner: WorkerId, message: ObjectValue): void {
    this.#borrowings.valueArrived(owner, message);
  }

  // -- Inside ----------------------------------------------------------------

  #isOwn(ref: ObjectRef): boolean {
    return ref.ownerId === this.#ports.workerId;
  }

  #importHeld({ c = [], a = [] }: WireHeld): object[] {
    return [
      ...c.map((key) => this.importRef(key)),
      ...a.map((actorId) => this.#ports.holdActor(actorId)),
    ];
  }

  /** The ref's value holds these: they live as long as it does. */
  #hold(ref: ObjectRef, contained: readonly object[]): void {
    this.pin(contained);
    ref.contained = contained;
    this.#watch(ref);
  }

  /** The ref's value is lost, and what it held with it. */
  #unsettle(ref: ObjectRef): void {
    const { contained } = ref;
    ref.contained = undefined;
    unsettleRef(ref);
    this.#watch(ref);
    this.unpin(contained);
  }

  /** Has the collector tell us what to do when the ref is collected. */
  #watch(ref: ObjectRef): void {
    const { ownerId: owner, number, contained, state, value } = ref;
    const storedAs = state === "stored" ? value as number : undefined;
    this.#ports.collector.watch(ref, { owner, number, storedAs, contained });
  }

  #lend(ref: ObjectRef): Lent {
    let lent = this.#lent.get(ref.number);
    if (!lent) {
      lent = { ref, borrowers: new Set() };
      this.#lent.set(ref.number, lent);
    }
    return lent;
  }

  /** Forgets a lent object that nobody needs; frees it if it was given up. */
  #unlend(ref: ObjectRef): void {
    if (!this.#isOwn(ref)) {
      if (ref.disposed && ref.pins === 0) this.#release(ref);
      return;
    }
    const lent = this.#lent.get(ref.number);
    if (lent && (lent.ref.pins > 0 || lent.borrowers.size > 0)) return;
    this.#lent.take(ref.number);
    if (ref.disposed) this.#release(lent?.ref ?? ref);
  }

  /** The object is free: nobody holds it any more. */
  #release(ref: ObjectRef): void {
    const { state, value } = ref;
    if (state === "gone" || state === "pending" && this.#isOwn(ref)) return;
    settleRef(ref, "gone", undefined);
    ref.state = "gone";
    ref.value = undefined;
    this.#ports.collector.unwatch(ref);
    this.unpin(ref.contained);
    ref.contained = undefined;
    if (!this.#isOwn(ref)) this.#borrowings.drop(ref.ownerId, ref.number);
    else if (state === "stored") this.#free(ref.number, value as number);
    else if (state === "failed") this.#unseen.forget(ref.number);
  }

  #free(number: number, storedAs: number): void {
    this.#stored.delete(storedAs);
    this.#ports.store.free(this.#ports.workerId, storedAs);
    this.#losses.freed(number, storedAs);
  }

  /** Another ref to an own object, which came back in a value. */
  #again(number: number): ObjectRef {
    const lent = this.#lent.get(number);
    if (lent) {
      // What was given up is reachable again.
      lent.ref.disposed = false;
      return lent.ref;
    }
    const ref = this.createWith(number);
    ref.seen = true;
    settleRef(ref, "failed", this.#lostError(number));
    return ref;
  }

  #lostError(number: number): WireError {
    const { codec, workerId } = this.#ports;
    return codec.encodeError(lostError(workerId, number));
  }
}

/** Calls back once the ref has an outcome; at once when it has. */
export function whenSettled(ref: ObjectRef, callback: () => void): void {
  if (ref.state !== "pending") callback();
  else addWaiter(ref, { settled: callback });
}

/**
 * Calls back once all of the refs have an outcome, at the same time, or with
 * the first that has failed.
 */
export function whenAllSettled(
  refs: readonly ObjectRef[],
  callback: (failed: ObjectRef | undefined) => void,
): void {
  let waiting = refs.length;
  let isOver = false;
  for (const ref of refs) {
    whenSettled(ref, () => {
      if (isOver) return;
      isOver = ref.state === "failed";
      if (isOver) return callback(ref);
      if (--waiting > 0) return;
      // One that was there may have been lost while others were waited for.
      const isLost = refs.some(({ state }) => state === "pending");
      if (isLost) whenAllSettled(refs, callback);
      else callback(undefined);
    });
  }
}
