// Puts together what nodes and threads have told of tasks: one item for each
// attempt, however many tell of it. Pure; who is asked is in `node_tasks.ts`.

import type { FoundItems, TaskItem } from "./api/state_types.ts";
import {
  type ActorId,
  nodeOfWorker,
  taskIdText,
  type WorkerId,
} from "./base/ids.ts";
import type { NodePart, ToldTasks } from "./protocol/state_answers.ts";
import { readTaskEvents } from "./protocol/task_events.ts";
import type { ThreadTasks } from "./protocol/thread_tasks.ts";

/** The attempts, the latest first; those that have not begun before all. */
export function listedTasks(parts: readonly NodePart[]): FoundItems<TaskItem> {
  const attempts = new Attempts();
  const told = parts.flatMap(({ threads = [] }) => threads);
  const silent = new Set(
    told.filter(({ tasks }) => !tasks).map(({ workerId }) => workerId),
  );
  for (const part of parts) addEvents(attempts, part);
  for (const thread of told) addRunning(attempts, thread);
  for (const thread of told) addLost(attempts, thread);
  for (const thread of told) addOpen(attempts, thread, silent);
  const { omitted, warnings } = missing(parts, silent.size);
  return { items: attempts.latestFirst(), omitted, warnings };
}

type Fields = Partial<Omit<TaskItem, "id" | "attempt" | "type">>;

/** What is known of each attempt so far. */
class Attempts {
  readonly #items = new Map<string, TaskItem>();

  state(id: string, attempt: number): TaskItem["state"] | undefined {
    return this.#items.get(`${id} ${attempt}`)?.state;
  }

  /** Later news of an attempt replace what they are about. */
  add(
    { id, attempt, actorId }: {
      readonly id: string;
      readonly attempt: number;
      readonly actorId?: ActorId;
    },
    fields: Fields,
  ): void {
    const key = `${id} ${attempt}`;
    const item = this.#items.get(key) ?? {
      ...{ id, name: "", state: "FINISHED", attempt },
      type: actorId ? "ACTOR_TASK" : "NORMAL_TASK",
      jobId: "",
      ...(actorId ? { actorId } : {}),
    };
    this.#items.set(key, { ...item, ...fields } as TaskItem);
  }

  latestFirst(): TaskItem[] {
    const startOf = ({ startedAtMs, endedAtMs = Infinity }: TaskItem) =>
      startedAtMs ?? endedAtMs;
    // Infinity less itself is no number, and no order.
    return [...this.#items.values()].sort((a, b) =>
      (startOf(b) - startOf(a)) || 0
    );
  }
}

function addEvents(
  attempts: Attempts,
  { nodeId, events = [] }: NodePart,
): void {
  for (const { workerId, jobId, events: batch } of events) {
    for (const event of readTaskEvents(batch)) {
      const { name, owner, startedAtMs, endedAtMs, failed, failure } = event;
      attempts.add({ ...event, id: event.taskId }, {
        ...{ name, jobId, nodeId, workerId, startedAtMs, endedAtMs },
        state: failed ? "FAILED" : "FINISHED",
        ownerId: owner,
        ...failure,
      });
    }
  }
}

function addRunning(attempts: Attempts, { workerId, jobId, tasks }: ToldTasks) {
  for (const run of tasks?.running ?? []) {
    const { name, owner, number, startedAtMs } = run;
    attempts.add({ ...run, id: taskIdText(owner, number) }, {
      ...{ name, jobId, workerId, startedAtMs, ...placeOf(workerId) },
      state: "RUNNING",
      ownerId: owner,
    });
  }
}

/** What has ended where its thread could not tell, or told in vain. */
function addLost(attempts: Attempts, { workerId, jobId, tasks }: ToldTasks) {
  for (const lost of tasks?.lost ?? []) {
    const { attempt, name, errorType, errorMessage, endedAtMs } = lost;
    const id = taskIdText(workerId, lost.number);
    // It is known better by who has run it.
    if (attempts.state(id, attempt) === "FAILED") continue;
    attempts.add({ ...lost, id }, {
      ...{ name, jobId, errorType, errorMessage, endedAtMs },
      ...(lost.workerId ? placeOf(lost.workerId) : {}),
      state: "FAILED",
      ownerId: workerId,
    });
  }
}

function addOpen(
  attempts: Attempts,
  { workerId: owner, jobId, tasks }: ToldTasks,
  silent: ReadonlySet<WorkerId>,
): void {
  for (const task of tasks?.open ?? []) {
    const { attempt, name, workerId, isFirst } = task;
    const id = taskIdText(owner, task.number);
    // Its end is on its way to its owner, or it is to be tried again.
    if (attempts.state(id, attempt) !== undefined) continue;
    const isRunning = isFirst && workerId && silent.has(workerId);
    attempts.add({ ...task, id }, {
      ...{ name, jobId, ownerId: owner },
      state: isRunning ? "RUNNING" : task.state,
      ...(workerId ? placeOf(workerId) : {}),
    });
  }
}

function placeOf(workerId: WorkerId): Fields {
  const nodeId = nodeOfWorker(workerId);
  return { workerId, ...(nodeId ? { nodeId } : {}) };
}

/** What the listing lacks. */
function missing(
  parts: readonly NodePart[],
  silentCount: number,
): Pick<FoundItems<TaskItem>, "omitted" | "warnings"> {
  const openOmitted = parts.flatMap(({ threads = [] }) => threads)
    .map(({ tasks }: { readonly tasks?: ThreadTasks }) =>
      tasks?.openOmitted ?? 0
    );
  const omitted = [...openOmitted, ...parts.map((part) => part.omitted ?? 0)]
    .reduce((sum, count) => sum + count, 0);
  const warnings = failures(parts);
  if (silentCount > 0) {
    const threads = silentCount === 1
      ? "1 thread was"
      : `${silentCount} threads were`;
    warnings.push(
      `${threads} busy: what such a thread has submitted is missing`,
    );
  }
  return { omitted, warnings };
}

/** The nodes that have not answered. */
export function failures(parts: readonly NodePart[]): string[] {
  return parts.flatMap(({ nodeId, failure }) =>
    failure === undefined
      ? []
      : [`Nothing is known of node ${nodeId}: ${failure}`]
  );
}
