// A connection to this process's own inspector, the only one on Deno that
// reaches a busy thread. It listens on a loopback port, under a path nobody
// else can guess, for as long as the connection lasts. While it lasts, a new
// thread would take half a second for each turn of its event loop: start none.

import inspector from "node:inspector";
import { THREAD_INTERRUPT_MS_MAX } from "../base/limits.ts";

/** What the inspector tells of a thread. */
export type InspectorEvent =
  | { readonly type: "thread_seen"; readonly session: string }
  | {
    readonly type: "thread_answered";
    readonly session: string;
    /** The value of the expression, for an answer to `evaluate`. */
    readonly value: unknown;
  }
  | { readonly type: "thread_gone"; readonly session: string };

/** The fields of the inspector's messages that are read here. */
interface WireMessage {
  readonly method?: string;
  readonly params?: {
    readonly sessionId: string;
    /** What a thread answered: JSON again. */
    readonly message?: string;
  };
}

interface WireAnswer {
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/**
 * What we send makes the kernel confirm at once what we received, which the
 * inspector's socket waits for (40 ms otherwise, at each step). The nudges
 * have no other meaning.
 */
const NUDGE_INTERVAL_MS = 2;

/** Open from `connect()` to `close()`. */
export class Inspector {
  readonly #socket: WebSocket;
  /** Somebody may be debugging: what was open before stays open. */
  readonly #isOurs: boolean;
  readonly #nudge: ReturnType<typeof setInterval>;
  #lastId = 0;

  /** Opens the inspector; rejects where that is not allowed. */
  static async connect(): Promise<Inspector> {
    const isOurs = inspector.url() === undefined;
    if (isOurs) inspector.open(0, "127.0.0.1", false);
    const socket = new WebSocket(inspector.url() ?? "");
    if (!await happens(socket, "open")) {
      socket.close();
      if (isOurs) inspector.close();
      throw new Error("Cannot reach the inspector of this process");
    }
    return new Inspector(socket, isOurs);
  }

  constructor(socket: WebSocket, isOurs: boolean) {
    this.#socket = socket;
    this.#isOurs = isOurs;
    this.#nudge = setInterval(
      () => this.#send("Runtime.getIsolateId"),
      NUDGE_INTERVAL_MS,
    );
  }

  /** Tells of every thread that there is, then of what becomes of them. */
  watchThreads(onEvent: (event: InspectorEvent) => void): void {
    this.#socket.addEventListener("message", (message) => {
      const event = readEvent(JSON.parse(message.data));
      if (event) onEvent(event);
    });
    this.#send("NodeWorker.enable", { waitForDebuggerOnStart: false });
  }

  /** Evaluates an expression in a thread, even while it is busy. */
  evaluate(session: string, expression: string): void {
    this.#sendToThread(session, "Runtime.evaluate", { expression });
  }

  /** Ends what a thread is doing, past every `catch` and `finally`. */
  terminateExecution(session: string): void {
    this.#sendToThread(session, "Runtime.terminateExecution");
  }

  async close(): Promise<void> {
    clearInterval(this.#nudge);
    if (this.#socket.readyState !== WebSocket.CLOSED) {
      this.#socket.close();
      await happens(this.#socket, "close");
    }
    if (this.#isOurs) inspector.close();
  }

  #sendToThread(sessionId: string, method: string, params: object = {}): void {
    const message = JSON.stringify({ id: ++this.#lastId, method, params });
    this.#send("NodeWorker.sendMessageToWorker", { sessionId, message });
  }

  #send(method: string, params: object = {}): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const id = ++this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params }));
  }
}

/** Waits for an event, for a bounded time; resolves with whether it came. */
async function happens(
  socket: WebSocket,
  event: "open" | "close",
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), THREAD_INTERRUPT_MS_MAX);
  socket.addEventListener(event, () => resolve(true));
  socket.addEventListener("error", () => resolve(false));
  const hasCome = await promise;
  clearTimeout(timer);
  return hasCome;
}

function readEvent({ method, params }: WireMessage): InspectorEvent | null {
  const session = params?.sessionId ?? "";
  switch (method) {
    case "NodeWorker.attachedToWorker":
      return { type: "thread_seen", session };
    case "NodeWorker.detachedFromWorker":
      return { type: "thread_gone", session };
    case "NodeWorker.receivedMessageFromWorker": {
      const answer = JSON.parse(params?.message ?? "{}") as WireAnswer;
      const value = answer.result?.result?.value;
      return { type: "thread_answered", session, value };
    }
    default:
      return null;
  }
}
