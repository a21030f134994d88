// The threads with user code of a node, those in child processes included:
// starting and stopping them, and why each has ended. Belongs to the wiring of
// a node.

import * as Comlink from "comlink";
import process from "node:process";
import { MantaError, WorkerDiedError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import { IDS_REMEMBERED_MAX } from "./base/limits.ts";
import type { ExecutorHome, ExecutorStart, ToHost } from "./host_messages.ts";
import { NodeChildren, type NodeChildrenPorts } from "./node_children.ts";
import type { NodeControl } from "./node_control.ts";
import { type NodePeer, threadPeer } from "./node_peers.ts";
import { decodeError, type WireError } from "./protocol/wire_error.ts";
import type { Isolation } from "./scheduler/messages.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";
import { newRingLinkEnds } from "./transport/ring_link.ts";

/** What the node gives. */
export interface NodeThreadsPorts extends NodeChildrenPorts {
  /** Asks the process's main thread. */
  post(message: ToHost, transfer?: Transferable[]): void;
  isRunning(workerId: WorkerId): boolean;
  /** Where threads are not the host's: starts one. */
  readonly startThread?: StartThreadElsewhere | undefined;
}

/** Starts what runs user code; gives how it is reached. */
export type StartThreadElsewhere = (what: ThreadToStart) => NodePeer;

/** A thread that is to run user code. */
export interface ThreadToStart extends ExecutorHome {
  readonly isolation: Isolation;
}

/** See the head of the file. */
export class NodeThreads {
  readonly #ports: NodeThreadsPorts;
  /** Why a thread ends, or ended; the latest only. */
  readonly #endings = new Map<WorkerId, MantaError>();
  readonly #children: NodeChildren;

  constructor(ports: NodeThreadsPorts) {
    this.#ports = ports;
    this.#children = new NodeChildren(ports);
  }

  /** Starts a thread; what is sent to it waits until it is up. */
  start(what: ThreadToStart, calls: NodeControl): NodePeer {
    if (what.isolation === "process") return this.#children.start(what, calls);
    const { startThread } = this.#ports;
    if (startThread) return startThread(what);
    const { identity, codeFolder } = what;
    const { workerId } = identity;
    const { mailbox, sessionPath, post } = this.#ports;
    const threadMailbox = newMailboxBuffer();
    const [nodeEnd, threadEnd] = newRingLinkEnds(mailbox.buffer, threadMailbox);
    const control = new MessageChannel();
    const shared = new MessageChannel();
    Comlink.expose(calls, control.port1);
    const start: ExecutorStart = {
      type: "executor_start",
      identity,
      mailbox: threadMailbox,
      nodeLink: { ...threadEnd, port: shared.port2 },
      control: control.port2,
      sessionPath,
      ...(codeFolder === undefined ? {} : { codeFolder }),
    };
    post({ type: "start_thread", workerId, start }, [
      shared.port2,
      control.port2,
    ]);
    return threadPeer(
      { ...nodeEnd, port: shared.port1 },
      threadMailbox,
      mailbox,
    );
  }

  /** The process that the thread is in. */
  pidOf(workerId: WorkerId): number {
    return this.#children.pidOf(workerId) ?? process.pid;
  }

  /** The process that a thread has for itself; its number once it runs. */
  childOf(
    workerId: WorkerId,
  ): { readonly pid: number | undefined } | undefined {
    if (!this.#children.has(workerId)) return undefined;
    return { pid: this.#children.pidOf(workerId) };
  }

  /** Ends all child processes. */
  end(): Promise<void> {
    return this.#children.end();
  }

  /** Has the host stop a thread, whatever it does. */
  stop(workerId: WorkerId, reason: string | MantaError): void {
    if (!this.#ports.isRunning(workerId)) return;
    this.#end(
      workerId,
      typeof reason === "string"
        ? new WorkerDiedError(`Thread ${workerId} was stopped: ${reason}`)
        : reason,
    );
    this.#stop(workerId);
  }

  /** User code asked its thread to exit, or broke it. */
  exiting(workerId: WorkerId, reason: WireError): void {
    this.#end(workerId, asMantaError(decodeError(reason)));
    this.#stop(workerId);
  }

  #stop(workerId: WorkerId): void {
    if (this.#children.has(workerId)) this.#children.kill(workerId);
    else this.#ports.post({ type: "stop_thread", workerId });
  }

  /** A thread or driver is gone; gives why. */
  ended(workerId: WorkerId, reason: string | MantaError): MantaError {
    const known = this.#endings.get(workerId);
    if (known) return known;
    const error = typeof reason === "string"
      ? new WorkerDiedError(`Thread ${workerId} ended: ${reason}`)
      : reason;
    this.#end(workerId, error);
    return error;
  }

  /** Why a thread cannot be reached. */
  reasonOf(workerId: WorkerId): MantaError {
    return this.#endings.get(workerId) ??
      new WorkerDiedError(`Cannot reach ${workerId}: that thread has ended`);
  }

  #end(workerId: WorkerId, error: MantaError): void {
    this.#endings.set(workerId, error);
    if (this.#endings.size <= IDS_REMEMBERED_MAX) return;
    const [oldest] = this.#endings.keys();
    this.#endings.delete(oldest!);
  }
}

/** An error from the wire, as one that has a code. */
export function asMantaError(error: Error): MantaError {
  return error instanceof MantaError
    ? error
    : new MantaError(error.message, { cause: error });
}
