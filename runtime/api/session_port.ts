// What the public API needs of a session, and the one session of this thread.
// The wiring provides both: the API itself knows no threads, links or owners.

import { MantaError } from "../base/errors.ts";
import type { ActorId, PlacementGroupId } from "../base/ids.ts";
import type { WireActorInterface } from "../protocol/node_messages.ts";
import type { SessionIdentity } from "../protocol/node_messages.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { ResolvedActorOptions, ResolvedTaskOptions } from "./options.ts";
import type { ResolvedInitOptions } from "./init_options.ts";
import type { NodeInfo, RuntimeContext } from "./session_types.ts";
import type { FoundItems, StateItems, StateNoun } from "./state_types.ts";

/** The code of a function or class, as it was given to `remote()`. */
export interface ShippableCode {
  readonly name: string;
  /** Throws `CaptureError` and the like; remembers its outcome. */
  analyse(): void;
  /**
   * How many arguments calls take; `undefined` where any number may be given.
   * For a class: of the constructor (no name) or of a method.
   */
  arity(method?: string): Arity | undefined;
}

export interface Arity {
  readonly least: number;
  readonly most: number;
}

/** A ref of this thread, whatever the type of its value. */
export interface SessionRef {
  readonly id: string;
  readonly number: number;
}

/** A call's results: one ref, several, a stream, or nothing. */
export type CallOutcome = unknown;

/** A kind of call, prepared once and used for every call. */
export interface Callable {
  call(args: readonly unknown[]): CallOutcome;
}

/** What keeps an actor alive: one per actor and thread. */
export interface ActorHold {
  readonly actorId: ActorId;
  readonly interface: WireActorInterface;
  /** A handle keeps the actor alive until it is collected, or detached. */
  attach(handle: object): void;
  detach(handle: object): void;
}

/** How a method is called, with everything resolved. */
export interface MethodCall {
  readonly method: string;
  readonly returns: number;
  readonly backpressure: number;
  readonly timeoutMs: number | undefined;
  readonly maxRetries: number;
  readonly retries: (error: unknown) => boolean;
  readonly concurrencyGroup: string | undefined;
  readonly name: string;
}

/** How a task is called, with everything resolved. */
export interface TaskCall {
  readonly code: ShippableCode;
  readonly name: string;
  readonly options: ResolvedTaskOptions;
  readonly retries: (error: unknown) => boolean;
}

/** What an actor is made from, with everything resolved. */
export interface ActorCreation {
  readonly code: ShippableCode;
  readonly className: string;
  readonly options: ResolvedActorOptions;
  readonly interface: WireActorInterface;
}

export type GroupStrategy = "pack" | "spread" | "strictPack" | "strictSpread";

/** What a session and its node hold. */
export interface Leftovers {
  readonly leases: number;
  readonly actors: number;
  /** Objects in the node's store. */
  readonly objects: number;
  /** Tasks and calls of this thread without an outcome. */
  readonly tasks: number;
  /** Objects of this thread that tasks need or other threads hold. */
  readonly lent: number;
}

/** The memory of the machine, the container or the process. */
export interface MemoryListing {
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Threads that were stopped while something ran on them. */
  readonly stoppedThreads: number;
}

/** The session of one thread, as the API sees it. */
export interface Session {
  readonly identity: SessionIdentity;
  /** Where the cluster is: "local", or an address. */
  readonly address: string;
  taskCaller(call: TaskCall): Callable;
  methodCaller(hold: ActorHold, call: MethodCall): Callable;
  createActor(creation: ActorCreation, args: readonly unknown[]): ActorHold;
  /** A handle of the actor with a name. */
  findActor(name: string, namespace: string): Promise<object | undefined>;
  killActor(hold: ActorHold, noRestart: boolean): void;
  exitActor(): never;
  pendingCalls(hold: ActorHold): number;
  put(value: unknown): Promise<unknown>;
  get(ref: unknown, timeoutMs: number | undefined): Promise<unknown>;
  getAll(
    refs: readonly unknown[],
    timeoutMs: number | undefined,
  ): Promise<unknown[]>;
  /** Resolves when so many refs are ready, or the time is over. */
  waitFor(
    refs: readonly unknown[],
    count: number,
    timeoutMs: number | undefined,
  ): Promise<void>;
  isReady(ref: unknown): boolean;
  cancel(ref: unknown, force: boolean, recursive: boolean): void;
  createGroup(
    bundles: readonly ResourceSet[],
    strategy: GroupStrategy,
    name: string | undefined,
    detached: boolean,
  ): PlacementGroupId;
  groupReady(groupId: PlacementGroupId): Promise<void>;
  removeGroup(groupId: PlacementGroupId): Promise<void>;
  nodes(): Promise<NodeInfo[]>;
  totals(): Promise<Record<string, number>>;
  available(): Promise<Record<string, number>>;
  timeline(): Promise<unknown[]>;
  memory(): Promise<MemoryListing>;
  listState<Noun extends StateNoun>(
    noun: Noun,
  ): Promise<FoundItems<StateItems[Noun]>>;
  /** What is held at the moment; for tests. */
  leftovers(): Promise<Leftovers>;
  /** Has all threads collect garbage, soon; for tests. */
  collectGarbage(): Promise<void>;
  context(): RuntimeContext;
  /** Keeps the process alive while the promise is pending. */
  holdOpen<T>(work: Promise<T>): Promise<T>;
  end(): Promise<void>;
}

/** What the wiring gives the API, once, when the package is loaded. */
export interface ApiWiring {
  /** Notes where the caller of `remote()` stands; must be cheap. */
  captureCode(target: unknown): ShippableCode;
  /** Whether a value is a ref, of whatever session. */
  isRef(value: unknown): boolean;
  /** Whether one of these refs is there more than once. */
  hasDoubles(refs: readonly unknown[]): boolean;
  /** Starts a session; the same turn, so that calls can be made at once. */
  startSession(options: ResolvedInitOptions): Session;
}

let wiring: ApiWiring | undefined;
let session: Session | undefined;

/** Called by the wiring before anybody can call the API. */
export function wireApi(given: ApiWiring): void {
  wiring = given;
}

export function apiWiring(): ApiWiring {
  if (!wiring) {
    throw new MantaError(
      "Cannot use Manta: a bundler has left parts of it out. Leave all of " +
        "`manta` out of the bundle",
    );
  }
  return wiring;
}

/** The thread's session, if there is one. */
export function activeSession(): Session | undefined {
  return session;
}

export function setSession(given: Session | undefined): void {
  session = given;
}
