// An object that is being written: memory of the store, until it is sealed.
// It is for code of ours only; users see an object when it is complete.

/** See the head of the file; the writer seals or aborts it, always. */
export class WritableObject implements Disposable {
  #bytes: Uint8Array | undefined;
  readonly #settle: (isComplete: boolean) => void;

  /** `settle` is called once. */
  constructor(
    bytes: Uint8Array,
    settle: (isComplete: boolean) => void,
  ) {
    this.#bytes = bytes;
    this.#settle = settle;
  }

  /**
   * The whole object, to be written. It may hold anything at first: the
   * memory had other objects in it. No view on it may outlive the seal.
   */
  get bytes(): Uint8Array {
    if (this.#bytes) return this.#bytes;
    throw new TypeError("Cannot write to an object that is sealed or aborted");
  }

  /** The object is complete: readers may have it. */
  seal(): void {
    this.#end(true);
  }

  /** There will be no such object. Without effect after `seal`. */
  abort(): void {
    this.#end(false);
  }

  /** Aborts what is not sealed. */
  [Symbol.dispose](): void {
    this.abort();
  }

  #end(isComplete: boolean): void {
    if (!this.#bytes) return;
    this.#bytes = undefined;
    this.#settle(isComplete);
  }
}
