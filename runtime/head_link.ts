// A worker node's way to the head of its cluster: joins it, tells it what its
// workers say, and, when its process has died, waits for its next life. What
// runs goes on meanwhile; what only the head can answer waits.

import {
  AuthenticationError,
  ConnectionError,
  NodeDiedError,
} from "./base/errors.ts";
import type { JobId, NodeId, WorkerId } from "./base/ids.ts";
import {
  HEAD_CALL_MS_MAX,
  HEAD_REDIAL_MS_MAX,
  NODE_JOIN_MS_MAX,
  NODE_REJOIN_MS_MAX,
  RECONNECT_MS,
} from "./base/limits.ts";
import type { ClusterPartsPorts } from "./cluster_parts.ts";
import { HeadTrail } from "./control/head_trail.ts";
import type { NodeJoin, ToHost } from "./host_messages.ts";
import type { NodeControl } from "./node_control.ts";
import type { DialedNode, NodeSessions } from "./node_sessions.ts";
import type { MemberNode } from "./member_node.ts";
import { ownHosting } from "./own_view.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";
import type { FromNode, ToNode } from "./protocol/node_messages.ts";
import { RemoteControl } from "./remote_control.ts";
import type { RemoteSessionEnd } from "./transport/remote_session.ts";

/** What is needed of the node. */
export interface HeadLinkPorts {
  readonly sessions: Pick<NodeSessions, "askAgain" | "dialAt" | "get">;
  /** Says it in the name of a worker, whose job the head knows by then. */
  tell(head: NodeId, worker: WorkerId, message: ToNode): void;
  /** Has the head know of a job. */
  tellJob(head: NodeId, jobId: JobId): void;
  readonly node: Pick<
    MemberNode,
    "start" | "scheduler" | "jobs" | "surroundings"
  >;
  /** Tells it of the jobs of this node that are over. */
  tellEnded(head: NodeId): void;
  /** The node of the head is dead, whatever becomes of the cluster. */
  headGone(head: NodeId, reason: string): void;
  /** This node cannot go on. */
  over(error: Error): void;
  post(message: ToHost): void;
  flush(): void;
}

/** See the head of the file. */
export class HeadLink {
  /** By the head's word; none if it cannot be started again. */
  clusterId: string | undefined;
  readonly #join: NodeJoin;
  readonly #ports: HeadLinkPorts;
  readonly #trail = new HeadTrail();
  /** The present head, or the last one. */
  #id: NodeId | undefined;
  #calls: RemoteControl | undefined;
  #isLost = false;
  #isOver = false;
  #back = Promise.withResolvers<void>();

  constructor(join: NodeJoin, ports: HeadLinkPorts) {
    this.#join = join;
    this.#ports = ports;
  }

  get id(): NodeId | undefined {
    return this.#id;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Joins the head; what goes wrong is the end of the node. */
  async join(): Promise<void> {
    const untilMs = this.#nowMs() + NODE_JOIN_MS_MAX;
    const joined = (dialed: DialedNode) => {
      this.#connected(dialed);
      this.#askAgain();
      this.#ports.post({ type: "node_joined" });
    };
    const error = await this.#dial(untilMs, joined, (error) =>
      // It was there, and has too much to do at the moment.
      PASSING.has((error as { readonly reason?: unknown }).reason));
    if (error) this.#over(error);
  }

  /** Dials until it helps; gives why it is in vain. */
  async #dial(
    untilMs: number,
    connected: (dialed: DialedNode) => void,
    mayHelp: (error: unknown) => boolean,
  ): Promise<Error | undefined> {
    const { sessions, node: { surroundings: { timers } } } = this.#ports;
    let pauseMs = RECONNECT_MS;
    while (!this.#isOver) {
      try {
        await sessions.dialAt(this.#join, true, connected);
        return undefined;
      } catch (error) {
        if (!mayHelp(error) || this.#nowMs() > untilMs) return error as Error;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      timers.after(pauseMs, resolve);
      await promise;
      pauseMs = Math.min(2 * pauseMs, HEAD_REDIAL_MS_MAX);
    }
    return undefined;
  }

  #nowMs(): number {
    return this.#ports.node.surroundings.clock.nowMs();
  }

  // -- What is said ----------------------------------------------------------

  /** A worker of this node tells the head something. */
  tell(worker: WorkerId, message: ToNode): void {
    if (this.clusterId !== undefined) this.#trail.note(worker, message);
    if (!this.#isLost) this.#ports.tell(this.#id!, worker, message);
  }

  /** The node itself does; what is said of the moment does not wait. */
  send(message: ClusterMessage): void {
    if (message.type === "group_locate") {
      this.#trail.located.add(message.groupId);
    }
    if (!this.#id || this.#isLost) return;
    this.#ports.sessions.get(this.#id).send(message);
  }

  /** The head has said something that concerns what it was told. */
  heard(message: ClusterMessage): void {
    if (message.type === "node_welcome") {
      this.clusterId = message.clusterId ?? this.clusterId;
    } else if (message.type === "head_taken") {
      this.#trail.taken(message.count);
    }
    if (message.type === "group_gone") {
      this.#trail.located.delete(message.groupId);
    }
  }

  /** The head has told a worker of this node something. */
  workerHeard(worker: WorkerId, message: FromNode): void {
    this.#trail.heard(worker, message);
  }

  workerEnded(worker: WorkerId): void {
    this.#trail.workerEnded(worker);
  }

  // -- Losing it -------------------------------------------------------------

  /** The session with it is over. */
  lost(reason: RemoteSessionEnd): void {
    const head = this.#id!;
    const error = new ConnectionError(
      `Cannot go on: the connection to the head is lost (${reason})`,
    );
    this.#calls?.fail(error);
    // One that has said goodbye has ended its cluster.
    if (reason === "peer_left" || this.clusterId === undefined) {
      return this.#over(error);
    }
    if (this.#isLost || this.#isOver) return;
    this.#isLost = true;
    this.#back = Promise.withResolvers<void>();
    this.#say(
      `The head is gone (${reason}): running work goes on, and the node waits ` +
        `for the head for ${NODE_REJOIN_MS_MAX / 1_000} s`,
    );
    this.#ports.headGone(head, "its process is gone");
    void this.#regain(error);
  }

  #say(text: string): void {
    this.#ports.post({ type: "node_says", text });
  }

  async #regain(lost: ConnectionError): Promise<void> {
    const untilMs = this.#nowMs() + NODE_REJOIN_MS_MAX;
    const error = await this.#dial(
      untilMs,
      (dialed) => this.#regained(dialed),
      (error) => !isFinal(error),
    );
    if (error) this.#over(isFinal(error) ? error : lost);
  }

  /** It is back: it is told what it must know before it decides anything. */
  #regained(dialed: DialedNode): void {
    this.#connected(dialed);
    const head = dialed.session.nodeId;
    const { tell, tellJob, tellEnded, node, flush } = this.#ports;
    tellEnded(head);
    for (const { driver, home } of node.jobs.all()) {
      if (home === node.start.nodeId) tellJob(head, driver.jobId);
    }
    for (const { worker, message } of this.#trail.again()) {
      tell(head, worker, message);
    }
    this.#askAgain();
    this.send({ type: "node_returned", hosting: ownHosting(node) });
    flush();
    this.#say("The head is back");
    this.#back.resolve();
  }

  /** What it was asked while it was not there. */
  #askAgain(): void {
    this.#ports.sessions.askAgain();
    for (const groupId of this.#trail.located) {
      this.send({ type: "group_locate", groupId });
    }
  }

  #connected({ session, control }: DialedNode): void {
    this.#id = session.nodeId;
    this.#calls = new RemoteControl(control);
    this.#isLost = false;
  }

  end(): void {
    this.#isOver = true;
    this.#calls?.fail(new ConnectionError("The node has ended"));
    this.#back.resolve();
  }

  #over(error: Error): void {
    this.#isOver = true;
    this.#back.resolve();
    this.#ports.over(error);
  }

  // -- What it is asked ------------------------------------------------------

  /** What the head alone can tell. */
  calls(): Partial<NodeControl> {
    return {
      findActor: (name, namespace) =>
        this.#ask((calls) => calls.findActor(name, namespace)),
      jobs: () => this.#ask((calls) => calls.jobs()),
      groupReady: (groupId) => this.#ask((calls) => calls.groupReady(groupId)),
    };
  }

  /** The head, for who asks all nodes by it; undefined before there is one. */
  asked(): ReturnType<ClusterPartsPorts["askHead"]> {
    if (!this.#id) return undefined;
    const parts: NodeControl["parts"] = (noun, jobId) =>
      this.#ask((calls) => calls.parts(noun, jobId));
    return { headId: this.#id, calls: { parts } };
  }

  /** Lookups change nothing: those that were lost are made again. */
  async #ask<T>(call: (calls: RemoteControl["calls"]) => Promise<T>) {
    for (;;) {
      await this.#whenBack();
      const asked = this.#calls!;
      try {
        return await call(asked.calls);
      } catch (error) {
        if (this.#isOver || (!this.#isLost && asked === this.#calls)) {
          throw error;
        }
      }
    }
  }

  async #whenBack(): Promise<void> {
    if (!this.#isLost) return;
    const { promise, reject } = Promise.withResolvers<never>();
    const { timers } = this.#ports.node.surroundings;
    const cancel = timers.after(HEAD_CALL_MS_MAX, () => {
      const seconds = HEAD_CALL_MS_MAX / 1_000;
      const error = new ConnectionError(
        `Cannot ask the head: it has been gone for ${seconds} s. Start it ` +
          "again with the command that it was started with",
      );
      reject(error);
    });
    try {
      await Promise.race([this.#back.promise, promise]);
    } finally {
      cancel();
    }
    if (this.#isOver) throw new NodeDiedError("The node has ended");
  }
}

/** How a session ends with a head that is there. */
const PASSING: ReadonlySet<unknown> = new Set<RemoteSessionEnd>([
  "peer_restarted",
  "peer_silent",
]);

/** Whether no later try can have another end. */
function isFinal(error: unknown): boolean {
  const { reason } = error as { readonly reason?: unknown };
  return error instanceof AuthenticationError || reason === REFUSED;
}

/** The reason of an error that says that a node may not join. */
export const REFUSED = "refused";
