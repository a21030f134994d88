/**
 * What the cluster runs and holds, as lists: tasks with all their attempts,
 * actors with why they died, nodes, jobs, objects, workers, placement groups.
 * The words for states are Ray's.
 *
 * @example What has failed, and why
 * ```ts ignore
 * import { listTasks } from "manta/state";
 *
 * const { items } = await listTasks({ filters: [["state", "=", "FAILED"]] });
 * for (const { name, attempt, errorMessage } of items) {
 *   console.log(name, attempt, errorMessage);
 * }
 * ```
 *
 * @module
 */

import {
  type ActorItem,
  type JobItem,
  listState,
  type NodeItem,
  type ObjectItem,
  type PlacementGroupItem,
  type StateListing,
  type StateOptions,
  type StateSummary,
  summarizeState,
  type TaskItem,
  type WorkerItem,
} from "../../mod.ts";

export type {
  ActorItem,
  JobItem,
  NodeItem,
  ObjectItem,
  PlacementGroupItem,
  StateFilter,
  StateListing,
  StateOptions,
  StateSummary,
  TaskItem,
  WorkerItem,
} from "../../mod.ts";

/**
 * The attempts to run tasks and calls of actors of all living jobs, the latest
 * first: those that wait or run, and the latest that have ended.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listTasks } from "manta/state";
 *
 * const { items, total } = await listTasks({
 *   filters: [["state", "=", "RUNNING"]],
 * });
 * console.log(items.length, total);
 * ```
 */
export function listTasks(
  options?: StateOptions,
): Promise<StateListing<TaskItem>> {
  return listState("tasks", options);
}

/**
 * The actors of the cluster, also dead ones, with why they died.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listActors } from "manta/state";
 *
 * for (const { className, deathCause } of (await listActors()).items) {
 *   console.log(className, deathCause ?? "lives");
 * }
 * ```
 */
export function listActors(
  options?: StateOptions,
): Promise<StateListing<ActorItem>> {
  return listState("actors", options);
}

/**
 * The nodes of the cluster, also dead ones.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listNodes } from "manta/state";
 *
 * console.log((await listNodes({ detail: true })).items);
 * ```
 */
export function listNodes(
  options?: StateOptions,
): Promise<StateListing<NodeItem>> {
  return listState("nodes", options);
}

/**
 * The jobs: one for each driver, until nothing of it is left.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listJobs } from "manta/state";
 *
 * console.log((await listJobs()).total);
 * ```
 */
export function listJobs(
  options?: StateOptions,
): Promise<StateListing<JobItem>> {
  return listState("jobs", options);
}

/**
 * The objects in the stores of all nodes. Small ones are not in them.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listObjects } from "manta/state";
 *
 * const { items } = await listObjects({ limit: 1_000 });
 * console.log(items.map(({ id, sizeBytes }) => [id, sizeBytes]));
 * ```
 */
export function listObjects(
  options?: StateOptions,
): Promise<StateListing<ObjectItem>> {
  return listState("objects", options);
}

/**
 * The drivers, threads and child processes that have not ended.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listWorkers } from "manta/state";
 *
 * console.log((await listWorkers()).total);
 * ```
 */
export function listWorkers(
  options?: StateOptions,
): Promise<StateListing<WorkerItem>> {
  return listState("workers", options);
}

/**
 * The placement groups that were not removed.
 *
 * @param options Which of them, how many, and how much of each.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listPlacementGroups } from "manta/state";
 *
 * console.log((await listPlacementGroups()).items);
 * ```
 */
export function listPlacementGroups(
  options?: StateOptions,
): Promise<StateListing<PlacementGroupItem>> {
  return listState("placementGroups", options);
}

/**
 * How many attempts there are of each function, by state.
 *
 * @param options Which of them, and how many names at most.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { summarizeTasks } from "manta/state";
 *
 * for (const { name, states } of (await summarizeTasks()).items) {
 *   console.log(name, states);
 * }
 * ```
 */
export function summarizeTasks(
  options?: StateOptions,
): Promise<StateListing<StateSummary>> {
  return summarizeState("tasks", options);
}

/**
 * How many actors there are of each class, by state.
 *
 * @param options Which of them, and how many names at most.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { summarizeActors } from "manta/state";
 *
 * for (const { name, states } of (await summarizeActors()).items) {
 *   console.log(name, states);
 * }
 * ```
 */
export function summarizeActors(
  options?: StateOptions,
): Promise<StateListing<StateSummary>> {
  return summarizeState("actors", options);
}

/**
 * How many objects there are on each node, by state.
 *
 * @param options Which of them, and how many names at most.
 * @throws {TypeError} If an option has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { summarizeObjects } from "manta/state";
 *
 * for (const { name, states } of (await summarizeObjects()).items) {
 *   console.log(name, states);
 * }
 * ```
 */
export function summarizeObjects(
  options?: StateOptions,
): Promise<StateListing<StateSummary>> {
  return summarizeState("objects", options);
}
