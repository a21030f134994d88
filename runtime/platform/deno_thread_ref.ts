// Workaround for Deno: a web worker has no `unref()`, so a thread that waits
// for work would keep the driver's process alive. Can go when Deno's `Worker`
// has `ref` and `unref`.

/**
 * Lets a worker keep the process alive, or not. Deno counts: call it with
 * `false` once before each `true`. Does nothing where the method is gone; the
 * conformance suite tells.
 */
export function setKeepsProcessAlive(worker: Worker, keepsAlive: boolean) {
  const method = findRefMethod();
  if (method) method.call(worker, keepsAlive);
}

/** Deno's own `node:worker_threads` unrefs through this nameless method. */
function findRefMethod(): ((keepsAlive: boolean) => void) | undefined {
  for (const symbol of Object.getOwnPropertySymbols(Worker.prototype)) {
    if (symbol.description) continue;
    const value = Reflect.get(Worker.prototype, symbol);
    if (typeof value === "function") return value;
  }
  return undefined;
}
