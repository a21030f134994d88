// What a node and the main thread of its child say to one another, beside the
// node's link to the child's executor, which that thread passes on.

import type { ExecutorHome } from "./host_messages.ts";

/** Stream 0 is the node's link to the executor, 1 the one for these. */
export const NODE_STREAM = 0;
export const CHILD_STREAM = 1;

/** From the node to its child. */
export type ToChild =
  /** What the executor is to be; comes first. */
  | ChildStart
  | ControlMessage;

/** The first message to a child. */
export interface ChildStart extends ExecutorHome {
  readonly type: "child_start";
  readonly sessionPath: string;
}

/** From the child to its node. */
export type FromChild =
  /** What the executor asked the process to be limited to was exceeded. */
  | {
    readonly type: "memory_exceeded";
    /** What ran. */
    readonly name: string;
    readonly usedBytes: number;
    readonly limitBytes: number;
  }
  /** The executor's thread has ended, and the process with it. */
  | { readonly type: "executor_ended"; readonly reason: string }
  | ControlMessage;

/** A message of the port for calls to the node, either way. */
export interface ControlMessage {
  readonly type: "control_message";
  readonly message: unknown;
}

/** From the executor's thread to the main thread of its process. */
export interface MemoryLimit {
  readonly type: "memory_limit";
  /** What is about to run. */
  readonly name: string;
  /** 0 means none. */
  readonly limitBytes: number;
}
