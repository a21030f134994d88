// What a node knows of tasks: the events of those that its threads have run,
// and what threads and drivers tell when somebody asks. The node itself keeps
// no table of tasks.

import type { Timers } from "./base/clock.ts";
import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import { TIMELINE_EVENTS_MAX } from "./base/limits.ts";
import type { NodeJob, NodeJobs } from "./node_jobs.ts";
import { Gatherings } from "./observe/gatherings.ts";
import type { EventBatch } from "./observe/timeline.ts";
import type {
  NodePart,
  ThreadEvents,
  ToldTasks,
} from "./protocol/state_answers.ts";
import { countTaskEvents } from "./protocol/task_events.ts";
import type { ThreadTasks } from "./protocol/thread_tasks.ts";

/** What is needed of the node. */
export interface NodeTasksPorts {
  readonly nodeId: NodeId;
  readonly jobs: NodeJobs;
  /** Has a thread or a driver tell, soon. */
  ask(workerId: WorkerId): void;
  flush(): void;
  readonly timers: Timers;
}

/** See the head of the file. */
export class NodeTasks {
  readonly #ports: NodeTasksPorts;
  readonly #gatherings = new Gatherings();

  constructor(ports: NodeTasksPorts) {
    this.#ports = ports;
  }

  /** A thread has told, or, with nothing, is gone. */
  given(workerId: WorkerId, tasks?: ThreadTasks): void {
    this.#gatherings.given(workerId, tasks);
  }

  /** Of one job, or of all. */
  async collect(jobId: JobId | undefined): Promise<NodePart> {
    const { nodeId, jobs, ask, flush, timers } = this.#ports;
    const wanted = [...jobs.all()].filter(({ driver }) =>
      jobId === undefined || driver.jobId === jobId
    );
    const asked = wanted.flatMap((job) => this.#askedOf(job));
    const gathering = this.#gatherings.gather(
      asked.map(({ workerId }) => workerId),
      {
        ask,
        after: (delayMs, callback) => void timers.after(delayMs, callback),
      },
    );
    flush();
    const told = await gathering;
    const threads = asked.map((thread): ToldTasks => {
      const tasks = told.get(thread.workerId);
      return { ...thread, ...(tasks ? { tasks } : {}) };
    });
    return { nodeId, threads, ...latestEvents(wanted) };
  }

  /** Who has submitted or runs something of the job, and is linked here. */
  #askedOf({ driver, home, isOver, threads }: NodeJob): ToldTasks[] {
    const { jobId } = driver;
    const asked = [...threads];
    if (!isOver && home === this.#ports.nodeId) asked.push(driver.workerId);
    return asked.map((workerId) => ({ workerId, jobId }));
  }
}

/** The latest events of all jobs, and how many are left out. */
function latestEvents(
  jobs: readonly NodeJob[],
): Required<Pick<NodePart, "events" | "omitted">> {
  const events: ThreadEvents[] = [];
  const countMax = TIMELINE_EVENTS_MAX / Math.max(1, jobs.length);
  let omitted = 0;
  for (const { driver: { jobId }, timeline } of jobs) {
    const batches = timeline.batches();
    const first = firstWithin(batches, countMax);
    for (const [index, batch] of batches.entries()) {
      if (index < first) omitted += countTaskEvents(batch.events);
      else events.push({ jobId, ...batch });
    }
  }
  return { events, omitted };
}

/** From which of the batches on they have no more events than that. */
function firstWithin(batches: readonly EventBatch[], countMax: number): number {
  let left = countMax;
  for (let index = batches.length - 1; index >= 0; index--) {
    left -= countTaskEvents(batches[index]!.events);
    if (left < 0) return index + 1;
  }
  return 0;
}
