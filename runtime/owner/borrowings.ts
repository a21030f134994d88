// The objects of other threads that this one holds refs to: their owners are
// told of the first ref and of the last, and asked for values.

import type { WorkerId } from "../base/ids.ts";
import type {
  Borrow,
  Borrowed,
  BorrowEnded,
  ObjectKey,
  ObjectValue,
  ObjectWanted,
  WireValue,
} from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { ObjectRef, type RefKeeper, settleRef } from "./object_ref.ts";
import type { OwnerPorts } from "./ports.ts";
import { ownerDiedError } from "./reference_errors.ts";

/** An object of another thread that this one holds refs to. */
interface Borrowing {
  /** Living `ObjectRef`s of this thread for the object. */
  count: number;
  /** The owner has said that it counts on us. */
  acknowledged: boolean;
  /** Pinned until then, to keep the object alive: what the ref came in. */
  sources: object[];
  /** The refs that wait for the value. */
  refs: Set<WeakRef<ObjectRef>>;
  wanted: boolean;
}

/** What is known of an object that came in a value. */
export interface ImportOptions {
  /** What keeps the object alive until its owner has taken note of us. */
  readonly source?: object | undefined;
  /** Its value is in the store, by its own number, and holds no refs. */
  readonly isStored?: boolean;
}

/** What is done to the refs of borrowed objects. */
export interface BorrowingEffects {
  readonly keeper: RefKeeper;
  pin(contained: readonly object[]): void;
  unpin(contained: readonly object[]): void;
  watch(ref: ObjectRef): void;
  settle(ref: ObjectRef, value: WireValue): void;
  fail(ref: ObjectRef, error: WireError): void;
  unsettle(ref: ObjectRef): void;
}

/** See the head of the file. */
export class Borrowings {
  readonly #ports: OwnerPorts;
  readonly #effects: BorrowingEffects;
  readonly #borrowed = new Map<WorkerId, Map<number, Borrowing>>();
  readonly #endedOwners = new Set<WorkerId>();
  #unacknowledged = 0;
  #whenAcknowledged: (() => void)[] = [];

  constructor(ports: OwnerPorts, effects: BorrowingEffects) {
    this.#ports = ports;
    this.#effects = effects;
  }

  /** Objects of other threads that this one holds. */
  get count(): number {
    let count = 0;
    for (const byNumber of this.#borrowed.values()) count += byNumber.size;
    return count;
  }

  /** A ref for an object of another thread that came in a value. */
  begin(
    [owner, number]: ObjectKey,
    { source, isStored = false }: ImportOptions,
  ): ObjectRef {
    const ref = new ObjectRef(this.#effects.keeper, owner, number);
    if (this.#endedOwners.has(owner)) {
      ref.seen = true;
      settleRef(ref, "failed", this.#ownerDied(owner, number));
      return ref;
    }
    const borrowing = this.#borrowing(owner, number);
    borrowing.count++;
    if (isStored) settleRef(ref, "stored", number);
    else borrowing.refs.add(new WeakRef(ref));
    if (source && !borrowing.acknowledged) {
      borrowing.sources.push(source);
      this.#effects.pin([source]);
    }
    this.#effects.watch(ref);
    return ref;
  }

  /** A ref of this thread is gone. */
  drop(owner: WorkerId, number: number): void {
    const borrowing = this.#borrowed.get(owner)?.get(number);
    if (!borrowing || --borrowing.count > 0) return;
    // Before the owner's word, another ref may come, which that word would
    // seem to be meant for.
    if (borrowing.acknowledged) this.#end(owner, number);
  }

  // -- Acknowledgements ------------------------------------------------------

  /** Calls back when every owner has taken note of what we borrow. */
  whenAcknowledged(callback: () => void): void {
    if (this.#unacknowledged === 0) callback();
    else this.#whenAcknowledged.push(callback);
  }

  get allAcknowledged(): boolean {
    return this.#unacknowledged === 0;
  }

  acknowledged(owner: WorkerId, message: Borrowed): void {
    for (const number of message.numbers) {
      const borrowing = this.#borrowed.get(owner)?.get(number);
      if (!borrowing) continue;
      this.#acknowledge(borrowing);
      if (borrowing.count === 0) this.#end(owner, number);
    }
  }

  // -- Values ----------------------------------------------------------------

  /** Sees to it that a pending ref gets its value. */
  want(ref: ObjectRef): void {
    if (ref.state !== "pending") return;
    const borrowing = this.#borrowed.get(ref.ownerId)?.get(ref.number);
    if (!borrowing || borrowing.wanted) return;
    borrowing.wanted = true;
    this.#ask(ref);
  }

  /** The store has not got what the ref was said to be stored as. */
  wantAgain(ref: ObjectRef, storedAs: number): void {
    const borrowing = this.#borrowed.get(ref.ownerId)?.get(ref.number);
    if (!borrowing) return;
    if (ref.state === "stored") {
      this.#effects.unsettle(ref);
      borrowing.refs.add(new WeakRef(ref));
    }
    borrowing.wanted = true;
    this.#ask(ref, storedAs);
  }

  valueArrived(owner: WorkerId, message: ObjectValue): void {
    const borrowing = this.#borrowed.get(owner)?.get(message.number);
    if (!borrowing) return;
    // Refs that come later ask for themselves.
    borrowing.wanted = false;
    const refs = [...borrowing.refs];
    borrowing.refs.clear();
    for (const weak of refs) {
      const ref = weak.deref();
      if (!ref || ref.state !== "pending") continue;
      if ("error" in message.value) {
        this.#effects.fail(ref, message.value.error);
      } else this.#effects.settle(ref, message.value);
    }
  }

  // -- Ends ------------------------------------------------------------------

  /** A thread is gone, with the objects that it owned. */
  ownerEnded(owner: WorkerId, error: WireError): void {
    this.#endedOwners.add(owner);
    const borrowings = this.#borrowed.get(owner);
    this.#borrowed.delete(owner);
    if (!borrowings) return;
    for (const [number, borrowing] of borrowings) {
      this.#acknowledge(borrowing);
      const gone = this.#ownerDied(owner, number, error);
      for (const weak of borrowing.refs) {
        const ref = weak.deref();
        if (ref) this.#effects.fail(ref, gone);
      }
    }
  }

  /** Why a ref cannot be read any more, if its owner is gone. */
  goneWith({ ownerId, number }: ObjectRef): WireError | undefined {
    if (!this.#endedOwners.has(ownerId)) return undefined;
    return this.#ownerDied(ownerId, number);
  }

  // -- Inside ----------------------------------------------------------------

  #borrowing(owner: WorkerId, number: number): Borrowing {
    let byNumber = this.#borrowed.get(owner);
    if (!byNumber) this.#borrowed.set(owner, byNumber = new Map());
    let borrowing = byNumber.get(number);
    if (!borrowing) {
      borrowing = {
        count: 0,
        acknowledged: false,
        sources: [],
        refs: new Set(),
        wanted: false,
      };
      byNumber.set(number, borrowing);
      this.#unacknowledged++;
      const message: Borrow = { type: "borrow", numbers: [number] };
      this.#ports.peer(owner).send(message);
      this.#ports.scheduleFlush();
    }
    return borrowing;
  }

  #ask({ ownerId, number }: ObjectRef, gone?: number): void {
    const message: ObjectWanted = {
      type: "object_wanted",
      number,
      ...(gone === undefined ? {} : { gone }),
    };
    this.#ports.peer(ownerId).send(message);
    this.#ports.scheduleFlush();
  }

  #acknowledge(borrowing: Borrowing): void {
    if (borrowing.acknowledged) return;
    borrowing.acknowledged = true;
    this.#effects.unpin(borrowing.sources);
    borrowing.sources = [];
    if (--this.#unacknowledged > 0) return;
    for (const callback of this.#whenAcknowledged.splice(0)) callback();
  }

  #end(owner: WorkerId, number: number): void {
    this.#borrowed.get(owner)?.delete(number);
    const message: BorrowEnded = { type: "borrow_ended", numbers: [number] };
    this.#ports.peer(owner).send(message);
    this.#ports.scheduleFlush();
  }

  #ownerDied(owner: WorkerId, number: number, reason?: WireError): WireError {
    const { codec } = this.#ports;
    const cause = reason && codec.decodeError(reason);
    return codec.encodeError(ownerDiedError(owner, number, cause));
  }
}
