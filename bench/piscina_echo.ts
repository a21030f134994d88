// What piscina's thread runs, for the comparison in limits.ts. Must not import
// anything: it stands for the smallest task.

/** Gives back what it gets. */
export function echo(value: number): number {
  return value;
}
