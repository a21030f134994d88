// The GPUs of a pool, one by one: which of them a lease or an actor gets.
// Parts of a GPU share one, as few as possible; whole GPUs are nobody else's.

import { RESOURCE_UNIT, type ResourceSet } from "../base/resources.ts";

/** A GPU, or a part of one, in units. */
export interface GpuShare {
  readonly index: number;
  readonly units: number;
}

/** Nothing of any GPU. */
export const NO_GPUS: readonly GpuShare[] = [];

/** How much of GPUs a set has, in units. */
export function gpuUnits(set: ResourceSet): number {
  return set["GPU"] ?? 0;
}

/** Which GPUs the shares are of, for an action that tells; none is nothing. */
export function gpuIndices(
  shares: readonly GpuShare[],
): { readonly gpus?: readonly number[] } {
  return shares.length === 0 ? {} : { gpus: shares.map(({ index }) => index) };
}

/** The GPUs of a node, by the amount that it has of them. */
export function gpusOf(units: number): GpuShare[] {
  const shares: GpuShare[] = [];
  for (let left = units; left > 0; left -= RESOURCE_UNIT) {
    const index = shares.length;
    shares.push({ index, units: Math.min(left, RESOURCE_UNIT) });
  }
  return shares;
}

/** See the head of the file. */
export class GpuTable {
  readonly #free: { readonly index: number; units: number }[];

  constructor(shares: readonly GpuShare[]) {
    this.#free = shares.map((share) => ({ ...share }));
  }

  /** All that is free, in units. */
  get freeUnits(): number {
    return this.#free.reduce((sum, { units }) => sum + units, 0);
  }

  fits(units: number): boolean {
    return units === 0 || this.#choose(units) !== undefined;
  }

  /** Gives GPUs away; what does not fit is not to be asked for. */
  take(units: number): readonly GpuShare[] {
    const chosen = units === 0 ? NO_GPUS : this.#choose(units) ?? NO_GPUS;
    this.#change(chosen, -1);
    return chosen;
  }

  giveBack(shares: readonly GpuShare[]): void {
    this.#change(shares, 1);
  }

  /** Gives each set its GPUs, or none to any of them. */
  takeAll(
    sets: readonly ResourceSet[],
  ): readonly (readonly GpuShare[])[] | undefined {
    const taken: (readonly GpuShare[])[] = sets.map(() => NO_GPUS);
    // Small ones find room beside large ones, not the other way round.
    const largestFirst = [...sets.keys()].sort((left, right) =>
      gpuUnits(sets[right]!) - gpuUnits(sets[left]!)
    );
    for (const at of largestFirst) {
      const units = gpuUnits(sets[at]!);
      if (!this.fits(units)) {
        for (const shares of taken) this.giveBack(shares);
        return undefined;
      }
      taken[at] = this.take(units);
    }
    return taken;
  }

  /** Whole GPUs first; for the rest the fullest one that has room. */
  #choose(units: number): GpuShare[] | undefined {
    const wholeCount = Math.floor(units / RESOURCE_UNIT);
    const rest = units % RESOURCE_UNIT;
    const whole = this.#free.filter((gpu) => gpu.units === RESOURCE_UNIT)
      .slice(0, wholeCount);
    if (whole.length < wholeCount) return undefined;
    const chosen = whole.map(({ index }) => ({ index, units: RESOURCE_UNIT }));
    if (rest === 0) return chosen;
    let fullest: GpuShare | undefined;
    for (const gpu of this.#free) {
      if (gpu.units < rest || whole.includes(gpu)) continue;
      if (!fullest || gpu.units < fullest.units) fullest = gpu;
    }
    return fullest && [...chosen, { index: fullest.index, units: rest }];
  }

  #change(shares: readonly GpuShare[], sign: 1 | -1): void {
    for (const { index, units } of shares) {
      const gpu = this.#free.find((each) => each.index === index);
      if (gpu) gpu.units += sign * units;
    }
  }
}
