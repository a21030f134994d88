// A node as its cluster sees it: its parts, and what is told to it of others.
// The wiring of a cluster knows no more of a node than this.

import type { AnswerWatch } from "./answer_watch.ts";
import type { JobId, WorkerId } from "./base/ids.ts";
import type { ClusteredNode } from "./cluster.ts";
import type { NodeStart, ToHost } from "./host_messages.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeActors, Uncaused } from "./node_actors.ts";
import type { NodeCode } from "./node_code.ts";
import type { NodeControl } from "./node_control.ts";
import type { NodeJobs } from "./node_jobs.ts";
import type { NodeSurroundings } from "./node_surroundings.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import type { MakeMemoryFile } from "./platform/memory_file.ts";
import type { JobFacts } from "./protocol/cluster_messages.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";
import type { NodePart, PartRequest } from "./protocol/state_answers.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import type { Mailbox } from "./transport/mailbox.ts";

/** See the head of the file. */
export interface MemberNode {
  readonly start: NodeStart;
  readonly surroundings: NodeSurroundings;
  readonly address: string;
  readonly mailbox: Mailbox;
  readonly answers: AnswerWatch;
  readonly jobs: NodeJobs;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly scheduler: Scheduler;
  readonly store: NodeStore;
  readonly code: NodeCode;
  addJob(job: JobFacts): void;
  driverEnded(worker: WorkerId, reason: string): void;
  /** What this node itself knows of what is listed. */
  part(request: PartRequest): Promise<NodePart>;
  /** The calls of somebody who has no job. */
  observe(): NodeControl;
  takeIn(): void;
}

/** What the node does for its cluster alone. */
export interface MemberPorts extends
  Pick<
    ClusteredNode,
    | "answer"
    | "addStandIn"
    | "introduce"
    | "send"
    | "stopThread"
    | "reasonOf"
    | "standInEnded"
  > {
  schedule(event: Uncaused<SchedulerEvent>): void;
  warn(jobId: JobId | undefined, text: string): void;
  post(message: ToHost): void;
  readonly makeMemoryFile: MakeMemoryFile;
}

/** The same, as what is handed from node to node needs it. */
export function clustered(
  node: MemberNode,
): Pick<
  ClusteredNode,
  "nodeId" | "mailbox" | "jobs" | "addJob" | "driverEnded"
> {
  return {
    nodeId: node.start.nodeId,
    mailbox: node.mailbox.buffer,
    jobs: node.jobs,
    addJob: (job) => node.addJob(job),
    driverEnded: (worker, reason) => node.driverEnded(worker, reason),
  };
}
