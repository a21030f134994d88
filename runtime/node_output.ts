// The node's part in showing output: leads the lines of its threads to the
// driver, as long as that one reads, and at a driver's end has all threads
// give what they still hold. Belongs to the wiring of a node.

import type { Timers } from "./base/clock.ts";
import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import { OUTPUT_DRAIN_MS_MAX, OUTPUT_UNREAD_BYTES_MAX } from "./base/limits.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodePeers } from "./node_peers.ts";
import { logFolder } from "./observe/output_log.ts";
import type {
  FromNode,
  OutputLine,
  SessionIdentity,
  ToNode,
} from "./protocol/node_messages.ts";

/** What the node gives. */
export interface NodeOutputPorts {
  readonly driver: WorkerId;
  readonly nodeId: NodeId;
  /** The process that a thread is in. */
  pidOf(workerId: WorkerId): number;
  readonly logFolder: string;
  send(workerId: WorkerId, message: FromNode): void;
  /** Other nodes where the job has threads, if the driver is linked here. */
  otherNodes(): Iterable<NodeId>;
  /** Has another node give all; it answers once for all its threads. */
  askNode(nodeId: NodeId): void;
  /** What was sent to the driver and not read yet. */
  unreadBytes(): number;
  after(delayMs: number, callback: () => void): void;
}

/** See the head of the file. */
export class NodeOutput {
  readonly #ports: NodeOutputPorts;
  /** Threads that have said anything: others have nothing to give. */
  readonly #heard = new Set<WorkerId>();
  /** Threads and nodes that were asked and have not given all yet. */
  #asked: Set<WorkerId | NodeId> | undefined;
  #skipped = 0;

  constructor(ports: NodeOutputPorts) {
    this.#ports = ports;
  }

  /** A message has come from the thread. */
  heard(from: WorkerId): void {
    this.#heard.add(from);
  }

  printed(from: WorkerId, lines: readonly OutputLine[]): void {
    const { driver, nodeId, pidOf, logFolder } = this.#ports;
    if (this.#ports.unreadBytes() > OUTPUT_UNREAD_BYTES_MAX) {
      this.#skipped += lines.length;
      return;
    }
    if (this.#skipped > 0) {
      this.#ports.send(driver, {
        type: "warning",
        text: `${this.#skipped} lines of output were not shown, as the ` +
          `driver did not read them in time; ${logFolder} has them`,
      });
      this.#skipped = 0;
    }
    this.#ports.send(driver, {
      type: "output",
      lines,
      origin: { pid: pidOf(from), thread: from, node: nodeId },
    });
  }

  /** The driver ends and wants what is left. */
  wanted(): void {
    const { driver, send, after, otherNodes, askNode } = this.#ports;
    this.#asked = new Set();
    for (const workerId of this.#heard) {
      if (workerId === driver) continue;
      this.#asked.add(workerId);
      send(workerId, { type: "output_wanted" });
    }
    for (const nodeId of otherNodes()) {
      this.#asked.add(nodeId);
      askNode(nodeId);
    }
    this.#answerIfAll();
    // A thread that computes does not hold up the driver's end.
    after(OUTPUT_DRAIN_MS_MAX, () => this.#answer());
  }

  /** The thread, or the node, has given all. */
  given(from: WorkerId | NodeId): void {
    this.#asked?.delete(from);
    this.#answerIfAll();
  }

  threadEnded(workerId: WorkerId): void {
    this.#heard.delete(workerId);
    this.given(workerId);
  }

  #answerIfAll(): void {
    if (this.#asked?.size === 0) this.#answer();
  }

  #answer(): void {
    if (!this.#asked) return;
    this.#asked = undefined;
    this.#ports.send(this.#ports.driver, { type: "output_given" });
  }
}

/** The other nodes where a job has threads. */
export interface OtherNodes {
  nodesOf(jobId: JobId): Iterable<NodeId>;
  /** Says something to another node in the name of a worker of this one. */
  tell(nodeId: NodeId, worker: WorkerId, message: ToNode): void;
}

/** The output of a driver's job. */
export function newOutput(
  { workerId: driver, jobId }: SessionIdentity,
  { nodeId, sessionPath }: NodeStart,
  { timers, peers, threads, cluster }: {
    readonly timers: Timers;
    readonly peers: NodePeers;
    readonly threads: Pick<NodeOutputPorts, "pidOf">;
    readonly cluster: OtherNodes | undefined;
  },
): NodeOutput {
  return new NodeOutput({
    driver,
    nodeId,
    pidOf: (workerId) => threads.pidOf(workerId),
    logFolder: logFolder(sessionPath),
    send: (to, message) => peers.send(to, message),
    otherNodes: () => cluster?.nodesOf(jobId) ?? [],
    askNode: (other) => cluster!.tell(other, driver, { type: "output_wanted" }),
    unreadBytes: () => peers.backlogBytes(driver),
    after: (delayMs, callback) => {
      timers.after(delayMs, () => {
        callback();
        peers.flush();
      });
    },
  });
}
