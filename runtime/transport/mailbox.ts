// A thread's doorbell: one shared counter that every sender bumps, and a flag
// that says whether the thread sleeps in its event loop (then it must be
// woken) or watches the counter by itself. Waking is `Atomics.waitAsync`: four
// times as fast as a message on a port, and it keeps no process alive.

/** Words of the shared buffer. */
const SIGNAL = 0;
const PARKED = 1;
const MAILBOX_BYTES = 64;

/** The shared half of a mailbox, as it is passed to other threads. */
export type MailboxBuffer = SharedArrayBuffer;

/** Makes the shared half of a mailbox. */
export function newMailboxBuffer(): MailboxBuffer {
  return new SharedArrayBuffer(MAILBOX_BYTES);
}

/** Something that a mailbox polls: a link that may have bytes to read. */
export interface Pollable {
  /** Takes in everything there is. */
  poll(): void;
}

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { readonly async: boolean; readonly value: unknown };

// In the language since 2024, in TypeScript's libraries only in the newest.
const waitAsync = Reflect.get(Atomics, "waitAsync") as WaitAsync;

/** The receiving half, in the thread that owns it. */
export class Mailbox {
  readonly buffer: MailboxBuffer;
  readonly #words: Int32Array;
  readonly #links = new Set<Pollable>();
  #seen = 0;
  #polling = false;
  /** A wake-up call is ordered and has not come. */
  #armed = false;
  /** What a wake-up calls; set by who owns the thread's turns. */
  onMail: () => void = () => {};

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

  /** Takes in what has come; not reentrant. */
  poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    try {
      while (this.hasMail) {
        this.#seen = Atomics.load(this.#words, SIGNAL);
        for (const link of this.#links) link.poll();
      }
    } finally {
      this.#polling = false;
    }
  }

  /** The thread watches by itself: senders need not wake it. */
  unpark(): void {
    Atomics.store(this.#words, PARKED, 0);
  }

  /** Blocks the thread until there is mail, or the time is over. */
  sleep(timeoutMs: number): void {
    Atomics.store(this.#words, PARKED, 1);
    Atomics.wait(this.#words, SIGNAL, this.#seen, timeoutMs);
    Atomics.store(this.#words, PARKED, 0);
  }

  /**
   * The thread goes back to its event loop; `onMail` is called when mail
   * comes. Returns false when some has come already: poll again.
   */
  park(): boolean {
    Atomics.store(this.#words, PARKED, 1);
    if (!this.hasMail && this.#arm()) return true;
    Atomics.store(this.#words, PARKED, 0);
    return false;
  }

  /** Orders a wake-up call unless one is ordered; false when mail is there. */
  #arm(): boolean {
    if (this.#armed) return true;
    const wait = waitAsync(this.#words, SIGNAL, this.#seen);
    if (!wait.async) return false;
    this.#armed = true;
    (wait.value as Promise<unknown>).then(() => {
      this.#armed = false;
      this.onMail();
    });
    return true;
  }
}

/** The sending half, in every other thread. */
export class MailboxSignal {
  readonly #words: Int32Array;

  constructor(buffer: MailboxBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** Announces mail, and wakes the thread if it sleeps. */
  notify(): void {
    Atomics.add(this.#words, SIGNAL, 1);
    if (Atomics.exchange(this.#words, PARKED, 0) === 1) {
      Atomics.notify(this.#words, SIGNAL);
    }
  }
}
