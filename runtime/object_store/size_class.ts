// The sizes that segments come in. Eight per power of two, so that a segment
// is at most one eighth larger than its object and a pooled one fits often.

import { SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN } from "../base/limits.ts";

const CLASSES_PER_DOUBLING = 8;

/** The size of the segment for an object of `sizeBytes`. */
export function segmentBytesFor(
  sizeBytes: number,
  capacityBytes: number,
): number {
  // At the limits the rounding must not make an object too large.
  const mostBytes = Math.min(SEGMENT_BYTES_MAX, capacityBytes);
  return Math.max(sizeBytes, Math.min(classBytesFor(sizeBytes), mostBytes));
}

function classBytesFor(sizeBytes: number): number {
  if (sizeBytes <= SEGMENT_BYTES_MIN) return SEGMENT_BYTES_MIN;
  const minimums = Math.floor((sizeBytes - 1) / SEGMENT_BYTES_MIN);
  const doublings = 31 - Math.clz32(minimums);
  const stepBytes = SEGMENT_BYTES_MIN * 2 ** doublings / CLASSES_PER_DOUBLING;
  return Math.ceil(sizeBytes / stepBytes) * stepBytes;
}
