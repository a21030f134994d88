// What a driver in another process and its node say on stream 0 beside what
// every thread says to its node: who the driver is, its code, and the links to
// its peers. docs/protocol.md describes the exchanges; change both together.

import type { JobId, NodeId, WorkerId } from "../base/ids.ts";
import { HELLO_TEXT_CHARACTERS_MAX } from "../base/limits.ts";
import {
  BYTES,
  list,
  matching,
  MessageReader,
  object,
  text,
  whole,
} from "./message_shape.ts";

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

const TEXT = text(HELLO_TEXT_CHARACTERS_MAX);

const HELLO = new MessageReader<DriverHello | ObserverHello>({
  driver_hello: {
    jobId: matching<JobId>(/^j-[a-z2-7]{12}$/),
    workerId: matching<WorkerId>(/^w-[a-z2-7]{12}$/),
    namespace: TEXT,
    hostname: TEXT,
    home: object<WireProcess>({
      machine: TEXT,
      pidNamespace: TEXT,
      pid: whole(1, Number.MAX_SAFE_INTEGER),
      start: TEXT,
    }),
  },
  observer_hello: {},
});

/** Checks the first message of a connection, which anybody may have written. */
export function readHello(
  message: { readonly type: string },
): DriverHello | ObserverHello {
  return HELLO.read(message);
}

/** What a bundle is called. */
export const BUNDLE_HASH = /^[0-9a-f]{64}$/;

const CODE = new MessageReader<CodePut>({
  code_put: {
    hash: matching(BUNDLE_HASH),
    pieces: list(BYTES),
  },
});

/** Checks a message that brings a bundle. */
export function readCodePut(message: { readonly type: string }): CodePut {
  return CODE.read(message);
}
