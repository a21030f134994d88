// Bounds what a node tells of what is listed, so that the parts of all nodes
// fit into one message: the latest and the first are kept, the rest is
// counted. Pure.

import type {
  NodePart,
  ThreadEvents,
  ToldTasks,
} from "./protocol/state_answers.ts";
import { countTaskEvents } from "./protocol/task_events.ts";

/** The part with no more than about so many bytes of lists. */
export function trimmedPart(part: NodePart, bytesMax: number): NodePart {
  const room = new Room(bytesMax);
  const { threads, events, actors, groups, objects, pending, workers } = part;
  const lists = {
    ...(pending ? { pending: room.first(pending) } : {}),
    ...(workers ? { workers: room.first(workers) } : {}),
    ...(groups ? { groups: room.first(groups) } : {}),
    ...(actors ? { actors: room.latest(actors) } : {}),
    ...(objects ? { objects: room.first(objects) } : {}),
    ...(threads
      ? { threads: threads.map((it) => trimmedTasks(it, room)) }
      : {}),
    ...(events ? { events: trimmedEvents(events, room) } : {}),
  };
  return { ...part, ...lists, omitted: (part.omitted ?? 0) + room.omitted };
}

/** Rather all events than why some of them failed. */
function trimmedEvents(
  batches: readonly ThreadEvents[],
  room: Room,
): ThreadEvents[] {
  const bare = batches.map((batch) => (
    { ...batch, events: { ...batch.events, failures: [] } }
  ));
  const kept = room.latest(bare, ({ events }) => countTaskEvents(events));
  const first = batches.length - kept.length;
  const told = batches.slice(first).toReversed().map((batch, index) =>
    room.has(batch.events.failures) ? batch : kept.at(-1 - index)!
  );
  return told.reverse();
}

function trimmedTasks(told: ToldTasks, room: Room): ToldTasks {
  if (!told.tasks) return told;
  const { open, openOmitted, lost, running } = told.tasks;
  const tasks = {
    running: room.first(running),
    lost: room.latest(lost),
    open: room.first(open),
    openOmitted,
  };
  return { ...told, tasks };
}

/** What is left of it, and what found none. */
class Room {
  #leftBytes: number;
  omitted = 0;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  /** The first of a list, as many as there is room for. */
  first<T>(list: readonly T[], countOf: (item: T) => number = one): T[] {
    const fitting = list.findIndex((item) => !this.has(item));
    if (fitting < 0) return [...list];
    for (const item of list.slice(fitting)) this.omitted += countOf(item);
    return list.slice(0, fitting);
  }

  latest<T>(list: readonly T[], countOf?: (item: T) => number): T[] {
    return this.first(list.toReversed(), countOf).reverse();
  }

  /** Whether there is room for it, which it then has. */
  has(item: unknown): boolean {
    const sizeBytes = sizeOf(item);
    if (sizeBytes > this.#leftBytes) return false;
    this.#leftBytes -= sizeBytes;
    return true;
  }
}

function one(): number {
  return 1;
}

const NUMBER_BYTES = 9;

/** No less than a value's bytes in a message. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return NUMBER_BYTES + 3 * value.length;
  if (value instanceof Uint8Array) return NUMBER_BYTES + value.length;
  if (typeof value !== "object" || value === null) return NUMBER_BYTES;
  let bytes = NUMBER_BYTES;
  for (const [name, part] of Object.entries(value)) {
    bytes += NUMBER_BYTES + name.length + sizeOf(part);
  }
  return bytes;
}
