// Who holds what: the refs of this thread, the objects it lends to other
// threads and those it borrows from them. The owner of an object alone
// decides that it is free: when no ref, no pin and no borrower is left.

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
  WireValue,
} from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { Borrowing } from "./borrowing.ts";
import { addWaiter, ObjectRef, settleRef } from "./object_ref.ts";
import { lostError, ownerDiedError } from "./reference_errors.ts";
import type { ActorPin, Collected, OwnerPorts } from "./ports.ts";
import { UnseenFailures } from "./unseen_failures.ts";
import { compact, wireValue } from "./wire_value.ts";

/** An object of ours that somebody else can reach. */
interface Lent {
  readonly ref: ObjectRef;
  readonly borrowers: Set<WorkerId>;
}

/** What is known of an object that came in a value. */
interface ImportOptions {
  /** What keeps the object alive until its owner has taken note of us. */
  readonly source?: object | undefined;
  /** Its value is in the store, and holds no refs. */
  readonly isStored?: boolean;
}

/** See the head of the file. */
export class References {
  readonly #ports: OwnerPorts;
  #lastNumber = 0;
  /** All and only own objects with pins or borrowers. */
  readonly #lent = new NumberTable<Lent>();
  readonly #borrowing: Borrowing;
  readonly #unseen: UnseenFailures;
  readonly #endedOwners = new Set<WorkerId>();
  /** Own objects in the store that were not freed. */
  readonly #stored = new Map<number, WeakRef<ObjectRef>>();

  constructor(ports: OwnerPorts) {
    this.#ports = ports;
    this.#borrowing = new Borrowing(ports, this);
    this.#unseen = new UnseenFailures(ports.reportUnseen);
  }

  /** Objects of other threads that this one holds. */
  get borrowedCount(): number {
    return this.#borrowing.count;
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
    else this.settleStored(ref);
    if (ref.disposed && ref.pins === 0) this.#unlend(ref);
  }

  /** The ref's value lies in the store. */
  settleStored(ref: ObjectRef): void {
    if (this.#isOwn(ref)) this.#stored.set(ref.number, new WeakRef(ref));
    settleRef(ref, "stored", undefined);
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
      return this.#borrowing.drop(owner, number);
    }
    if (collected.stored) this.#free(number);
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
  storedAgain(number: number, value: WireHeld): boolean {
    const ref = this.#stored.get(number)?.deref();
    const before = ref?.contained;
    if (ref && ("c" in value || "a" in value)) {
      this.#hold(ref, this.#importHeld(value));
      this.unpin(before);
    }
    return this.#stored.has(number);
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
    whenSettled(ref, () => {
      if (ref.state !== "failed") return send(wireValue(ref));
      this.markSeen(ref);
      send({ error: ref.value as WireError });
    });
  }

  /** A thread is gone: it borrows nothing any more. */
  workerEnded(worker: WorkerId, error: WireError): void {
    this.#endedOwners.add(worker);
    for (const lent of [...this.#lent.values()]) {
      if (lent.borrowers.delete(worker)) this.#unlend(lent.ref);
    }
    this.#borrowing.ownerEnded(
      worker,
      (number) => this.#ownerDied(worker, number, error),
    );
  }

  // -- Borrowing -------------------------------------------------------------

  /** A ref for an object that came in a value. */
  importRef(
    [owner, number]: ObjectKey,
    { source, isStored = false }: ImportOptions = {},
  ): ObjectRef {
    const ref = new ObjectRef(this, owner, number);
    if (owner === this.#ports.workerId) return this.#again(ref);
    if (this.#endedOwners.has(owner)) {
      ref.seen = true;
      settleRef(ref, "failed", this.#ownerDied(owner, number));
      return ref;
    }
    if (isStored) settleRef(ref, "stored", undefined);
    this.#borrowing.add(ref, source);
    this.#watch(ref);
    return ref;
  }

  /** Calls back when every owner has taken note of what we borrow. */
  whenAcknowledged(callback: () => void): void {
    this.#borrowing.whenAcknowledged(callback);
  }

  get allAcknowledged(): boolean {
    return this.#borrowing.allAcknowledged;
  }

  acknowledged(owner: WorkerId, message: Borrowed): void {
    this.#borrowing.acknowledged(owner, message);
  }

  /** Why a borrowed ref cannot be read any more, if its owner is gone. */
  goneWith(ref: ObjectRef): WireError | undefined {
    if (this.#isOwn(ref) || !this.#endedOwners.has(ref.ownerId)) {
      return undefined;
    }
    return this.#ownerDied(ref.ownerId, ref.number);
  }

  /** Sees to it that a borrowed, pending ref gets its value. */
  want(ref: ObjectRef): void {
    if (this.#isOwn(ref) || ref.state !== "pending") return;
    this.#borrowing.want(ref);
  }

  valueArrived(owner: WorkerId, message: ObjectValue): void {
    this.#borrowing.valueArrived(owner, message);
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

  /** Has the collector tell us what to do when the ref is collected. */
  #watch(ref: ObjectRef): void {
    const { ownerId: owner, number, contained } = ref;
    const stored = ref.state === "stored";
    this.#ports.collector.watch(ref, { owner, number, stored, contained });
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
    const { state } = ref;
    if (state === "gone" || state === "pending" && this.#isOwn(ref)) return;
    settleRef(ref, "gone", undefined);
    ref.state = "gone";
    ref.value = undefined;
    this.#ports.collector.unwatch(ref);
    this.unpin(ref.contained);
    ref.contained = undefined;
    if (!this.#isOwn(ref)) this.#borrowing.drop(ref.ownerId, ref.number);
    else if (state === "stored") this.#free(ref.number);
    else if (state === "failed") this.#unseen.forget(ref.number);
  }

  #free(number: number): void {
    this.#stored.delete(number);
    this.#ports.store.free(this.#ports.workerId, number);
  }

  /** Another ref to an own object, which came back in a value. */
  #again(ref: ObjectRef): ObjectRef {
    const lent = this.#lent.get(ref.number);
    if (lent) {
      // What was given up is reachable again.
      lent.ref.disposed = false;
      return lent.ref;
    }
    ref.seen = true;
    settleRef(ref, "failed", this.#lostError(ref.number));
    return ref;
  }

  #lostError(number: number): WireError {
    const { codec, workerId } = this.#ports;
    return codec.encodeError(lostError(workerId, number));
  }

  #ownerDied(owner: WorkerId, number: number, reason?: WireError): WireError {
    const { codec } = this.#ports;
    const cause = reason && codec.decodeError(reason);
    return codec.encodeError(ownerDiedError(owner, number, cause));
  }
}

/** Calls back once the ref has an outcome; at once when it has. */
export function whenSettled(ref: ObjectRef, callback: () => void): void {
  if (ref.state !== "pending") callback();
  else addWaiter(ref, { settled: callback });
}
