// A counted stock of resources that leases and actors draw from: a node's, or
// a placement group's bundle's. It counts; who may draw is decided elsewhere.

import { fits, type ResourceSet } from "../base/resources.ts";
import type { PlacementGroupId } from "../base/ids.ts";
import { type GpuShare, gpusOf, GpuTable, gpuUnits } from "./gpu_table.ts";

/** Resources that can be taken and given back. */
export class ResourcePool {
  /** The bundle that this is, or nothing when it is the node's own. */
  readonly bundle: BundleName | undefined;
  readonly total: ResourceSet;
  /** The amount of GPUs in `available`, one by one. */
  readonly gpus: GpuTable;
  readonly #available: Record<string, number>;

  constructor(
    total: ResourceSet,
    bundle?: BundleName,
    gpus: readonly GpuShare[] = gpusOf(gpuUnits(total)),
  ) {
    this.bundle = bundle;
    this.gpus = new GpuTable(gpus);
    // No prototype: a user may call a resource "constructor".
    this.total = Object.assign(Object.create(null), total);
    this.#available = Object.assign(Object.create(null), total);
  }

  /** What is left; below 0 where more is in use than there is. */
  get available(): ResourceSet {
    return this.#available;
  }

  fits(need: ResourceSet): boolean {
    return fits(this.#available, need) && this.gpus.fits(gpuUnits(need));
  }

  take(amounts: ResourceSet): void {
    for (const name in amounts) {
      this.#available[name] = (this.#available[name] ?? 0) - amounts[name]!;
    }
  }

  giveBack(amounts: ResourceSet): void {
    for (const name in amounts) {
      this.#available[name] = (this.#available[name] ?? 0) + amounts[name]!;
    }
  }
}

/** Which bundle of which group. */
export interface BundleName {
  readonly groupId: PlacementGroupId;
  readonly index: number;
}

/** The CPU part of a set, alone; what a task gives back while it waits. */
export function cpuPart(set: ResourceSet): ResourceSet {
  const cpu = set["CPU"] ?? 0;
  return cpu === 0 ? {} : { CPU: cpu };
}
