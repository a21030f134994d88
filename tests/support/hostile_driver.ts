// A driver that says what no driver says: a connection to a head with nothing
// above its links, so that any message and any bytes can be sent.

import { newId, type WorkerId } from "../../runtime/base/ids.ts";
import { thisProcess } from "../../runtime/platform/process_life.ts";
import type { Link, LinkMessage } from "../../runtime/transport/link.ts";
import { RemoteLink } from "../../runtime/transport/remote_link.ts";
import type { RemoteSession } from "../../runtime/transport/remote_session.ts";
import { dialSession } from "../../runtime/transport/session_dialer.ts";
import { HEAD_TOKEN } from "./head_process.ts";

type Loose = Readonly<Record<string, unknown>>;

/** See the head of the file. */
export class HostileDriver implements AsyncDisposable {
  readonly workerId: WorkerId = newId("worker");
  readonly jobId = newId("job");
  readonly session: RemoteSession;
  readonly #link: Link;
  readonly #control: Link;
  readonly #heard: LinkMessage[] = [];
  #ended = false;

  private constructor(session: RemoteSession, links: readonly RemoteLink[]) {
    this.session = session;
    [this.#link, this.#control] = links as [RemoteLink, RemoteLink];
    this.#link.start({
      receive: (message) => this.#heard.push(message),
      closed: () => {},
    });
    this.#control.start({ receive: () => {}, closed: () => {} });
  }

  /** Connects, and says nothing. */
  static async connect(port: number): Promise<HostileDriver> {
    const links: RemoteLink[] = [];
    const made: { driver?: HostileDriver } = {};
    const session = await dialSession({
      ...{ hostname: "127.0.0.1", port, token: HEAD_TOKEN },
      onSession: (session) =>
        links.push(...[0, 1].map((n) => new RemoteLink(session.streams, n))),
      onEnded: () => {
        if (made.driver) made.driver.#ended = true;
      },
    });
    return made.driver = new HostileDriver(session, links);
  }

  /** Connects, and is let in. */
  static async join(port: number): Promise<HostileDriver> {
    const driver = await HostileDriver.connect(port);
    driver.say(driver.hello);
    await driver.hear("driver_welcome");
    return driver;
  }

  /** What a driver says first. */
  get hello(): LinkMessage & Loose {
    const { jobId, workerId } = this;
    return {
      type: "driver_hello",
      ...{ jobId, workerId, namespace: "hostile", hostname: "here" },
      home: { ...thisProcess() },
    };
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Says something to the node. */
  say(...messages: readonly (LinkMessage & Loose)[]): void {
    for (const message of messages) this.#link.send(message);
    this.#link.flush();
  }

  /** Says something where calls are answered. */
  call(message: LinkMessage & Loose): void {
    this.#control.send(message);
    this.#control.flush();
  }

  /** Waits until the node has said something. */
  async hear(type: string): Promise<Loose> {
    await until(
      `${type} comes`,
      () => this.#heard.some((m) => m.type === type),
    );
    return this.#heard.find((m) => m.type === type) as unknown as Loose;
  }

  /** The message of the error that ended the session. */
  async reason(): Promise<string> {
    await until("the session is over", () => this.#ended);
    return this.session.brokenBy?.message ?? `none: ${this.session.end}`;
  }

  /** Gets a stream to an executor that has a lease of it. */
  async reachExecutor(): Promise<{ readonly stream: number; lease: string }> {
    const resources = { CPU: 10_000 };
    this.say({
      type: "demand_change",
      schedulingClass: { key: "any", resources, strategy: "default" },
      ...{ count: 1, depth: 0 },
    });
    const { threadId, leaseId } = await this.hear("lease_grant");
    this.say({ type: "link_request", peer: threadId });
    const { stream } = await this.hear("link_opened");
    return { stream: stream as number, lease: leaseId as string };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.leave();
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Not in 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
