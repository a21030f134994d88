// What a node calls its GPUs. The scheduler counts them from 0; which ones a
// process sees, the system says by a variable of its environment.

import process from "node:process";

/** The system's names of GPUs, where the process may use only some. */
export function gpuIdsOf(
  gpus: readonly number[] | undefined,
): { readonly gpuIds?: readonly string[] } {
  if (!gpus) return {};
  const visible = process.env["CUDA_VISIBLE_DEVICES"]?.split(",") ?? [];
  return { gpuIds: gpus.map((gpu) => visible[gpu]?.trim() || String(gpu)) };
}
