// A store's node and drivers that are connected to it by real WebSockets, each
// with a client and somebody who stands in for it, in one process.

import { setTimeout } from "node:timers";
import type { WorkerId } from "../../runtime/base/ids.ts";
import type { FromRemoteStore } from "../../runtime/object_store/chunk_messages.ts";
import type { FromStore } from "../../runtime/object_store/messages.ts";
import type { NearPeer } from "../../runtime/object_store/chunk_port.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import { RemoteObjects } from "../../runtime/object_store/remote_objects.ts";
import { RemoteStoreClient } from "../../runtime/object_store/remote_store_client.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import { thisProcess } from "../../runtime/platform/process_life.ts";
import { TEST_NODE, testWorkerId } from "../support/store_kit.ts";
import {
  connectDriver,
  type Side,
  startNode,
  type TestNode,
  until,
} from "./connection_kit.ts";

/** A driver, and who stands in for it at the node. */
export interface RemoteDriver {
  readonly workerId: WorkerId;
  readonly client: RemoteStoreClient;
  readonly objects: RemoteObjects;
  readonly side: Side;
  readonly nodeSide: Side;
  /** Messages are kept back while it is true; `resume` takes them in. */
  isSlow: boolean;
  /** How many chunks the node has sent by the link. */
  chunks: number;
  /** And through its file. */
  placedChunks: number;
  resume(): void;
}

/** A node's store with drivers that are connected to it. */
export class RemoteKit implements AsyncDisposable {
  readonly store: NodeStore;
  readonly #node: TestNode;
  readonly #drivers = new Map<WorkerId, RemoteDriver>();
  readonly #near: NearPeer;

  constructor(node: TestNode, capacityBytes: number, isNear: boolean) {
    this.#node = node;
    const home = isNear ? thisProcess() : undefined;
    this.#near = { platform: detectPlatform(), process: () => home };
    const send = (workerId: WorkerId, message: FromStore) =>
      this.#drivers.get(workerId)?.objects.fromStore(message);
    this.store = new NodeStore({
      capacityBytes,
      send,
      sendShared: send,
      collectGarbage: () => {},
      after: (delayMs, callback) => {
        setTimeout(callback, delayMs).unref();
      },
      sentByItself: () => {},
    });
  }

  /** With `isNear`, both sides know that they are on one machine. */
  static async start(
    capacityBytes: number,
    { isNear = false } = {},
  ): Promise<RemoteKit> {
    return new RemoteKit(await startNode(), capacityBytes, isNear);
  }

  /** The port that a proxy leads to. */
  get port(): number {
    return this.#node.server.port;
  }

  /** Connects a driver, by a proxy if its port is given. */
  async driver(
    name: string,
    { port } = { port: this.port },
  ): Promise<RemoteDriver> {
    const workerId = testWorkerId(name);
    const side = await connectDriver(port);
    await until("the node has it", () => this.#has(this.#drivers.size));
    const nodeSide = this.#node.drivers[this.#drivers.size]!;
    const objects = new RemoteObjects({
      workerId,
      near: this.#near,
      toStore: (message) => this.store.receive(workerId, message),
      toldStore: () => {},
      send: (message) => {
        if (message.type === "object_chunk") driver.chunks++;
        if (message.type === "chunk_placed") driver.placedChunks++;
        nodeSide.link.send(message);
      },
      flush: () => nodeSide.link.flush(),
    });
    nodeSide.link.start({
      receive: (message) => void objects.receive(message),
      closed: () => {},
    });
    const client = new RemoteStoreClient({
      identity: { workerId, nodeId: TEST_NODE },
      near: this.#near,
      send: (message) => {
        side.link.send(message);
        queueMicrotask(() => side.link.flush());
      },
      flush: () => side.link.flush(),
      collectGarbage: () => {},
    });
    const held: FromRemoteStore[] = [];
    const driver: RemoteDriver = {
      ...{ workerId, client, objects, side, nodeSide },
      ...{ isSlow: false, chunks: 0, placedChunks: 0 },
      resume() {
        driver.isSlow = false;
        for (const message of held.splice(0)) client.receive(message);
      },
    };
    side.link.start({
      receive: (message) => {
        const isOfFile = message.type.startsWith("chunk_file_");
        if (driver.isSlow && !isOfFile) held.push(message as FromRemoteStore);
        else client.receive(message as FromRemoteStore);
      },
      closed: () => {},
    });
    this.#drivers.set(workerId, driver);
    this.store.workerStarted(workerId);
    return driver;
  }

  #has(count: number): boolean {
    return this.#node.drivers.length > count;
  }

  /** Ends a driver as its node would. */
  end({ workerId, objects }: RemoteDriver): void {
    objects.end();
    this.store.workerEnded(workerId);
    this.store.validate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { side, client, objects } of this.#drivers.values()) {
      await side.session.leave();
      client.failAll(new Error("The test is over"));
      objects.end();
    }
    await this.#node.acceptor.close();
    await this.#node.server.stop();
  }
}
