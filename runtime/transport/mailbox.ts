// A thread's doorbell: one shared counter that every sender bumps, and a flag
// that says whether the thread sleeps in its event loop (then a bump must be
// followed by a message on a port) or watches the counter by itself.

/** Words of the shared buffer. */
const SIGNAL = 0;
const PARKED = 1;
const MAILBOX_BYTES = 64;

/** The shared half of a mailbox, as it is passed to other threads. */
export type MailboxBuffer = SharedArrayBuffer;

/** Makes the shared half of a mailbox. */
export function newMailboxBuffer(): MailboxBuffer {
  const buffer = new SharedArrayBuffer(MAILBOX_BYTES);
  new Int32Array(buffer)[PARKED] = 1;
  return buffer;
}

/** Something that a mailbox polls: a link that may have bytes to read. */
export interface Pollable {
  /** Takes in everything there is; returns whether there was anything. */
  poll(): boolean;
}

/**
 * The receiving half, in the thread that owns it.
 *
 * Exactly one of two holds at any time: the thread polls (`parked` is 0), or
 * it is parked and the next signal comes with a doorbell message.
 */
export class Mailbox {
  readonly buffer: MailboxBuffer;
  readonly #words: Int32Array;
  readonly #links = new Set<Pollable>();
  #seen = 0;
  #polling = false;

  constructor(buffer: MailboxBuffer = newMailboxBuffer()) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  add(link: Pollable): void {
    this.#links.add(link);
  }

  remove(link: Pollable): void {
    this.#links.delete(link);
  }

  /** Whether somebody has signalled since the last poll. */
  get hasMail(): boolean {
    return Atomics.load(this.#words, SIGNAL) !== this.#seen;
  }

  /** Takes in what has come; false when there was no signal. */
  poll(): boolean {
    if (!this.hasMail || this.#polling) return false;
    this.#polling = true;
    try {
      do {
        this.#seen = Atomics.load(this.#words, SIGNAL);
        for (const link of this.#links) link.poll();
      } while (this.hasMail);
    } finally {
      this.#polling = false;
    }
    return true;
  }

  /** The thread watches by itself: senders need not ring. */
  unpark(): void {
    Atomics.store(this.#words, PARKED, 0);
  }

  /**
   * The thread goes back to its event loop. Returns false when mail came in
   * between: the caller polls again instead of sleeping.
   */
  park(): boolean {
    Atomics.store(this.#words, PARKED, 1);
    if (!this.hasMail) return true;
    Atomics.store(this.#words, PARKED, 0);
    return false;
  }
}

/** The sending half, in every other thread. */
export class MailboxSignal {
  readonly #words: Int32Array;

  constructor(buffer: MailboxBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** Announces mail; `ring` is called when the thread must be woken. */
  notify(ring: () => void): void {
    Atomics.add(this.#words, SIGNAL, 1);
    if (Atomics.exchange(this.#words, PARKED, 0) === 1) ring();
  }
}
