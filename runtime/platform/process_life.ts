// Who a process is, in a way that another one of the same machine can check
// later: whether it is still there, and not another one of its number.

import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";

/** Names a process for as long as its machine runs. */
export interface ProcessName {
  /** The machine, from one start of it to the next. */
  readonly machine: string;
  /** Containers count their processes on their own. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** When it was started, in ticks of the system's clock; "0": unknown. */
  readonly start: string;
}

/** The name of this process. */
export function thisProcess(): ProcessName {
  const { pid } = process;
  return {
    machine: machineName(),
    pidNamespace: pidNamespace(),
    pid,
    start: startOf(pid),
  };
}

/** Whether it lives; undefined where that cannot be known from here. */
export function isProcessAlive(name: ProcessName): boolean | undefined {
  return isNear(name) ? isAlive(name.pid, name.start) : undefined;
}

/** Whether it is of this machine, and its number means the same here. */
export function isNear(name: ProcessName): boolean {
  return name.machine === machineName() &&
    name.pidNamespace === ownNamespace();
}

/** Whether the process is there, and not another one of the same number. */
export function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
  const fields = statFields(pid);
  if (!fields) return true;
  // One that has ended stays until its parent has asked how.
  const [state = ""] = fields;
  if (state === "Z" || state === "X") return false;
  const present = fields[START_FIELD] ?? "0";
  return present === "0" || start === "0" || present === start;
}

/** When a process was started, in ticks of the system's clock; "0": unknown. */
export function startOf(pid: number): string {
  return statFields(pid)?.[START_FIELD] ?? "0";
}

/**
 * Containers may share a folder while each counts its processes from 1: a
 * number says something only beside its namespace.
 */
export function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
  } catch {
    return "0";
  }
}

let namespace: string | undefined;

function ownNamespace(): string {
  return namespace ??= pidNamespace();
}

let machine: string | undefined;

function machineName(): string {
  return machine ??= findMachineName();
}

function findMachineName(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return hostname();
  }
}

/** Of the fields behind the name, which may have blanks and brackets in it. */
const START_FIELD = 19;

function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
