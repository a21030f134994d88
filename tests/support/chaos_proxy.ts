// A TCP proxy between a driver and a node that can cut connections, refuse
// them, or freeze them: then nothing passes, and nobody is told.

import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** See the head of the file. */
export class ChaosProxy {
  readonly #server: Server;
  #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isRefusing = false;
  /** Connections that were made so far. */
  connectionCount = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => this.#connected(near));
  }

  static async open(targetPort: number): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(targetPort);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections at once. */
  cut(): void {
    for (const pair of this.#pairs) {
      for (const socket of pair) socket.destroy();
    }
    this.#pairs.clear();
  }

  /** New connections break before they say anything. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /** Nothing passes any more on what is open now, and nobody is told. */
  freeze(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** New connections go elsewhere. */
  leadTo(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The request that opens a channel names the node, not the proxy. */
  #readdressed(request: Buffer): Buffer {
    const text = request.toString("latin1");
    const from = new RegExp(`^(host: *[^\\r\\n]*):${this.port}\\r`, "im");
    return Buffer.from(
      text.replace(from, `$1:${this.#targetPort}\r`),
      "latin1",
    );
  }

  #connected(near: Socket): void {
    near.on("error", () => {});
    if (this.#isRefusing) {
      near.destroy();
      return;
    }
    this.connectionCount++;
    const far = connect(this.#targetPort, "127.0.0.1");
    far.on("error", () => {});
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.once("data", (bytes: Buffer) => {
      far.write(this.#readdressed(bytes));
      near.on("data", (more) => far.write(more));
    });
    far.on("data", (bytes) => near.write(bytes));
    for (const socket of pair) {
      socket.on("close", () => {
        for (const each of pair) each.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
