// Reading refs: `get`, `wait` and the order in which refs finish. What a
// waiting thread does meanwhile (give its CPU back, keep the process alive,
// watch its mailbox) is the business of `WaitScope`.

import { GetTimeoutError, ObjectLostError } from "../base/errors.ts";
import { LOST_READS_MAX } from "../base/limits.ts";
import type { WireStored, WireValue } from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import {
  addWaiter,
  type ObjectRef,
  type RefWaiter,
  removeWaiter,
} from "./object_ref.ts";
import type { OwnerCodec, OwnerStore, OwnerTimers } from "./ports.ts";
import type { References } from "./references.ts";
import { storedAs, wireValue } from "./wire_value.ts";

/** Who waits; one per task, and one for the driver. */
export interface WaitScope {
  /** Something is about to be waited for; may settle it on the spot. */
  before(isSettled: () => boolean): void;
  begin(): void;
  end(): void;
  /** Aborts what waits, with the reason that waits reject with. */
  readonly signal: AbortSignal | undefined;
}

/** What reading needs. */
export interface ReadingPorts {
  readonly references: References;
  readonly codec: OwnerCodec;
  readonly store: Pick<OwnerStore, "open">;
  readonly timers: OwnerTimers;
}

/** Options of one wait. */
export interface WaitLimits {
  /** Refs that must have settled. */
  readonly count: number;
  readonly timeoutMs: number | undefined;
  /** A failure among the refs ends the wait. */
  readonly stopAtFailure: boolean;
}

/** Who reads; a lost value is waited for as long again as the first one. */
interface Reader {
  readonly timeoutMs: number | undefined;
  readonly scope: WaitScope;
}

/** See the head of the file. */
export class Reading {
  readonly #ports: ReadingPorts;
  readonly #underWay = new Set<Wait>();

  constructor(ports: ReadingPorts) {
    this.#ports = ports;
  }

  /** The value of one ref. */
  async getOne(
    ref: ObjectRef,
    timeoutMs: number | undefined,
    scope: WaitScope,
  ): Promise<unknown> {
    if (ref.state === "pending") {
      await this.#settle([ref], timeoutMs, scope);
    }
    return this.#read(ref, { timeoutMs, scope });
  }

  /** The values of refs, in their order. */
  async getAll(
    refs: readonly ObjectRef[],
    timeoutMs: number | undefined,
    scope: WaitScope,
  ): Promise<unknown[]> {
    const lost = refs.find((ref) => ref.state === "failed" || ref.disposed);
    if (lost) this.#throwOf(refs, lost);
    if (refs.some(isPending)) await this.#settle(refs, timeoutMs, scope);
    const values = refs.map((ref) => this.#read(ref, { timeoutMs, scope }));
    return values.some(isPromise) ? await Promise.all(values) : values;
  }

  async #settle(
    refs: readonly ObjectRef[],
    timeoutMs: number | undefined,
    scope: WaitScope,
  ): Promise<void> {
    const limits = { count: refs.length, timeoutMs, stopAtFailure: true };
    for (;;) {
      const isInTime = await this.waitFor(refs, limits, scope) ??
        timeoutMs !== 0;
      const failed = refs.find((ref) => ref.state === "failed");
      if (failed) this.#throwOf(refs, failed);
      const missing = refs.filter(isPending).length;
      if (missing === 0) return;
      // One that was there is lost, and will be there again.
      if (isInTime) continue;
      throw new GetTimeoutError(
        `Cannot get ${missing} of ${refs.length} objects: they were not ` +
          `ready within ${timeoutMs} ms`,
        { details: { timeoutMs, missing } },
      );
    }
  }

  /**
   * Resolves when `count` refs have settled, when one failed (if that counts)
   * or when the time is over, which it gives false for. What has become of the
   * refs, they tell themselves. Undefined if there is nothing to wait for.
   */
  waitFor(
    refs: readonly ObjectRef[],
    limits: WaitLimits,
    scope: WaitScope,
  ): Promise<boolean> | undefined {
    const wait = new Wait(refs, limits);
    for (const ref of refs) {
      if (ref.disposed) this.#throw(ref);
      if (ref.state === "pending") this.#ports.references.want(ref);
    }
    if (wait.isOver()) return undefined;
    scope.signal?.throwIfAborted();
    if (limits.timeoutMs !== 0) scope.before(() => wait.isOver());
    if (wait.isOver() || limits.timeoutMs === 0) return undefined;
    return wait.begin(scope, this.#ports.timers, this.#underWay);
  }

  /** Whoever waits rejects with the reason: nothing will come any more. */
  endAll(reason: Error): void {
    for (const wait of [...this.#underWay]) wait.abort(reason);
  }

  /** The value of a settled ref, or its error. */
  #read(ref: ObjectRef, reader: Reader): unknown {
    if (ref.disposed) this.#throw(ref);
    const gone = this.#ports.references.goneWith(ref);
    if (gone && ref.state !== "failed") {
      throw this.#ports.codec.decodeError(gone);
    }
    switch (ref.state) {
      case "primitive":
        return ref.value;
      case "payload":
        return this.#ports.codec.decode(ref.value as Uint8Array, false, ref);
      case "pending":
        return this.#readAgain(ref, reader);
      case "stored":
        return this.#open(ref, reader);
      default:
        return this.#throw(ref);
    }
  }

  /** Reads a stored value, or what replaces it if it has been lost. */
  async #open(ref: ObjectRef, reader: Reader): Promise<unknown> {
    const { codec, store } = this.#ports;
    for (let tries = 1;; tries++) {
      const storedAs = ref.value as number;
      try {
        const bytes = await store.open(ref.ownerId, storedAs);
        return codec.decode(bytes, true, ref);
      } catch (error) {
        if (!isLost(error) || tries >= LOST_READS_MAX) throw error;
        // The store may have said so before what replaces it was there.
        if (tries === 1 && ref.state === "stored") continue;
        if (!await this.#miss(ref, storedAs, reader)) throw error;
        if (ref.state !== "stored") return this.#read(ref, reader);
      }
    }
  }

  /** The value was there and is lost: waits for it once more. */
  async #readAgain(ref: ObjectRef, reader: Reader): Promise<unknown> {
    await this.#settle([ref], reader.timeoutMs, reader.scope);
    return this.#read(ref, reader);
  }

  /**
   * Tells the owner of a value that is not there, and waits for the next; false
   * when there is nothing better. The next may be stored by the same number: a
   * task that is tried again stores by that of its first try.
   */
  async #miss(
    ref: ObjectRef,
    storedAs: number,
    { timeoutMs, scope }: Reader,
  ): Promise<boolean> {
    this.#ports.references.missed(ref, storedAs);
    const isSame = ref.state === "stored" && ref.value === storedAs;
    if (ref.state === "pending") await this.#settle([ref], timeoutMs, scope);
    return !isSame;
  }

  /**
   * What has become of a value for which there is no ref here, and which the
   * store could not open so many times; rejects with `error` if there is nothing
   * better. At first it is to be opened again, as by those who have a ref.
   */
  async again(
    stored: WireStored,
    { error, tries }: { readonly error: unknown; readonly tries: number },
    scope: WaitScope,
  ): Promise<WireValue> {
    if (!isLost(error) || tries >= LOST_READS_MAX) throw error;
    if (tries === 1) return stored;
    const ref = this.#ports.references.importRef(stored.o);
    const reader = { timeoutMs: undefined, scope };
    if (!await this.#miss(ref, storedAs(stored), reader)) throw error;
    if (ref.state === "failed") this.#throw(ref);
    return wireValue(ref);
  }

  /** Throws for one of `refs`; the failures of all were asked for with it. */
  #throwOf(refs: readonly ObjectRef[], ref: ObjectRef): never {
    for (const each of refs) {
      if (each.state === "failed") this.#ports.references.markSeen(each);
    }
    this.#throw(ref);
  }

  #throw(ref: ObjectRef): never {
    if (ref.state === "failed" && !ref.disposed) {
      this.#ports.references.markSeen(ref);
      throw this.#ports.codec.decodeError(ref.value as WireError);
    }
    throw new ObjectLostError(
      `Cannot read object ${ref.id}: this ref was disposed of, or its ` +
        "session has ended",
      { details: { objectId: ref.id } },
    );
  }
}

/** One call that waits for refs. */
class Wait implements RefWaiter {
  readonly #refs: readonly ObjectRef[];
  readonly #limits: WaitLimits;
  #settled = 0;
  #failed = false;
  #finish: (() => void) | undefined;
  #abort: ((reason: unknown) => void) | undefined;

  constructor(refs: readonly ObjectRef[], limits: WaitLimits) {
    this.#refs = refs;
    this.#limits = limits;
  }

  isOver(): boolean {
    if (this.#finish) return this.#enough();
    this.#settled = 0;
    this.#failed = false;
    for (const ref of this.#refs) if (!isPending(ref)) this.#count(ref);
    return this.#enough();
  }

  abort(reason: unknown): void {
    this.#abort?.(reason);
  }

  begin(
    scope: WaitScope,
    timers: OwnerTimers,
    underWay: Set<Wait>,
  ): Promise<boolean> {
    underWay.add(this);
    return new Promise((resolve, reject) => {
      const { timeoutMs } = this.#limits;
      const end = () => {
        underWay.delete(this);
        cancel?.();
        scope.signal?.removeEventListener("abort", onAbort);
        for (const ref of this.#refs) {
          if (isPending(ref)) removeWaiter(ref, this);
        }
        scope.end();
      };
      this.#abort = (reason) => {
        end();
        reject(reason);
      };
      const onAbort = () => this.abort(scope.signal?.reason);
      this.#finish = () => {
        end();
        resolve(this.#enough());
      };
      const cancel = timeoutMs === undefined
        ? undefined
        : timers.after(timeoutMs, () => this.#finish?.());
      scope.signal?.addEventListener("abort", onAbort);
      for (const ref of this.#refs) if (isPending(ref)) addWaiter(ref, this);
      scope.begin();
    });
  }

  settled(ref: ObjectRef): void {
    if (this.#enough()) return;
    this.#count(ref);
    if (this.#enough()) this.#finish?.();
  }

  #count(ref: ObjectRef): void {
    this.#settled++;
    if (ref.state === "failed") this.#failed = true;
  }

  #enough(): boolean {
    return this.#settled >= this.#limits.count ||
      (this.#failed && this.#limits.stopAtFailure);
  }
}

function isPending(ref: ObjectRef): boolean {
  return ref.state === "pending";
}

function isPromise(value: unknown): boolean {
  return value instanceof Promise;
}

/** Whether an object could not be opened, and its owner may know more. */
function isLost(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === LOST_CODE;
}

const LOST_CODE = new ObjectLostError("").code;
