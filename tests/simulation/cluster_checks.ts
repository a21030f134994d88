// What must hold in a simulated cluster, whatever goes wrong: how often tasks
// run, which errors may be told, and what is left of it all in the end.

import { TaskError } from "../../runtime/base/errors.ts";
import type { WorkerId } from "../../runtime/base/ids.ts";
import type { TaskRun } from "../../runtime/executor/task_run.ts";
import {
  decodeError,
  type WireError,
} from "../../runtime/protocol/wire_error.ts";
import type { SimNode } from "./sim_node.ts";
import type { Expected, Program } from "./sim_program.ts";

/** What may go wrong in a world. */
export interface Faults {
  /** Connections between nodes break, and what was under way is lost. */
  readonly isLossy: boolean;
  /** Nodes crash; others join. */
  readonly nodesDie: boolean;
  /** Nodes are cut off from all others for a while. */
  readonly nodesAreCutOff: boolean;
  /** The head crashes, and comes back. */
  readonly headDies: boolean;
  readonly threadsDie: boolean;
  readonly driversDie: boolean;
  readonly tasksAreCancelled: boolean;
  /** Copies of results in the store are lost. */
  readonly objectsAreLost: boolean;
}

/** How often each task was begun, and how often its outcome was told. */
export class Attempts {
  readonly #faults: Faults;
  readonly #begun = new Map<string, number>();
  readonly #told = new Map<string, number>();

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** An executor begins a task; gives what is wrong with that. */
  began({ owner, number }: TaskRun, program: Program): string | undefined {
    const key = `${owner.id}/${number}`;
    const count = (this.#begun.get(key) ?? 0) + 1;
    this.#begun.set(key, count);
    const most = program.maxRetries + 1;
    if (count > most) return `Task ${key} ran ${count} times of ${most}`;
    // What is lost is made again.
    if (this.#faults.objectsAreLost) return undefined;
    const before = this.#told.get(key) ?? 0;
    return before < count ? undefined : `Task ${key} ran after it was done`;
  }

  /** An executor tells an outcome; gives what is wrong with that. */
  told(
    owner: WorkerId,
    number: number,
    error?: WireError,
  ): string | undefined {
    const key = `${owner}/${number}`;
    const begun = this.#begun.get(key);
    if (begun === undefined) return undefined;
    const before = this.#told.get(key) ?? 0;
    // A task does not begin that is cancelled or whose arguments are gone, be
    // it for a retry.
    const { code } = error ? decodeError(error) as { code?: string } : {};
    if (before === begun && code && UNBEGUN.has(code)) return undefined;
    this.#told.set(key, before + 1);
    if (before < begun) return undefined;
    return `Task ${key} has ${before + 1} outcomes, the last ${code}`;
  }
}

/** Whether what went wrong in this world can be the reason for an error. */
export function mayBeTold(
  error: unknown,
  n: Expected,
  faults: Faults,
): boolean {
  if (error instanceof TaskError) {
    return error.message.includes("planned") && n === "fails";
  }
  const { threadsDie, driversDie, tasksAreCancelled, objectsAreLost } = faults;
  const code = (error as { code?: string }).code ?? "";
  const nodesDie = faults.nodesDie || faults.nodesAreCutOff || faults.headDies;
  return (threadsDie || driversDie || nodesDie) && DEATHS.has(code) ||
    nodesDie && code === "node_died" ||
    (objectsAreLost || nodesDie) && LOSSES.has(code) ||
    tasksAreCancelled && (code === "task_cancelled" || DEATHS.has(code));
}

/** What a node has that should not be there when all is over. */
export function leftoversOf(
  { nodeId, node }: SimNode,
  lives: (worker: WorkerId) => boolean,
): string[] {
  const { scheduler, store, actors: { directory } } = node;
  const left: string[] = [];
  const add = (what: string, count: number) => {
    if (count !== 0) left.push(`${nodeId} ${what}: ${count}`);
  };
  for (const { driver: { workerId }, threads } of node.jobs.all()) {
    if (!lives(workerId)) add(`threads of ${workerId}'s job`, threads.size);
  }
  add("leases", scheduler.leases().length);
  add("demands", scheduler.pending().length);
  add("placed actors", scheduler.actors().length);
  for (const record of directory.records.values()) {
    const { actor, state, holders, retiring } = record;
    if (state === "DEAD") continue;
    left.push(
      `actor ${actor.actorId} ${state} retiring=${retiring} ` +
        `holders=${[...holders]}`,
    );
  }
  const { usedBytes, objects, waiting } = store.stats();
  for (const entry of store.list()) left.push(JSON.stringify(entry));
  add("stored objects", objects);
  add("used bytes", usedBytes);
  add("creates", waiting);
  return left;
}

/** Errors of tasks that have not begun. */
const UNBEGUN: ReadonlySet<string> = new Set([
  "task_cancelled",
  "owner_died",
  "object_lost",
  "reconstruction_failed",
]);

const LOSSES: ReadonlySet<string> = new Set([
  "object_lost",
  "reconstruction_failed",
]);

const DEATHS: ReadonlySet<string> = new Set([
  "worker_died",
  "owner_died",
  "actor_died",
  "actor_unavailable",
]);
