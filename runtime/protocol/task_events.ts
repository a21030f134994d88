// What a thread has run, and when, as it tells its node: a row of numbers per
// task, since a thread may end hundreds of thousands in a second and hardly
// anybody ever asks. Rows are as this machine writes numbers: they never leave
// it. Pure.

import { taskIdText, type WorkerId } from "../base/ids.ts";
import { TASK_EVENTS_PER_MESSAGE_MAX } from "../base/limits.ts";

/** For `timeline()` and listings: what happened to a task, and when. */
export interface TaskEvent {
  readonly name: string;
  readonly taskId: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly failed: boolean;
}

/** The events of many tasks. */
export interface TaskEvents {
  /** What the tasks are called; rows name them by their index. */
  readonly names: readonly string[];
  /** The owners of the tasks, likewise. */
  readonly owners: readonly WorkerId[];
  readonly rows: Uint8Array;
}

/** One task that has ended. */
export interface EndedTask {
  readonly owner: WorkerId;
  readonly number: number;
  readonly name: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly failed: boolean;
}

/** Numbers of a row: start, end, number, name, owner, whether it failed. */
const ROW = 6;
/** The length of a row. */
export const TASK_EVENT_BYTES = ROW * Float64Array.BYTES_PER_ELEMENT;

/** Collects events until they are sent; takes as many as one message has. */
export class TaskEventsWriter {
  readonly #rows = new Float64Array(ROW * TASK_EVENTS_PER_MESSAGE_MAX);
  #names = new Map<string, number>();
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
    rows[at + 3] = indexOf(this.#names, task.name);
    rows[at + 4] = indexOf(this.#owners, task.owner);
    rows[at + 5] = task.failed ? 1 : 0;
  }

  /** Gives what was collected, and begins anew. */
  take(): TaskEvents {
    const events: TaskEvents = {
      names: [...this.#names.keys()],
      owners: [...this.#owners.keys()],
      rows: new Uint8Array(
        this.#rows.slice(0, this.#count * ROW).buffer,
      ),
    };
    this.#names = new Map();
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
  const read: TaskEvent[] = [];
  for (let at = 0; at < rows.length; at += ROW) {
    const name = events.names[rows[at + 3]!];
    const owner = events.owners[rows[at + 4]!];
    if (name === undefined || owner === undefined) continue;
    read.push({
      name,
      taskId: taskIdText(owner, rows[at + 2]!),
      startedAtMs: rows[at]!,
      endedAtMs: rows[at + 1]!,
      failed: rows[at + 5] !== 0,
    });
  }
  return read;
}

function indexOf<K>(known: Map<K, number>, key: K): number {
  let index = known.get(key);
  if (index === undefined) known.set(key, index = known.size);
  return index;
}
