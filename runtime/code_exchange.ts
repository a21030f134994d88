// Code that travels inside values as remote functions do: by its place when
// it is bundled already, else by a number that its thread is asked for.

import { WorkerDiedError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import { PortableCode } from "./code_port.ts";
import type {
  CodeFound,
  CodeWanted,
  PeerMessage,
  WireCode,
} from "./protocol/messages.ts";
import type { WireError } from "./protocol/wire_error.ts";

/** What the exchange needs of its thread's session. */
export interface ExchangeThread {
  readonly identity: { readonly workerId: WorkerId };
  readonly codec: {
    encodeError(error: unknown): WireError;
    decodeError(error: WireError): Error;
  };
  send(peer: WorkerId, message: PeerMessage): void;
  hasSentCode(code: WireCode): boolean;
  sendCode(code: WireCode): Promise<WireCode>;
  schedule(): void;
}

/** Where code is: bundled, or with a thread that will bundle it. */
export type CodePlace = WireCode | readonly [thread: WorkerId, code: number];

/** See the head of the file. */
export class CodeExchange {
  readonly #thread: ExchangeThread;
  readonly #given = new Map<number, PortableCode>();
  readonly #numbers = new Map<PortableCode, number>();
  readonly #asked = new Map<string, PromiseWithResolvers<WireCode>>();
  readonly #ended = new Set<WorkerId>();

  constructor(thread: ExchangeThread) {
    this.#thread = thread;
  }

  /** The place of code for a value that is being written. */
  placeOf(code: PortableCode): CodePlace {
    code.analyse();
    if (code.wire && this.#thread.hasSentCode(code.wire)) return code.wire;
    // What goes wrong is told to whoever asks for it.
    this.#ship(code).catch(() => {});
    let number = this.#numbers.get(code);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(code, number);
      this.#given.set(number, code);
    }
    return [this.#thread.identity.workerId, number];
  }

  /** The code at a place that came in a value. */
  codeAt(name: string, place: CodePlace): PortableCode {
    if (!isPromised(place)) return PortableCode.bundled(name, place);
    const [thread, number] = place;
    const own = thread === this.#thread.identity.workerId &&
      this.#given.get(number);
    return own || PortableCode.elsewhere(name, () => this.#ask(thread, number));
  }

  receive(peer: WorkerId, message: CodeWanted | CodeFound): void {
    if (message.type === "code_found") {
      const asked = this.#asked.get(`${peer}/${message.code}`);
      const { result } = message;
      if (!("error" in result)) return asked?.resolve(result);
      return asked?.reject(this.#thread.codec.decodeError(result.error));
    }
    const { code } = message;
    const answer = (result: CodeFound["result"]) => {
      this.#thread.send(peer, { type: "code_found", code, result });
      this.#thread.schedule();
    };
    this.#ship(this.#given.get(code)!).then(
      answer,
      (error) => answer({ error: this.#thread.codec.encodeError(error) }),
    );
  }

  async #ship(code: PortableCode): Promise<WireCode> {
    return await this.#thread.sendCode(await code.ship());
  }

  /** The thread is gone; what it promised will not come. */
  workerEnded(thread: WorkerId): void {
    this.#ended.add(thread);
    for (const [key, asked] of this.#asked) {
      if (key.startsWith(`${thread}/`)) asked.reject(endedError(thread));
    }
  }

  #ask(thread: WorkerId, code: number): Promise<WireCode> {
    const key = `${thread}/${code}`;
    let asked = this.#asked.get(key);
    if (!asked) {
      if (this.#ended.has(thread)) return Promise.reject(endedError(thread));
      asked = Promise.withResolvers<WireCode>();
      this.#asked.set(key, asked);
      this.#thread.send(thread, { type: "code_wanted", code });
      this.#thread.schedule();
    }
    return asked.promise;
  }
}

function endedError(thread: WorkerId): WorkerDiedError {
  return new WorkerDiedError(
    `Cannot load a remote function: thread ${thread}, which had its code, ` +
      "is gone. Make the function remote in a module that the task imports",
  );
}

function isPromised(
  place: CodePlace,
): place is readonly [thread: WorkerId, code: number] {
  return Array.isArray(place);
}
