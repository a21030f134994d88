// What a row of the benchmark is and how it is timed: after Ray's harness, which
// warms up, then takes the mean and the deviation of a few runs. Prints nothing.

/** One line of the benchmark, and how to get its figure. */
export interface Row {
  readonly name: string;
  /** What the figure counts. */
  readonly unit: Unit;
  /** What the row must reach on a machine with two cores, if anything. */
  readonly target?: Target;
  /** Whether it wants memory that no other row has filled. */
  readonly startsAfresh?: boolean;
  /** Measures; whatever it made is gone when the promise resolves. */
  measure(pace: Pace): Promise<Measured>;
}

/** `per second` and the like want a large figure, the others a small one. */
export type Unit =
  | "per second"
  | "of ideal"
  | "seconds"
  | "milliseconds"
  | "microseconds"
  | "megabytes";

/** Whether a large figure is the better one. */
export function isMoreBetter(unit: Unit): boolean {
  return unit === "per second" || unit === "of ideal";
}

/** Figures of the same run that a row is compared with, and what is wanted. */
export interface Target {
  /** At least so many, or at most where less is better. */
  readonly value?: number;
  /** Names of rows that the machine sets, with the least ratio to each. */
  readonly ratios?: Readonly<Record<string, number>>;
}

/** How often to repeat. */
export interface Pace {
  readonly isQuick: boolean;
  readonly warmUpMs: number;
  readonly runs: number;
  readonly runMs: number;
}

/** A figure with its deviation over the runs. */
export interface Measured {
  readonly mean: number;
  readonly deviation: number;
  /** What else the row has to tell, in plain words. */
  readonly note?: string;
}

/** A loop body that was prepared, and what to do after the last one. */
export interface Loop {
  once(): unknown;
  end?(): unknown;
}

/** What a row says of itself beside its name. */
export interface RateOptions {
  /**
   * How many threads share the work. Each compiles its code by itself, so
   * that it takes so many times as long until all of them are warm.
   */
  readonly threads?: number;
}

/** A row that counts how often a body runs; each time counts `multiplier`. */
export function rate(
  name: string,
  multiplier: number,
  prepare: () => Loop | Promise<Loop>,
  target?: Target,
  options: RateOptions = {},
): Row {
  const { threads = 1 } = options;
  return {
    name,
    unit: "per second",
    ...(target && { target }),
    measure: async (pace) => {
      const loop = await prepare();
      try {
        const warmUpMs = pace.warmUpMs * threads;
        return await timeLoop(() => loop.once(), multiplier, {
          ...pace,
          warmUpMs,
        });
      } finally {
        await loop.end?.();
      }
    },
  };
}

/** Gives the mean and the deviation of a few figures. */
export function summarize(figures: readonly number[], note?: string): Measured {
  const mean = figures.reduce((sum, x) => sum + x, 0) / figures.length;
  const squares = figures.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return {
    mean,
    deviation: Math.sqrt(squares / figures.length),
    ...(note !== undefined && { note }),
  };
}

/**
 * The median, and the median distance from it, with the worst of them: for
 * short times, of which a collection of garbage is now and then a part.
 */
export function summarizeByMedian(figures: readonly number[]): Measured {
  const mean = medianOf(figures);
  return {
    mean,
    deviation: medianOf(figures.map((figure) => Math.abs(figure - mean))),
    note: `the median; at worst ${Math.round(Math.max(...figures))}`,
  };
}

function medianOf(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** Calls `measureOnce` a few times: for what takes long and is not a loop. */
export async function repeat(
  times: number,
  measureOnce: () => Promise<number>,
): Promise<Measured> {
  const figures: number[] = [];
  for (let i = 0; i < times; i++) figures.push(await measureOnce());
  return summarize(figures);
}

/** Runs `once` for a while, some times over; the clock is read in steps. */
async function timeLoop(
  once: () => unknown,
  multiplier: number,
  pace: Pace,
): Promise<Measured> {
  const warmUpEndMs = performance.now() + pace.warmUpMs;
  let warmUps = 0;
  do {
    await once();
    warmUps++;
  } while (performance.now() < warmUpEndMs);
  const step = Math.floor(warmUps / 10) + 1;

  const figures: number[] = [];
  for (let run = 0; run < pace.runs; run++) {
    const startMs = performance.now();
    let count = 0;
    let elapsedMs = 0;
    while (elapsedMs < pace.runMs) {
      for (let i = 0; i < step; i++) await once();
      count += step;
      elapsedMs = performance.now() - startMs;
    }
    figures.push(multiplier * count * 1_000 / elapsedMs);
  }
  return summarize(figures);
}
