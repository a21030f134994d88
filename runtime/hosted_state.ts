// The state of a head in a server: the node's thread, which may not go on
// before a change is kept, has the main thread send it, and sleeps meanwhile.

import { STATE_ANSWER_MS_MAX } from "./base/limits.ts";
import type {
  HostedStateStart,
  StateRequest,
  ToHost,
} from "./host_messages.ts";
import type { RedisState } from "./platform/redis_state.ts";
import type {
  StateChange,
  StateRow,
  StateStorage,
} from "./platform/state_file.ts";

const NUMBER = 0;
const WHY_BYTES = 1;
const HEADER_BYTES = 8;
const BOARD_BYTES = 1_024;

/** Gives the main thread's end of a state. */
export class StateHost {
  readonly start: HostedStateStart;
  readonly #state: RedisState;
  readonly #board: SharedArrayBuffer;

  constructor(state: RedisState) {
    this.#state = state;
    this.#board = new SharedArrayBuffer(BOARD_BYTES);
    this.start = { rows: state.rows(), board: this.#board };
  }

  /** Does what was asked for, and wakes who has asked. */
  async answer(number: number, request: StateRequest): Promise<void> {
    let why = "";
    try {
      if (request.type === "close") await this.#state.close(request.isOver);
      else await this.#state.commit(request.changes);
    } catch (error) {
      why = (error instanceof Error && error.message) || String(error);
    }
    const head = new Int32Array(this.#board, 0, 2);
    const room = new Uint8Array(this.#board, HEADER_BYTES);
    // Engines do not write texts to shared memory.
    const text = new TextEncoder().encode(why).subarray(0, room.length);
    room.set(text);
    Atomics.store(head, WHY_BYTES, text.length);
    Atomics.store(head, NUMBER, number);
    Atomics.notify(head, NUMBER);
  }
}

/** The end of the node's thread. */
export class HostedState implements StateStorage {
  readonly #start: HostedStateStart;
  readonly #head: Int32Array;
  readonly #post: (message: ToHost) => void;
  #lastNumber = 0;

  constructor(start: HostedStateStart, post: (message: ToHost) => void) {
    this.#start = start;
    this.#head = new Int32Array(start.board, 0, 2);
    this.#post = post;
  }

  load(): readonly StateRow[] {
    return this.#start.rows;
  }

  commit(changes: readonly StateChange[]): void {
    this.#ask({ type: "commit", changes });
  }

  close(): void {
    this.#ask({ type: "close", isOver: false });
  }

  remove(): void {
    this.#ask({ type: "close", isOver: true });
  }

  #ask(request: StateRequest): void {
    const number = ++this.#lastNumber;
    this.#post({ type: "state_request", number, request });
    const untilMs = performance.now() + STATE_ANSWER_MS_MAX;
    while (true) {
      const answered = Atomics.load(this.#head, NUMBER);
      if (answered === number) break;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw new Error("its server does not answer");
      Atomics.wait(this.#head, NUMBER, answered, leftMs);
    }
    const lengthBytes = Atomics.load(this.#head, WHY_BYTES);
    if (lengthBytes === 0) return;
    const why = new Uint8Array(this.#start.board, HEADER_BYTES, lengthBytes);
    throw new Error(new TextDecoder().decode(why.slice()));
  }
}
