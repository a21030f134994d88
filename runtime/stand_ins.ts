// The workers of other nodes that this node deals with: each has a stand-in
// here, a peer like any other, whose messages travel in envelopes and whose
// links are relayed. Belongs to the wiring of a cluster.

import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import type { NodePeer } from "./node_peers.ts";
import type { NodeSession } from "./node_session.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import type { LinkMessage } from "./transport/link.ts";
import type { MailboxBuffer } from "./transport/mailbox.ts";

/** A worker of another node. */
export interface StandIn {
  readonly worker: WorkerId;
  readonly jobId: JobId;
  readonly nodeId: NodeId;
}

/** What stand-ins need of the cluster. */
export interface StandInPorts {
  /** The node's mailbox, where rings to stand-ins end. */
  readonly mailbox: MailboxBuffer;
  /** The session with a node; what is sent to it is in order. */
  session(nodeId: NodeId): NodeSession | undefined;
  /** The node is told of a job before anything of it. */
  tellJob(nodeId: NodeId, jobId: JobId): void;
  /** The job of a worker of this node. */
  jobOf(worker: WorkerId): JobId | undefined;
  /** There is a stand-in; the peer is how it is reached. */
  added(standIn: StandIn, peer: NodePeer): void;
}

/** See the head of the file. */
export class StandIns {
  readonly #ports: StandInPorts;
  readonly #all = new Map<WorkerId, StandIn>();

  constructor(ports: StandInPorts) {
    this.#ports = ports;
  }

  get(worker: WorkerId): StandIn | undefined {
    return this.#all.get(worker);
  }

  has(worker: WorkerId): boolean {
    return this.#all.has(worker);
  }

  /** Those of a node. */
  of(nodeId: NodeId): StandIn[] {
    return [...this.#all.values()].filter((one) => one.nodeId === nodeId);
  }

  /** Makes one, unless there is one. */
  ensure(standIn: StandIn): void {
    if (this.#all.has(standIn.worker)) return;
    this.#all.set(standIn.worker, standIn);
    this.#ports.added(standIn, this.#peer(standIn));
  }

  /** Forgets one; gives what it was. */
  remove(worker: WorkerId): StandIn | undefined {
    const standIn = this.#all.get(worker);
    this.#all.delete(worker);
    return standIn;
  }

  #peer(standIn: StandIn): NodePeer {
    const { worker, nodeId } = standIn;
    const { mailbox, session, tellJob, jobOf } = this.#ports;
    const backlogBytes = () => session(nodeId)?.backlogBytes ?? 0;
    return {
      link: {
        get backlogBytes() {
          return backlogBytes();
        },
        start: () => {},
        send: (message) =>
          session(nodeId)?.send({
            type: "to_worker",
            worker,
            message: message as FromNode,
          }),
        // What the store says to a worker elsewhere goes by its own node.
        sendShared: (_message: LinkMessage) => {},
        flush: () => session(nodeId)?.flush(),
        drain: () => {},
        close: () => {},
      },
      mailbox,
      memory: "none",
      isStandIn: true,
      open: (local, end) => {
        const jobId = jobOf(local);
        if (jobId === undefined) return;
        tellJob(nodeId, jobId);
        session(nodeId)?.openPair({ local, remote: worker }, jobId, end);
      },
    };
  }
}
