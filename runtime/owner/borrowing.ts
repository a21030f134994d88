// The objects of other threads that this one holds refs to: what their owners
// were told, what they have said, and who waits for values. It settles refs by
// way of its ports, and knows nothing of the thread's own objects.

import type { WorkerId } from "../base/ids.ts";
import type {
  Borrow,
  Borrowed,
  BorrowEnded,
  ObjectValue,
  ObjectWanted,
  WireValue,
} from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { ObjectRef } from "./object_ref.ts";
import type { OwnerPorts } from "./ports.ts";

/** An object of another thread. */
interface BorrowedObject {
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

/** What becomes of refs, and what keeps objects alive. */
export interface BorrowingPorts {
  settle(ref: ObjectRef, value: WireValue): void;
  fail(ref: ObjectRef, error: WireError): void;
  pin(contained: readonly object[]): void;
  unpin(contained: readonly object[]): void;
}

/** See the head of the file. */
export class Borrowing {
  readonly #owner: Pick<OwnerPorts, "peer" | "scheduleFlush">;
  readonly #ports: BorrowingPorts;
  readonly #borrowed = new Map<WorkerId, Map<number, BorrowedObject>>();
  #unacknowledged = 0;
  #whenAcknowledged: (() => void)[] = [];

  constructor(
    owner: Pick<OwnerPorts, "peer" | "scheduleFlush">,
    ports: BorrowingPorts,
  ) {
    this.#owner = owner;
    this.#ports = ports;
  }

  /** Objects that are borrowed. */
  get count(): number {
    let count = 0;
    for (const byNumber of this.#borrowed.values()) count += byNumber.size;
    return count;
  }

  /** A ref that came in a value; `source` keeps its object alive for now. */
  add(ref: ObjectRef, source: object | undefined): void {
    const object = this.#object(ref.ownerId, ref.number);
    object.count++;
    if (ref.state === "pending") object.refs.add(new WeakRef(ref));
    if (source && !object.acknowledged) {
      object.sources.push(source);
      this.#ports.pin([source]);
    }
  }

  /** One ref for the object is gone. */
  drop(owner: WorkerId, number: number): void {
    const object = this.#find(owner, number);
    if (!object || --object.count > 0) return;
    // Before the owner's word, another ref may come, which that word would
    // seem to be meant for.
    if (object.acknowledged) this.#end(owner, number);
  }

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
      const object = this.#find(owner, number);
      if (!object) continue;
      this.#acknowledge(object);
      if (object.count === 0) this.#end(owner, number);
    }
  }

  /** Sees to it that a pending ref gets its value. */
  want({ ownerId, number }: ObjectRef): void {
    const object = this.#find(ownerId, number);
    if (!object || object.wanted) return;
    object.wanted = true;
    const message: ObjectWanted = { type: "object_wanted", number };
    this.#send(ownerId, message);
  }

  valueArrived(owner: WorkerId, message: ObjectValue): void {
    const object = this.#find(owner, message.number);
    if (!object) return;
    // Refs that come later ask for themselves.
    object.wanted = false;
    for (const weak of object.refs) {
      const ref = weak.deref();
      if (!ref || ref.state !== "pending") continue;
      if ("error" in message.value) this.#ports.fail(ref, message.value.error);
      else this.#ports.settle(ref, message.value);
    }
    object.refs.clear();
  }

  /** The owner is gone: all that waits fails with the error of its object. */
  ownerEnded(owner: WorkerId, errorOf: (number: number) => WireError): void {
    const objects = this.#borrowed.get(owner);
    this.#borrowed.delete(owner);
    if (!objects) return;
    for (const [number, object] of objects) {
      this.#acknowledge(object);
      const error = errorOf(number);
      for (const weak of object.refs) {
        const ref = weak.deref();
        if (ref) this.#ports.fail(ref, error);
      }
    }
  }

  #find(owner: WorkerId, number: number): BorrowedObject | undefined {
    return this.#borrowed.get(owner)?.get(number);
  }

  #object(owner: WorkerId, number: number): BorrowedObject {
    let byNumber = this.#borrowed.get(owner);
    if (!byNumber) this.#borrowed.set(owner, byNumber = new Map());
    let object = byNumber.get(number);
    if (!object) {
      object = {
        count: 0,
        acknowledged: false,
        sources: [],
        refs: new Set(),
        wanted: false,
      };
      byNumber.set(number, object);
      this.#unacknowledged++;
      this.#send(owner, { type: "borrow", numbers: [number] });
    }
    return object;
  }

  #acknowledge(object: BorrowedObject): void {
    if (object.acknowledged) return;
    object.acknowledged = true;
    this.#ports.unpin(object.sources);
    object.sources = [];
    if (--this.#unacknowledged > 0) return;
    for (const callback of this.#whenAcknowledged.splice(0)) callback();
  }

  #end(owner: WorkerId, number: number): void {
    this.#borrowed.get(owner)?.delete(number);
    this.#send(owner, { type: "borrow_ended", numbers: [number] });
  }

  #send(owner: WorkerId, message: Borrow | BorrowEnded | ObjectWanted): void {
    this.#owner.peer(owner).send(message);
    this.#owner.scheduleFlush();
  }
}
