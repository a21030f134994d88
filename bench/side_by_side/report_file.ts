// What a run of the side-by-side benchmark keeps: everything that the tables and
// the picture are made from. Asks the machine what it is.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import process from "node:process";
import { describeMachine } from "../report.ts";
import type { Spread } from "./comparison.ts";
import { VERSIONS } from "./install.ts";
import type { Gap, Outcome } from "./outcome.ts";

/** A run, to be written as JSON and read again. */
export interface SideReport {
  readonly startedAt: string;
  readonly rounds: number;
  readonly quick: boolean;
  readonly machine: MachineFacts;
  readonly versions: readonly string[];
  /** How busy others kept the machine before each program, of 1. */
  readonly busyByOthers: Spread;
  readonly outcomes: readonly Outcome[];
  readonly gaps: readonly Gap[];
}

/** What the figures were taken on. */
export interface MachineFacts {
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryGigabytes: number;
  readonly system: string;
}

const SAMPLE_MS = 300;
const OTP_RELEASE =
  'io:format("~s", [erlang:system_info(otp_release)]), halt(0).';

/** What this machine is. */
export function machineFacts(): MachineFacts {
  const { cpuModel, cpus, memoryBytes } = describeMachine();
  const memoryGigabytes = Math.round(memoryBytes / 1e9);
  return { cpuModel, cpus, memoryGigabytes, system: systemName() };
}

/** The versions of everything that takes part, as far as it is there. */
export function versionsOf(
  binary: string,
  runtimes: readonly string[],
): string[] {
  const { javascript, ray, dask, servers } = VERSIONS;
  const packages = Object.entries({
    ...ray,
    ...dask,
    ...servers,
    ...javascript,
  });
  return [
    `Manta ${ask(binary, ["version"])}`,
    ...runtimes.map((it) => `${it} ${ask(it, ["--version"])}`),
    `Erlang/OTP ${ask("erl", ["-noshell", "-eval", OTP_RELEASE])}`,
    ...packages.map(([name, version]) => `${name} ${version}`),
  ];
}

/** The share of the machine that is in use while none of ours runs. */
export async function sampleBusyness(): Promise<number> {
  const before = readTicks();
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const after = readTicks();
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}

function readTicks(): { idle: number; total: number } {
  try {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
    return { idle, total: ticks.reduce((sum, it) => sum + it, 0) };
  } catch {
    return { idle: 0, total: 0 };
  }
}

function systemName(): string {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    const name = /^PRETTY_NAME="(.*)"$/m.exec(text)?.[1] ?? "Linux";
    return `${name}, Linux ${release()}`;
  } catch {
    return `${process.platform} ${release()}`;
  }
}

function ask(program: string, args: readonly string[]): string {
  try {
    const [line = ""] = execFileSync(program, args, { encoding: "utf8" })
      .trim().split("\n");
    return line.replace(/^v/, "");
  } catch {
    return "not installed";
  }
}
