// The jobs of a node: one for each driver that has joined, with what is its
// alone: its output, its timeline, its threads. Knows nothing of what they do.

import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import type { NodeOutput } from "./node_output.ts";
import { Timeline } from "./observe/timeline.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";

/** One driver's work; it goes on after its driver while detached actors do. */
export interface NodeJob {
  /** Who its driver is, or was. */
  readonly driver: SessionIdentity;
  readonly output: NodeOutput;
  readonly timeline: Timeline;
  /** The node that its driver is linked to. */
  readonly home: NodeId;
  /** Where its code is, if its driver is in another process. */
  readonly codeFolder: string | undefined;
  /** Its threads; without the driver. */
  readonly threads: Set<WorkerId>;
  readonly startedAtMs: number;
  /** The driver is gone. */
  isOver: boolean;
}

/** See the head of the file. */
export class NodeJobs {
  readonly #jobs = new Map<JobId, NodeJob>();
  /** By driver and by thread. */
  readonly #byWorker = new Map<WorkerId, NodeJob>();
  readonly #hasActors: (jobId: JobId) => boolean;

  /** Detached actors outlive their drivers, and their jobs with them. */
  constructor(hasActors: (jobId: JobId) => boolean) {
    this.#hasActors = hasActors;
  }

  /** A driver has joined, here or at another node. */
  add(
    driver: SessionIdentity,
    output: NodeOutput,
    { home = driver.nodeId, codeFolder }: {
      readonly home?: NodeId;
      readonly codeFolder?: string | undefined;
    } = {},
  ): void {
    const job: NodeJob = {
      driver,
      output,
      home,
      codeFolder,
      timeline: new Timeline(),
      threads: new Set(),
      startedAtMs: Date.now(),
      isOver: false,
    };
    this.#jobs.set(driver.jobId, job);
    this.#byWorker.set(driver.workerId, job);
  }

  get(jobId: JobId): NodeJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** The job of a driver or a thread that has not ended. */
  of(workerId: WorkerId): NodeJob | undefined {
    return this.#byWorker.get(workerId);
  }

  all(): Iterable<NodeJob> {
    return this.#jobs.values();
  }

  /** A worker of another node has to do with this one. */
  standInAdded(jobId: JobId, workerId: WorkerId): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#byWorker.set(workerId, job);
  }

  threadStarted(jobId: JobId, workerId: WorkerId): NodeJob {
    const job = this.#jobs.get(jobId)!;
    job.threads.add(workerId);
    this.#byWorker.set(workerId, job);
    return job;
  }

  /** A driver of another node ends its job, too, but that is told later. */
  threadEnded(workerId: WorkerId): void {
    const job = this.#byWorker.get(workerId);
    job?.threads.delete(workerId);
    if (job?.driver.workerId !== workerId) this.#byWorker.delete(workerId);
  }

  driverEnded(workerId: WorkerId): void {
    const job = this.#byWorker.get(workerId);
    if (job) job.isOver = true;
    this.#byWorker.delete(workerId);
  }

  /** Forgets the jobs of which nothing is left; gives their ids. */
  forgetOver(): JobId[] {
    const forgotten: JobId[] = [];
    for (const [jobId, { isOver, threads }] of this.#jobs) {
      if (!isOver || threads.size > 0 || this.#hasActors(jobId)) continue;
      this.#jobs.delete(jobId);
      forgotten.push(jobId);
    }
    return forgotten;
  }
}
