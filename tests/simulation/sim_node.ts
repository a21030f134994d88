// A node of a simulated cluster: the real node with its real sessions to other
// nodes, in a world whose time, threads and network are simulated.

import type { MantaError } from "../../runtime/base/errors.ts";
import {
  type JobId,
  newThreadId,
  type NodeId,
  type WorkerId,
} from "../../runtime/base/ids.ts";
import type { ToHost } from "../../runtime/host_messages.ts";
import { Node } from "../../runtime/node.ts";
import { NodeGateway } from "../../runtime/node_gateway.ts";
import type { NodePeer } from "../../runtime/node_peers.ts";
import type { NodeSurroundings } from "../../runtime/node_surroundings.ts";
import type { StateStorage } from "../../runtime/platform/state_file.ts";
import { decodeError } from "../../runtime/protocol/wire_error.ts";
import { Mailbox, newMailboxBuffer } from "../../runtime/transport/mailbox.ts";
import type { RingLinkEnd } from "../../runtime/transport/ring_link.ts";
import { ViewCollector } from "./sim_collector.ts";
import type { SimLink } from "./sim_network.ts";
import type { SimRing } from "./sim_ring.ts";
import type { SimWeb } from "./sim_web.ts";

const TOKEN = "simulated";
const STORE_BYTES = 24 * 1024 * 1024;

/** What a node asks of its world. */
export interface SimHost {
  readonly web: SimWeb;
  /** Bytes for ids. */
  random(bytes: Uint8Array<ArrayBuffer>): void;
  nowMs(): number;
  after(delayMs: number, callback: () => void): () => void;
  /** Starts a thread; gives the node's end of its link. */
  startThread(node: SimNode, id: WorkerId): SimLink;
  stopThread(node: SimNode, id: WorkerId): void;
  /** A thread's end of a link to another. */
  newRing(id: WorkerId, end: RingLinkEnd): SimRing;
  /** The node says that it cannot go on. */
  over(node: SimNode, why: string): void;
}

/** Who a node is. */
export interface SimNodeOptions {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly cpus: number;
  /** Where the head is; without it, it is the head. */
  readonly headAddress?: string;
  /** Of a head that may come back. */
  readonly storage?: StateStorage;
}

/** See the head of the file. */
export class SimNode {
  readonly nodeId: NodeId;
  /** Its machine's name. */
  readonly host: string;
  readonly node: Node;
  /** The threads that it has, drivers included. */
  readonly threads = new Set<WorkerId>();
  isAlive = true;
  hasJoined = false;
  readonly #world: SimHost;
  readonly #gateway: NodeGateway;
  readonly #storage: StateStorage | undefined;
  readonly #views = new ViewCollector();

  constructor(world: SimHost, options: SimNodeOptions) {
    const { nodeId, host, cpus, headAddress, storage } = options;
    this.#world = world;
    this.nodeId = nodeId;
    this.host = host;
    this.#storage = storage;
    const listen = { hostname: host, port: 0, token: TOKEN };
    this.node = new Node({
      type: "node_start",
      nodeId,
      nodeMailbox: newMailboxBuffer(),
      total: { CPU: cpus * 10_000 },
      labels: {},
      storeBytes: STORE_BYTES,
      sessionPath: "/nowhere",
      spillPath: undefined,
      memory: {
        memoryUsageThreshold: 1,
        memoryMonitorRefreshMs: 0,
        memoryLimitBytes: undefined,
      },
      hostname: host,
      version: "0.0.0",
      startedAtMs: 0,
      listen,
      ...(headAddress ? { join: { address: headAddress } } : {}),
      childEntries: { processUrl: "", threadUrl: "" },
    }, {
      post: (message) => this.#host(message),
      collectGarbage: () => Promise.resolve(),
      returnMemory: undefined,
      yieldProcessor: undefined,
      makeMemoryFile: noMemoryFile,
      childCommand: nothingSays,
      surroundings: this.#surroundings(),
      startThread: ({ identity }) => this.#startThread(identity.workerId),
    });
    this.#gateway = new NodeGateway(this.node, listen, {
      makeMemoryFile: noMemoryFile,
    });
  }

  /** Listens, and joins the head. */
  async begin(): Promise<void> {
    await this.#gateway.open((options) => this.#world.web.serve(options));
    this.node.cluster!.begin(this.#storage);
    this.hasJoined ||= this.node.start.join === undefined;
  }

  #surroundings(): NodeSurroundings {
    const { nowMs, after, random, web } = this.#world;
    return {
      clock: { nowMs },
      timers: {
        after: (delayMs, callback) =>
          after(delayMs, () => {
            if (this.isAlive) callback();
          }),
      },
      openChannel: (target) => web.open(this.host, target, () => this.isAlive),
      thisProcess: () => ({
        machine: this.host,
        pidNamespace: "0",
        pid: 1,
        start: "0",
      }),
      newThreadId: (nodeId) => newThreadId(nodeId, random),
      newMailbox: (buffer) => new PolledMailbox(buffer),
      newCollector: () => this.#views,
    };
  }

  #host(message: ToHost): void {
    switch (message.type) {
      case "stop_thread":
        // The head has no threads but its own to stop.
        if (!this.threads.has(message.workerId)) return;
        return this.#world.stopThread(this, message.workerId);
      case "node_joined":
        this.hasJoined = true;
        return;
      case "node_over":
        return this.#world.over(
          this,
          message.error ? decodeError(message.error).message : "it has drained",
        );
    }
  }

  // -- Threads ---------------------------------------------------------------

  #startThread(id: WorkerId): NodePeer {
    this.threads.add(id);
    return this.#peer(id, this.#world.startThread(this, id));
  }

  /** A driver is linked to this node. */
  addDriver(jobId: JobId, workerId: WorkerId, link: SimLink): void {
    this.threads.add(workerId);
    const { nodeId } = this;
    const identity = { jobId, nodeId, workerId, namespace: "n" };
    this.node.addDriver(identity, this.#peer(workerId, link));
  }

  #peer(id: WorkerId, link: SimLink): NodePeer {
    return {
      link,
      mailbox: newMailboxBuffer(),
      memory: "shared",
      open: (peer, end) => {
        const opened: SimLinkOpened = {
          type: "link_opened",
          peer,
          end: this.#world.newRing(id, end),
        };
        link.sendShared(opened);
      },
    };
  }

  /** A thread or a driver is gone, and the node hears of it. */
  threadEnded(id: WorkerId, reason: string | MantaError): void {
    if (!this.threads.delete(id) || !this.isAlive) return;
    this.node.driverEnded(id, String(reason));
    this.node.threadEnded(id, reason);
  }

  // -- As a simulation -------------------------------------------------------

  /** The node's turn: it sees what relays have got. */
  turn(): void {
    if (this.isAlive && this.node.mailbox.hasMail) this.node.takeIn();
  }

  sweep(): void {
    this.#views.sweep();
    this.turn();
  }

  validate(): void {
    this.node.scheduler.validate();
    this.node.actors.directory.validate();
    this.node.store.validate();
  }

  /** A copy of an object is gone, and nobody is told. */
  loseCopy(owner: WorkerId, number: number): void {
    const puller = `w-puller-${this.nodeId}` as WorkerId;
    this.node.store.receive(puller, { type: "object_free", owner, number });
  }
}

/** How a thread gets its end of a link. */
export interface SimLinkOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly end: SimRing;
}

/** The world looks into it; nothing wakes anybody. */
class PolledMailbox extends Mailbox {
  override park(): boolean {
    return !this.hasMail;
  }
}

function noMemoryFile(): never {
  throw new Error("No two nodes are of one machine");
}

function nothingSays(): never {
  throw new Error("Nothing here should lead to this");
}
