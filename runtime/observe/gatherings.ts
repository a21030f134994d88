// Who waits for threads to tell what they know of tasks, and what has come.
// Threads that compute do not answer: nobody waits for them for long.

import type { WorkerId } from "../base/ids.ts";
import { TASKS_GIVEN_MS_MAX } from "../base/limits.ts";
import type { ThreadTasks } from "../protocol/thread_tasks.ts";

/** What asking threads needs. */
export interface GatheringPorts {
  /** Has a thread tell. */
  ask(workerId: WorkerId): void;
  after(delayMs: number, callback: () => void): void;
}

/** What has come, by thread; of those that were silent there is nothing. */
export type GatheredTasks = ReadonlyMap<WorkerId, ThreadTasks>;

interface Gathering {
  readonly missing: Set<WorkerId>;
  readonly told: Map<WorkerId, ThreadTasks>;
  readonly done: (told: GatheredTasks) => void;
}

/** See the head of the file. */
export class Gatherings {
  readonly #underWay = new Set<Gathering>();

  /** Resolves when these threads have told, or it took them too long. */
  gather(
    threads: Iterable<WorkerId>,
    ports: GatheringPorts,
  ): Promise<GatheredTasks> {
    const missing = new Set(threads);
    if (missing.size === 0) return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const gathering = { missing, told: new Map(), done: resolve };
      this.#underWay.add(gathering);
      for (const workerId of missing) ports.ask(workerId);
      ports.after(TASKS_GIVEN_MS_MAX, () => this.#end(gathering));
    });
  }

  /** A thread has told, or, with nothing, is gone. */
  given(workerId: WorkerId, tasks?: ThreadTasks): void {
    for (const gathering of this.#underWay) {
      if (!gathering.missing.delete(workerId)) continue;
      if (tasks) gathering.told.set(workerId, tasks);
      if (gathering.missing.size === 0) this.#end(gathering);
    }
  }

  #end(gathering: Gathering): void {
    this.#underWay.delete(gathering);
    gathering.done(gathering.told);
  }
}
