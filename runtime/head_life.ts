// A head that can be started again: keeps its state, and begins with what a
// former life has kept. One without a place for its state has none of this.

import type { JobId, NodeId } from "./base/ids.ts";
import { isForHead } from "./control/head_trail.ts";
import { HeadKeeping } from "./head_keeping.ts";
import type { ToHost } from "./host_messages.ts";
import { HeadReturn, type HeadReturnPorts } from "./head_return.ts";
import type { StateStorage } from "./platform/state_file.ts";
import type { MemberNode } from "./member_node.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";

/** What is needed of the head. */
export interface HeadLifePorts extends Omit<HeadReturnPorts, "node"> {
  readonly node: Pick<
    MemberNode,
    "jobs" | "groups" | "actors" | "surroundings"
  >;
  post(message: ToHost): void;
  /** Tells the driver of a job. */
  warn(jobId: JobId | undefined, text: string): void;
}

/** See the head of the file. */
export class HeadLife {
  readonly keeping: HeadKeeping;
  readonly #return: HeadReturn | undefined;

  constructor(storage: StateStorage, ports: HeadLifePorts) {
    const { node, head, send } = ports;
    const warn = (text: string) => {
      ports.post({ type: "node_says", text });
      for (const { driver } of node.jobs.all()) ports.warn(driver.jobId, text);
    };
    this.keeping = new HeadKeeping(storage, {
      ...{ node, warn },
      groupPlace: (groupId) => head.groupPlace(groupId),
      tellTaken: (nodeId, count) => send(nodeId, { type: "head_taken", count }),
    });
    const { saved } = this.keeping;
    if (saved) this.#return = new HeadReturn(saved, ports);
  }

  /** While what was kept is not settled yet: resolves when it is. */
  get settling(): Promise<void> | undefined {
    return this.#return?.isOver === false ? this.#return.settled : undefined;
  }

  /** The head is in its own table, and nodes may come. */
  begin(): void {
    this.#return?.begin();
  }

  /** Whether a message waits, or was for this alone. */
  takes(from: NodeId, message: ClusterMessage): boolean {
    if (this.#return?.takes(from, message)) return true;
    if (message.type === "job_opened" || message.type === "job_over") {
      this.keeping.jobsChanged();
    }
    if (message.type === "from_worker" && isForHead(message.message)) {
      this.keeping.took(from);
    }
    return false;
  }

  nodeGone(nodeId: NodeId): void {
    this.#return?.nodeGone(nodeId);
  }

  /** What is kept waits for another process. */
  suspend(): void {
    this.#return?.end();
    this.keeping.suspend();
  }

  /** The cluster is over, and nothing of it is to come back. */
  end(): void {
    this.#return?.end();
    this.keeping.end();
  }
}
