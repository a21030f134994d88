// Work for one CPU, the same in a task and in a bare thread. It must import
// nothing: it is shipped with the task, and bundled into the bare thread.

/** So many rounds of a random number generator. */
export function spin(rounds: number): number {
  let x = 88_172_645;
  for (let i = 0; i < rounds; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}
