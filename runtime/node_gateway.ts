// Where a node is reached from other processes: listens, lets in who has the
// token, and makes drivers of connections. Runs in the node's thread.

import { networkInterfaces } from "node:os";
import type { AnswerWatch } from "./answer_watch.ts";
import { ProtocolError } from "./base/errors.ts";
import type { JobId, WorkerId } from "./base/ids.ts";
import type { NodeListen, NodeStart } from "./host_messages.ts";
import type { NodeCluster } from "./node_cluster.ts";
import type { NodeCode } from "./node_code.ts";
import type { NodeControl } from "./node_control.ts";
import type { NodeSurroundings } from "./node_surroundings.ts";
import type { NodePeer } from "./node_peers.ts";
import type { ChunkPlatform } from "./object_store/chunk_port.ts";
import { RemoteDriver } from "./node_remote_driver.ts";
import type {
  ServeWebOptions,
  WebAnswer,
  WebServer,
} from "./platform/web_server.ts";
import { addressText } from "./protocol/address.ts";
import type { DriverHello, ObserverHello } from "./protocol/driver_messages.ts";
import { AttemptLimit } from "./protocol/attempt_limit.ts";
import {
  CONNECT_PATH,
  type HandshakeRules,
  hostsOf,
  judgeAccess,
  refusalResponse,
  TokenCheck,
} from "./protocol/handshake.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import { answerControl } from "./remote_control.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import type {
  RemoteSession,
  RemoteSessionEnd,
} from "./transport/remote_session.ts";
import {
  SessionAcceptor,
  type SessionUser,
} from "./transport/session_acceptor.ts";

/** The node that is reached. */
export interface ReachedNode {
  readonly start: Pick<NodeStart, "nodeId">;
  readonly surroundings: NodeSurroundings;
  readonly code: NodeCode;
  readonly cluster: NodeCluster | undefined;
  readonly mailbox: Mailbox;
  readonly answers: AnswerWatch;
  /** Set when it listens. */
  address: string;
  /** Whether a job or a thread of this name is there. */
  knows(jobId: JobId, workerId: WorkerId): boolean;
  addDriver(
    driver: SessionIdentity,
    peer: NodePeer,
    codeFolder: string,
  ): NodeControl;
  driverEnded(workerId: WorkerId, reason: string): void;
  /** The calls of somebody who has no job. */
  observe(): NodeControl;
  takeIn(): void;
}

const ENDS: Readonly<Record<RemoteSessionEnd, string>> = {
  left: "the node has ended",
  peer_left: "its driver has ended",
  peer_died: "the process of its driver is gone",
  peer_silent: "its driver was not heard of for too long",
  peer_restarted: "its driver has begun anew",
  peer_refuses: "its driver refuses to go on",
  not_connected: "its driver never connected",
  protocol_broken: "its driver has sent what no driver sends",
};

/** See the head of the file. */
export class NodeGateway {
  readonly #node: ReachedNode;
  readonly #listen: NodeListen;
  readonly #platform: ChunkPlatform;
  readonly #acceptor: SessionAcceptor;
  readonly #token: TokenCheck;
  #server: WebServer | undefined;
  #hosts: ReadonlySet<string> = new Set();
  readonly #attempts: AttemptLimit;

  constructor(
    node: ReachedNode,
    listen: NodeListen,
    platform: ChunkPlatform,
  ) {
    this.#node = node;
    this.#platform = platform;
    this.#listen = listen;
    this.#token = new TokenCheck(listen.token);
    const { clock, timers } = node.surroundings;
    this.#attempts = new AttemptLimit(() => clock.nowMs());
    // Who has started the node is here: others here cannot lock it out.
    for (const own of ["127.0.0.1", "::1"]) this.#attempts.note(own, true);
    this.#acceptor = new SessionAcceptor({
      ...{ clock, timers },
      rules: () => this.#rules(),
      onSession: (session) => this.#begin(session),
    });
  }

  /** Listens; gives the port. Rejects with why it cannot. */
  async open(
    serveWeb: (options: ServeWebOptions) => Promise<WebServer>,
  ): Promise<number> {
    const { hostname, port, tls } = this.#listen;
    this.#server = await serveWeb({
      hostname,
      port,
      ...(tls ? { tls } : {}),
      fetch: (request, from) => this.#answer(request, from),
    });
    this.#hosts = hostsOf({
      hostname,
      port: this.#server.port,
      addresses: Object.values(networkInterfaces()).flatMap((addresses) =>
        (addresses ?? []).map(({ address }) => address)
      ),
      ...(this.#listen.names ? { names: this.#listen.names } : {}),
    });
    const { names } = this.#listen;
    const isEverywhere = hostname === "0.0.0.0" || hostname === "::";
    const name = isEverywhere ? names?.[0] ?? hostname : hostname;
    this.#node.address = addressText(name, this.#server.port);
    return this.#server.port;
  }

  /** Says goodbye to all drivers and stops listening. */
  async close(): Promise<void> {
    await this.#acceptor.close();
    await this.#server?.stop();
  }

  #rules(): HandshakeRules {
    const attempts = this.#attempts;
    return { token: this.#token, hosts: this.#hosts, attempts };
  }

  #answer(request: Request, from: string): WebAnswer {
    const { url, headers } = request;
    const path = new URL(url).pathname;
    if (path === CONNECT_PATH) return this.#acceptor.answer(request, from);
    const refusal = judgeAccess({ url, headers, from }, this.#rules());
    return refusalResponse(refusal ?? { status: NOT_FOUND });
  }

  #begin(session: RemoteSession): SessionUser {
    const node = this.#node;
    let other: SessionUser | undefined;
    const driver = new RemoteDriver(session, {
      mailbox: node.mailbox,
      code: node.code,
      platform: this.#platform,
      joined: (driver, hello) => this.#joined(driver, hello),
      nodeJoined: (arrived) => other = node.cluster!.accept(arrived),
      turn: () => node.takeIn(),
      relayed: (lengthBytes) => node.answers.relayed(lengthBytes),
    });
    return {
      received: () => {
        other?.received?.();
        node.answers.takeIn();
      },
      ended: (reason) => {
        if (other) return other.ended(reason);
        driver.end();
        if (!driver.workerId) return;
        const why = session.brokenBy ? `: ${session.brokenBy.message}` : "";
        node.driverEnded(driver.workerId, ENDS[reason] + why);
      },
    };
  }

  #joined(driver: RemoteDriver, hello: DriverHello | ObserverHello): void {
    const node = this.#node;
    if (hello.type === "observer_hello") {
      return answerControl(driver.control, node.observe());
    }
    const { jobId, workerId, namespace } = hello;
    if (node.knows(jobId, workerId)) {
      throw new ProtocolError("Cannot let a driver in: its ids are in use");
    }
    const { nodeId } = node.start;
    const home = node.surroundings.thisProcess();
    driver.welcome({ type: "driver_welcome", nodeId, home }, hello);
    const identity = { jobId, nodeId, workerId, namespace };
    const calls = node.addDriver(identity, driver.peer, node.code.folder);
    answerControl(driver.control, calls);
  }
}

const NOT_FOUND = 404;
