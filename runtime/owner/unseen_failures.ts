// Failures of own objects that nobody has asked for: they are reported when
// nobody can ask any more, once each. Keeps no ref alive.

import type { WireError } from "../protocol/wire_error.ts";
import type { ObjectRef } from "./object_ref.ts";

/** See the head of the file. */
export class UnseenFailures {
  readonly #report: (error: WireError) => void;
  /** By the number of their ref. */
  readonly #errors = new Map<number, WireError>();
  /** Refs with one failure between them: who sees the first sees both. */
  readonly #same = new WeakMap<ObjectRef, ObjectRef>();

  constructor(report: (error: WireError) => void) {
    this.#report = report;
  }

  /** A ref has failed, and nobody was told. */
  add(ref: ObjectRef, error: WireError): void {
    this.#errors.set(ref.number, error);
  }

  /** The failure of `ref` is that of `other`, too. */
  link(ref: ObjectRef, other: ObjectRef): void {
    this.#same.set(ref, other);
  }

  /** Somebody was told of the failure; `isOwn` for refs of this thread. */
  seen(ref: ObjectRef, isOwn: boolean): void {
    ref.seen = true;
    if (isOwn) this.#errors.delete(ref.number);
    const same = this.#same.get(ref);
    if (same) this.seen(same, isOwn);
  }

  /** The user gave the ref up: nobody is to be told. */
  forget(number: number): void {
    this.#errors.delete(number);
  }

  /** The ref was collected: nobody can ask any more. */
  collected(number: number): void {
    const error = this.#errors.get(number);
    this.#errors.delete(number);
    if (error) this.#report(error);
  }

  /** The session ends: nobody can ask any more. */
  reportAll(): void {
    new Set(this.#errors.values()).forEach(this.#report);
    this.#errors.clear();
  }
}
