// One step of a short busy wait, as politely as the processor allows. How
// long to wait is the caller's affair.

const atomics = Atomics as typeof Atomics & { pause?: () => void };

/** Tells the processor that this thread spins; nothing where it cannot. */
export const spinHint: () => void = typeof atomics.pause === "function"
  ? atomics.pause.bind(atomics)
  : doNothing;

function doNothing(): void {}
