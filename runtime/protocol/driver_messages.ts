// What a driver in another process and its node say on stream 0 beside what
// every thread says to its node: who the driver is, its code, and the links to
// its peers. docs/protocol.md describes the exchanges; change both together.

import { ProtocolError } from "../base/errors.ts";
import type { JobId, NodeId, WorkerId } from "../base/ids.ts";

/** The first message of a connection; the driver makes its ids itself. */
export interface DriverHello {
  readonly type: "driver_hello";
  readonly jobId: JobId;
  readonly workerId: WorkerId;
  readonly namespace: string;
  readonly hostname: string;
  readonly home: WireProcess;
}

/** A process, for who looks whether it lives: `platform/process_life.ts`. */
export interface WireProcess {
  readonly machine: string;
  readonly pidNamespace: string;
  readonly pid: number;
  readonly start: string;
}

/** Instead of it: somebody who only asks, by the calls of stream 1. */
export interface ObserverHello {
  readonly type: "observer_hello";
}

/** The node has taken the driver in. */
export interface DriverWelcome {
  readonly type: "driver_welcome";
  readonly nodeId: NodeId;
  readonly home: WireProcess;
}

/** A bundle, before the first task that needs it. */
export interface CodePut {
  readonly type: "code_put";
  readonly hash: string;
  /** Its text in UTF-8, in pieces. */
  readonly pieces: readonly Uint8Array[];
}

/** The bundle is where executors look for it, or why it is not. */
export interface CodeKept {
  readonly type: "code_kept";
  readonly hash: string;
  readonly failure?: string;
}

/** A link to a peer goes over this stream of the connection. */
export interface StreamOpened {
  readonly type: "link_opened";
  readonly peer: WorkerId;
  readonly stream: number;
}

/**
 * What follows on stream 0 counts once so many pieces have come on these
 * streams: the last words of a thread come before the news of its end.
 */
export interface StreamsAwaited {
  readonly type: "streams_awaited";
  readonly streams: readonly (readonly [stream: number, pieces: number])[];
}

const ID = /^[jw]-[a-z2-7]{12}$/;
const TEXT_CHARACTERS_MAX = 1_024;

/** Checks the first message of a connection, which anybody may have written. */
export function readHello(
  message: { readonly type: string },
): DriverHello | ObserverHello {
  if (message.type === "observer_hello") return { type: "observer_hello" };
  if (message.type !== "driver_hello") throw broken("it comes too early");
  const hello = message as DriverHello;
  const { jobId, workerId, namespace, hostname } = hello;
  const { machine, pidNamespace, pid, start } = hello.home ?? {};
  const isNamed = ID.test(String(jobId)) && jobId.startsWith("j") &&
    ID.test(String(workerId)) && workerId.startsWith("w");
  if (!isNamed) throw broken("its ids are none");
  for (const text of [namespace, hostname, machine, pidNamespace, start]) {
    const isText = typeof text === "string" &&
      text.length <= TEXT_CHARACTERS_MAX;
    if (!isText) throw broken("one of its texts is none");
  }
  if (!Number.isSafeInteger(pid) || pid < 1) throw broken("its pid is none");
  return {
    type: "driver_hello",
    ...{ jobId, workerId, namespace, hostname },
    home: { machine, pidNamespace, pid, start },
  };
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a driver's first message: ${why}`);
}
