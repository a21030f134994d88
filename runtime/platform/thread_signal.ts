// The messages that the main thread and a thread's guard exchange beside the
// entry's own. The entry never sees them. Only Deno needs them, where
// `terminate()` does not tell whether it worked.

/** Thread → main: my own code runs now; before, it is Deno's. */
export const STARTED_SIGNAL = { type: "manta_thread_started" } as const;

/** Main → thread: end after the current task of your event loop. */
export const STOP_SIGNAL = { type: "manta_thread_stop" } as const;

/** Thread → main: my event loop turns, and this was its last turn. */
export const STOPPING_SIGNAL = { type: "manta_thread_stopping" } as const;

/** Whether `message` is `signal`; cheap for every other message. */
export function isSignal(
  message: unknown,
  signal: { readonly type: string },
): boolean {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === signal.type;
}

/**
 * The global under which a thread keeps the name that it was started with:
 * user code may set `name` to anything.
 */
export const THREAD_NAME_PROPERTY = "__mantaThreadName";

/** What a web worker's global scope has, whichever types are loaded. */
export interface ThreadScope {
  readonly name?: string;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  /** Bun has none: there, nobody asks, and `terminate()` is enough. */
  close?(): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

/**
 * Makes this thread answer `stop()`. Call it before any other code of the
 * thread: its listener must be the first, so that it can hide the signal.
 */
export function answerStopSignal(
  scope: ThreadScope = globalThis as unknown as ThreadScope,
): void {
  const close = scope.close?.bind(scope);
  if (!close) return;
  Object.defineProperty(scope, THREAD_NAME_PROPERTY, { value: scope.name });
  const postMessage = scope.postMessage.bind(scope);
  scope.addEventListener("message", (event) => {
    if (!isSignal((event as MessageEvent).data, STOP_SIGNAL)) return;
    event.stopImmediatePropagation();
    postMessage(STOPPING_SIGNAL);
    close();
  });
  postMessage(STARTED_SIGNAL);
}
