// What a thread has run, and when, as it tells its node: a row of numbers per
// task, since a thread may end hundreds of thousands in a second and hardly
// anybody ever asks. Rows are as the machine writes numbers, which all do alike
// that a runtime is there for: the least byte first. Pure.

import { type ActorId, taskIdText, type WorkerId } from "../base/ids.ts";
import {
  STATE_MESSAGE_CHARACTERS_MAX,
  STATE_NAME_CHARACTERS_MAX,
  TASK_EVENTS_PER_MESSAGE_MAX,
} from "../base/limits.ts";

/** For `timeline()` and listings: what happened to a task, and when. */
export interface TaskEvent {
  readonly name: string;
  readonly taskId: string;
  /** Who has submitted it. */
  readonly owner: WorkerId;
  /** Counts from 0. */
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly failed: boolean;
  /** Of calls of actors. */
  readonly actorId?: ActorId;
  readonly failure?: TaskFailure;
}

/** Why a task failed, in words. */
export interface TaskFailure {
  /** The name of the error. */
  readonly errorType: string;
  readonly errorMessage: string;
}

/** The events of many tasks. */
export interface TaskEvents {
  /** What the tasks are called; rows name them by their index. */
  readonly names: readonly string[];
  /** The actor of each name; "" for tasks. */
  readonly actors: readonly string[];
  /** The owners of the tasks, likewise. */
  readonly owners: readonly WorkerId[];
  readonly rows: Uint8Array;
  /** Of rows that failed. */
  readonly failures: readonly EventFailure[];
}

/** The failure of a row. */
export interface EventFailure extends TaskFailure {
  /** Counts from 0. */
  readonly row: number;
}

/** One task that has ended. */
export interface EndedTask {
  readonly owner: WorkerId;
  readonly number: number;
  readonly attempt: number;
  /** The same object for all runs of a kind. */
  readonly template: { readonly name: string; readonly actorId?: ActorId };
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** What it failed with, if it did. */
  readonly error:
    | { readonly name: string; readonly message: string }
    | undefined;
}

/** Numbers of a row: start, end, number, attempt, name, owner, if it failed. */
const ROW = 7;
/** The length of a row. */
export const TASK_EVENT_BYTES = ROW * Float64Array.BYTES_PER_ELEMENT;

/** Collects events until they are sent; takes as many as one message has. */
export class TaskEventsWriter {
  readonly #rows = new Float64Array(ROW * TASK_EVENTS_PER_MESSAGE_MAX);
  #templates = new Map<EndedTask["template"], number>();
  #failures: EventFailure[] = [];
  #owners = new Map<WorkerId, number>();
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === TASK_EVENTS_PER_MESSAGE_MAX;
  }

  add(task: EndedTask): void {
    const rows = this.#rows;
    const at = this.#count++ * ROW;
    rows[at] = task.startedAtMs;
    rows[at + 1] = task.endedAtMs;
    rows[at + 2] = task.number;
    rows[at + 3] = task.attempt;
    rows[at + 4] = indexOf(this.#templates, task.template);
    rows[at + 5] = indexOf(this.#owners, task.owner);
    rows[at + 6] = task.error ? 1 : 0;
    if (task.error) {
      this.#failures.push({ row: at / ROW, ...taskFailure(task.error) });
    }
  }

  /** Gives what was collected, and begins anew. */
  take(): TaskEvents {
    const templates = [...this.#templates.keys()];
    const events: TaskEvents = {
      names: templates.map(({ name }) =>
        name.slice(0, STATE_NAME_CHARACTERS_MAX)
      ),
      actors: templates.map(({ actorId = "" }) => actorId),
      owners: [...this.#owners.keys()],
      rows: new Uint8Array(
        this.#rows.slice(0, this.#count * ROW).buffer,
      ),
      failures: this.#failures,
    };
    this.#templates = new Map();
    this.#failures = [];
    this.#owners = new Map();
    this.#count = 0;
    return events;
  }
}

/** How many tasks the events are of. */
export function countTaskEvents({ rows }: TaskEvents): number {
  return Math.floor(rows.length / TASK_EVENT_BYTES);
}

/** The events one by one; what no writer writes is left out. */
export function readTaskEvents(events: TaskEvents): TaskEvent[] {
  const count = countTaskEvents(events);
  const rows = new Float64Array(
    events.rows.slice(0, count * TASK_EVENT_BYTES).buffer,
  );
  const failures = new Map(events.failures.map(
    ({ row, errorType, errorMessage }) => [row, { errorType, errorMessage }],
  ));
  const read: TaskEvent[] = [];
  for (let at = 0; at < rows.length; at += ROW) {
    const name = events.names[rows[at + 4]!];
    const owner = events.owners[rows[at + 5]!];
    if (name === undefined || owner === undefined) continue;
    const actorId = events.actors[rows[at + 4]!] as ActorId | "" | undefined;
    const failure = failures.get(at / ROW);
    read.push({
      ...{ name, owner },
      taskId: taskIdText(owner, rows[at + 2]!),
      attempt: rows[at + 3]!,
      startedAtMs: rows[at]!,
      endedAtMs: rows[at + 1]!,
      failed: rows[at + 6] !== 0,
      ...(actorId ? { actorId } : {}),
      ...(failure ? { failure } : {}),
    });
  }
  return read;
}

/** An error in words, of a bounded length. */
export function taskFailure(
  { name, message }: { readonly name: string; readonly message: string },
): TaskFailure {
  return {
    errorType: name.slice(0, STATE_MESSAGE_CHARACTERS_MAX),
    errorMessage: message.slice(0, STATE_MESSAGE_CHARACTERS_MAX),
  };
}

function indexOf<K>(known: Map<K, number>, key: K): number {
  let index = known.get(key);
  if (index === undefined) known.set(key, index = known.size);
  return index;
}
