// How a node's process is asked to end: by SIGTERM or SIGINT, once for an end
// in an orderly way, and again by who does not want to wait for that.

import process from "node:process";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** See the head of the file. */
export interface EndSignals {
  /** Resolves to the signal. */
  readonly first: Promise<string>;
  readonly second: Promise<string>;
}

/** Listens from now on; the signal after the second kills. */
export function listenToEndSignals(): EndSignals {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  let count = 0;
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      count++;
      if (count === 1) return first.resolve(name);
      for (const [n, it] of SIGNALS.entries()) process.off(it, listeners[n]!);
      second.resolve(name);
    };
    process.on(name, listener);
    return listener;
  });
  return { first: first.promise, second: second.promise };
}
