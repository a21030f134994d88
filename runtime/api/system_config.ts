// Settings of the system's insides, which `init` takes as `systemConfig`:
// checked, with their defaults.

import { MEMORY_REFRESH_MS, MEMORY_USE_MAX } from "../base/limits.ts";
import {
  aByteCount,
  checkRecord,
  checkShape,
  outOfRange,
  wrongType,
} from "./option_checks.ts";

/** The settings that there are; not stable. */
export interface SystemConfig {
  /**
   * The share of the memory above which tasks are stopped.
   *
   * @default {0.95}
   */
  readonly memoryUsageThreshold?: number | undefined;
  /**
   * How often the use of memory is looked at, in milliseconds; 0 is never.
   *
   * @default {250}
   */
  readonly memoryMonitorRefreshMs?: number | undefined;
  /**
   * What the node's process may use, in bytes, where that is less than what
   * the machine or the container has.
   *
   * @default {undefined} all that there is
   */
  readonly memoryLimitBytes?: number | undefined;
}

/** The settings with their defaults. */
export interface ResolvedSystemConfig {
  readonly memoryUsageThreshold: number;
  readonly memoryMonitorRefreshMs: number;
  readonly memoryLimitBytes: number | undefined;
}

export function resolveSystemConfig(
  config: SystemConfig = {},
): ResolvedSystemConfig {
  return Object.freeze({
    memoryUsageThreshold: config.memoryUsageThreshold ?? MEMORY_USE_MAX,
    memoryMonitorRefreshMs: config.memoryMonitorRefreshMs ?? MEMORY_REFRESH_MS,
    memoryLimitBytes: config.memoryLimitBytes,
  });
}

/** @throws {TypeError | RangeError} If it is no `SystemConfig`. */
export function systemConfig(value: unknown, path: string): void {
  checkRecord(value, path);
  checkShape(
    value,
    {
      memoryUsageThreshold: (share, key) =>
        between(share, `${path}.${key}`, 0, 1),
      memoryMonitorRefreshMs: (delayMs, key) =>
        between(delayMs, `${path}.${key}`, 0, 2 ** 31 - 1),
      memoryLimitBytes: (bytes, key) => aByteCount(bytes, `${path}.${key}`),
    },
    `the option "${path}"`,
  );
}

function between(
  value: unknown,
  path: string,
  least: number,
  most: number,
): void {
  if (typeof value !== "number") wrongType(value, path, "a number");
  if (value >= least && value <= most) return;
  outOfRange(value, path, `from ${least} to ${most}`);
}
