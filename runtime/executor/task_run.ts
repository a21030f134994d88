// One execution of a task or actor call in its thread, and the slots that
// bound how many run at once.

import { Deque } from "../base/deque.ts";
import type { ActorId, LeaseId, WorkerId } from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type {
  WireArguments,
  WireEnvironment,
  WireStrategy,
  WireTemplate,
} from "../protocol/messages.ts";

/** A template as an executor knows it: with its code, once loaded. */
export interface LoadedTemplate {
  readonly spec: WireTemplate;
  /** The function; absent for methods and until it is loaded. */
  target: ((...args: unknown[]) => unknown) | undefined;
  loading: Promise<void> | undefined;
}

/** An owner whose tasks run here. */
export class Submitter {
  readonly id: WorkerId;
  readonly templates = new Map<number, LoadedTemplate>();
  /** Its runs that did not end in the turn they were begun. */
  readonly runs = new Map<number, TaskRun>();

  constructor(id: WorkerId) {
    this.id = id;
  }
}

/** What bounds concurrency: a lease, or a concurrency group of an actor. */
export class Slot {
  readonly leaseId: LeaseId | undefined;
  readonly actor: ActorPlace | undefined;
  readonly concurrencyMax: number;
  /** The GPUs of the lease; an actor's are with its place. */
  gpuIds: readonly string[] | undefined = undefined;
  readonly queue = new Deque<TaskRun>();
  running = 0;
  /** Nothing is begun: the actor is being made. */
  paused = false;
  /** Runs of this slot that wait in `get` or `wait`. */
  waiting = 0;
  /** The lease is gone: nothing is begun, and what runs was told to stop. */
  isOver = false;

  constructor(
    concurrencyMax: number,
    leaseId: LeaseId | undefined,
    actor: ActorPlace | undefined,
  ) {
    this.concurrencyMax = concurrencyMax;
    this.leaseId = leaseId;
    this.actor = actor;
  }
}

/** An actor in its thread. */
export interface ActorPlace {
  readonly actorId: ActorId;
  readonly name: string | undefined;
  readonly className: string;
  readonly codeHash: string;
  /** What it holds while it lives. */
  readonly resources: ResourceSet;
  readonly environment: WireEnvironment | undefined;
  readonly gpuIds: readonly string[] | undefined;
  /** Where the tasks and actors go that it starts. */
  readonly childStrategy: WireStrategy | undefined;
  readonly incarnation: number;
  instance: unknown;
  /** The slots of its concurrency groups; the default one is "". */
  readonly groups: Map<string, Slot>;
  /** Nobody holds it any more: it ends with its last call. */
  retiring: boolean;
  ended: boolean;
}

/** See the head of the file. */
export class TaskRun {
  readonly owner: Submitter;
  readonly number: number;
  readonly template: LoadedTemplate;
  readonly slot: Slot;
  readonly claim: number | undefined;
  readonly attempt: number;
  /** The number that the store gets the first result by. */
  readonly storedFrom: number;
  args: WireArguments;
  /** The arguments as values, once they are had. */
  values: readonly unknown[] | undefined = undefined;
  startedAtMs = 0;
  cancelled = false;
  ended = false;
  /** How many waits of this run are under way. */
  waits = 0;
  /** Reader's progress, for streams. */
  consumed = 0;
  onConsumed: (() => void) | undefined = undefined;
  #controller: AbortController | undefined;

  constructor(
    owner: Submitter,
    number: number,
    template: LoadedTemplate,
    slot: Slot,
    args: WireArguments,
    claim: number | undefined,
    attempt: number,
    storedFrom: number,
  ) {
    this.owner = owner;
    this.number = number;
    this.template = template;
    this.slot = slot;
    this.args = args;
    this.claim = claim;
    this.attempt = attempt;
    this.storedFrom = storedFrom;
  }

  /** Fires when the run is cancelled; made when somebody first asks. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  cancel(reason: Error): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
    this.onConsumed?.();
  }
}

/** Calls what the run is of; its arguments are there. */
export function callTarget(run: TaskRun): unknown {
  const { method } = run.template.spec;
  if (method === undefined) {
    // Not called as the template's method: it must not see our template.
    const { target } = run.template;
    return target!(...run.values!);
  }
  const instance = run.slot.actor!.instance as Record<
    string,
    (...args: readonly unknown[]) => unknown
  >;
  return instance[method]!(...run.values!);
}
