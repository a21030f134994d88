// What `manta start` is asked for, as its words are parsed and after they were
// checked. Plain, so that a request can be handed to another process.

import type { InitOptions } from "../../mod.ts";
import type { StatePlace } from "../../runtime/head.ts";
import type { TokenParts } from "../../runtime/protocol/token.ts";

/** The options of `manta start`, as they are parsed. */
export interface StartFlags {
  readonly head?: boolean;
  readonly address?: string;
  readonly host?: string;
  readonly port?: number;
  readonly names?: readonly string[];
  readonly token?: string;
  readonly tls?: boolean;
  readonly insecure?: boolean;
  readonly numCpus?: number;
  readonly numGpus?: number;
  readonly resources?: Record<string, number>;
  readonly labels?: Record<string, string>;
  readonly memory?: number;
  readonly objectStoreMemory?: number;
  readonly spillDirectory?: string;
  readonly state?: string;
  readonly block?: boolean;
}

/** What any node is started with. */
export interface NodeRequest {
  /** By which others reach it, beside its own addresses. */
  readonly names: readonly string[];
  readonly port: number;
  readonly node: InitOptions;
  /** Where the node's process prints to, if it is a daemon. */
  readonly logPath?: string;
}

/** What a head is started with. */
export interface HeadRequest extends NodeRequest {
  readonly role: "head";
  readonly hostname: string;
  /** What the user said; the user's own from the file without. */
  readonly token?: string;
  readonly tls: boolean;
  /** Where it keeps its state; the user's own folder without. */
  readonly state?: StatePlace;
}

/** What a worker is started with. */
export interface WorkerRequest extends NodeRequest {
  readonly role: "worker";
  readonly head: {
    /** `host:port`. */
    readonly address: string;
    readonly token: TokenParts;
  };
  /** Where it listens; without, where it reaches its head from. */
  readonly hostname?: string;
  /** Plain text may go over a network. */
  readonly isInsecure: boolean;
}

/** What `manta start` starts. */
export type StartRequest = HeadRequest | WorkerRequest;
