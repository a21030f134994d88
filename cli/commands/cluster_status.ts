// What `manta status` tells of a cluster, and how people read it. Pure: what
// the head has answered goes in, text comes out.

import type { JobListing, NodeListing } from "../../runtime/node_control.ts";
import type { PendingListing } from "../../runtime/protocol/state_answers.ts";
import { formatTable } from "./formats.ts";

/** What the head has answered. */
export interface ClusterAnswers {
  readonly address: string;
  readonly nowMs: number;
  readonly nodes: readonly NodeListing[];
  readonly pending: readonly PendingListing[];
  readonly jobs: readonly JobListing[];
}

/** The status, for programs. Sizes are bytes, times are milliseconds. */
export interface ClusterStatus {
  readonly address: string;
  readonly nodes: readonly (NodeListing & { readonly upMs: number })[];
  readonly resources: Readonly<
    Record<string, { readonly used: number; readonly total: number }>
  >;
  readonly waiting: readonly PendingListing[];
  readonly jobs: readonly (JobListing & { readonly upMs: number })[];
}

/** Puts the answers together. */
export function clusterStatus(answers: ClusterAnswers): ClusterStatus {
  const { address, nowMs, nodes, pending, jobs } = answers;
  const withTime = <Listing extends { readonly startedAtMs: number }>(
    listing: Listing,
  ) => ({
    ...listing,
    // A clock that was set back must not make anything younger than new.
    upMs: Math.max(0, nowMs - listing.startedAtMs),
  });
  return {
    address,
    nodes: nodes.map((node) => withTime(node)),
    resources: resourcesOf(nodes),
    waiting: pending,
    jobs: jobs.map((job) => withTime(job)),
  };
}

function resourcesOf(nodes: readonly NodeListing[]) {
  const sums: Record<string, { used: number; total: number }> = {};
  for (const { alive, resources, available } of nodes) {
    if (!alive) continue;
    for (const [name, total] of Object.entries(resources)) {
      const sum = sums[name] ??= { used: 0, total: 0 };
      sum.total = rounded(sum.total + total);
      sum.used = rounded(sum.used + total - (available[name] ?? 0));
    }
  }
  return sums;
}

/** Amounts have four digits behind the point; their sums have no more. */
function rounded(amount: number): number {
  return Math.round(amount * 10_000) / 10_000;
}

const WHY: Readonly<Record<PendingListing["why"], string>> = {
  busy: "all that could run it is in use",
  resources: "no node has that much",
  labels: "no node has these labels",
  nodes: "no node fits its strategy",
  group: "its placement group is not ready",
};

/** The status, for people. */
export function statusText(status: ClusterStatus): string {
  const { address, nodes, resources, waiting, jobs } = status;
  const dead = nodes.filter((node) => !node.alive);
  return [
    `Cluster at ${address}: ${nodeCounts(nodes)}, ` +
    `${counted(jobs.length, "job")}\n`,
    nodesText(nodes),
    ...(dead.length === 0 ? [] : [deadText(dead)]),
    resourcesText(resources),
    storesText(nodes),
    waiting.length === 0 ? "Nothing waits\n" : waitingText(waiting),
    ...(jobs.length === 0 ? [] : [jobsText(jobs)]),
  ].join("\n");
}

function nodesText(nodes: ClusterStatus["nodes"]): string {
  const order = ["alive", "draining"];
  const rows = nodes.filter(({ alive }) => alive)
    .sort((a, b) =>
      Number(b.isHead) - Number(a.isHead) ||
      order.indexOf(a.state) - order.indexOf(b.state)
    );
  return formatTable(
    ["NODE", "ROLE", "STATE", "ADDRESS", "HOST", "PROCESS", "CPU", ...LAST],
    rows.map((node) => [
      node.nodeId,
      node.isHead ? "head" : "worker",
      node.state,
      node.address,
      node.hostname,
      String(node.pid),
      cpuText(node),
      node.version,
      duration(node.upMs),
    ]),
  );
}

const LAST = ["VERSION", "UP"];

/** What is in use of what there is. */
function cpuText({ resources, available }: NodeListing): string {
  const total = resources["CPU"] ?? 0;
  return `${rounded(total - (available["CPU"] ?? 0))}/${total}`;
}

/** Dead nodes that people are shown: the latest. */
const DEAD_SHOWN_MAX = 10;

function deadText(dead: ClusterStatus["nodes"]): string {
  const shown = dead.slice(-DEAD_SHOWN_MAX);
  const table = formatTable(
    ["DEAD NODE", "ADDRESS", "HOST", "PROCESS", "WHY"],
    shown.map(({ nodeId, address, hostname, pid, deathReason = "" }) => [
      nodeId,
      address,
      hostname,
      String(pid),
      deathReason,
    ]),
  );
  const more = dead.length - shown.length;
  return more === 0 ? table : `${table}and ${more} more before\n`;
}

function resourcesText(resources: ClusterStatus["resources"]): string {
  const rows = Object.entries(resources)
    // Reported with the stores, and GPUs only where there are some.
    .filter(([name, { total }]) => name !== "objectStoreMemory" && total > 0)
    .map(([name, { used, total }]) => [
      name,
      amount(name, used),
      amount(name, total),
    ]);
  return formatTable(["RESOURCE", "IN USE", "TOTAL"], rows);
}

function storesText(nodes: ClusterStatus["nodes"]): string {
  const rows = nodes.filter(({ alive }) => alive).map((
    { nodeId, objectStore: { usedBytes, capacityBytes, spilledBytes } },
  ) => [
    nodeId,
    bytes(usedBytes),
    bytes(capacityBytes),
    bytes(spilledBytes),
  ]);
  return formatTable(["OBJECT STORE", "IN USE", "CAPACITY", "ON DISK"], rows);
}

function waitingText(waiting: readonly PendingListing[]): string {
  return formatTable(
    ["WAITING", "COUNT", "EACH NEEDS", "WHY"],
    waiting.map(({ kind, count, resources, why }) => [
      kind,
      String(count),
      Object.entries(resources)
        .map(([name, it]) => `${name} ${amount(name, it)}`)
        .join(", ") || "nothing",
      WHY[why],
    ]),
  );
}

function jobsText(jobs: ClusterStatus["jobs"]): string {
  return formatTable(
    ["JOB", "STATE", "NAMESPACE", "THREADS", "UP"],
    jobs.map(({ jobId, state, namespace, threads, upMs }) => [
      jobId,
      state,
      namespace,
      String(threads),
      duration(upMs),
    ]),
  );
}

/** As "3 nodes (1 draining, 2 dead)". */
function nodeCounts(nodes: ClusterStatus["nodes"]): string {
  const apart = (["draining", "dead"] as const)
    .map((state) => [nodes.filter((it) => it.state === state).length, state])
    .filter(([count]) => count !== 0)
    .map((counts) => counts.join(" "))
    .join(", ");
  const alive = nodes.filter((node) => node.alive).length;
  return counted(alive, "node") + (apart === "" ? "" : ` (${apart})`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function amount(name: string, value: number): string {
  return /memory$/i.test(name) ? bytes(value) : String(value);
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size with three digits or so. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A time in its two largest units. */
export function duration(ms: number): string {
  const s = Math.floor(ms / 1_000);
  const [min, h] = [Math.floor(s / 60), Math.floor(s / 3_600)];
  if (s < 60) return `${s} s`;
  if (min < 60) return `${min} min ${s % 60} s`;
  if (h < 24) return `${h} h ${min % 60} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}
