// The session that the public API calls, on top of a thread session: calls
// become templates and tasks, handles become holds and channels. The wiring of
// `api/` with `owner/` and `code/`; the same in drivers and executors.

import { ActorCreations, methodTemplate } from "./actor_creations.ts";
import type { Hold } from "./actor_holds.ts";
import type {
  ActorCreation,
  ActorHold,
  Callable,
  CallOutcome,
  GroupStrategy,
  Leftovers,
  MemoryListing,
  MethodCall,
  Session,
  TaskCall,
} from "./api/session_port.ts";
import type { NodeInfo, RuntimeContext } from "./api/session_types.ts";
import type { FoundItems, StateItems, StateNoun } from "./api/state_types.ts";
import { makeStream } from "./api/generator.ts";
import { ConnectionError, ObjectLostError } from "./base/errors.ts";
import { newId, type PlacementGroupId } from "./base/ids.ts";
import { CallerTemplates, type Inheritance } from "./caller_templates.ts";
import { type ResourceSet, resourcesKey } from "./base/resources.ts";
import { shippable } from "./code_port.ts";
import { chromeTrace } from "./observe/timeline.ts";
import type { ObjectRef } from "./owner/object_ref.ts";
import type { StreamSink, TaskTemplate } from "./owner/task_record.ts";
import type { WaitScope } from "./owner/waiting.ts";
import type { WireStrategy, WireTemplate } from "./protocol/messages.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import type { WireError } from "./protocol/wire_error.ts";
import { outsideRuns } from "./run_context.ts";
import { environmentFor, variantFor } from "./runtime_env.ts";
import { findItems } from "./state_listing.ts";
import type { ThreadSession } from "./thread_session.ts";

/** What differs between a driver and the tasks of an executor. */
export interface CallerContext {
  /** How the present caller waits. */
  scope(): WaitScope;
  /** The task that calls, for its children; none in a driver. */
  parentTask(): object | undefined;
  /** What the present caller passes on to what it starts. */
  inherited(): Inheritance;
  context(): RuntimeContext;
  exitActor(): never;
  /** Ends the session with all it has. */
  end(): Promise<void>;
}

/** See the head of the file. */
export class ApiSession implements Session {
  readonly identity: SessionIdentity;
  /** Where the cluster is, as its user names it. */
  readonly address: string;
  readonly actors: ActorCreations;
  readonly #thread: ThreadSession;
  readonly #caller: CallerContext;
  #templateCount = 0;

  constructor(
    thread: ThreadSession,
    caller: CallerContext,
    address = "local",
  ) {
    this.address = address;
    this.identity = thread.identity;
    this.#thread = thread;
    this.#caller = caller;
    this.actors = new ActorCreations(thread, () => caller.inherited());
  }

  // -- Tasks -----------------------------------------------------------------

  taskCaller(call: TaskCall): Callable {
    const templates = new CallerTemplates((inherited) =>
      this.#taskTemplate(call, inherited)
    );
    return {
      call: (args) =>
        this.#submit(templates.for(this.#caller.inherited()), args),
    };
  }

  #taskTemplate(
    { code, name, options, retries }: TaskCall,
    inherited: Inheritance,
  ): TaskTemplate {
    const returns = options.streaming ? -1 : options.numReturns;
    const { resources, labelSelector, timeoutMs } = options;
    const strategy = options.strategy ?? inherited.strategy ?? "default";
    const backpressure = options.backpressure ?? 0;
    const environment = attempt(() =>
      environmentFor(inherited.environment, options.runtimeEnv)
    );
    const prepare = async (): Promise<WireTemplate> => {
      const found = environment();
      const ship = async () => {
        const wire = await shippable(code).ship(await variantFor(found));
        return await this.#thread.sendCode(wire);
      };
      return {
        name,
        code: await this.#thread.holdOpen(ship()),
        returns,
        backpressure,
        resources,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(found ? { environment: found } : {}),
        ...captureOf(strategy),
      };
    };
    const isTimed = timeoutMs !== undefined;
    const { isolation } = options;
    const isOnce = options.maxRetries === 0;
    return {
      index: ++this.#templateCount,
      name,
      returns,
      backpressure,
      timeoutMs,
      maxRetries: options.maxRetries,
      retries,
      schedulingClass: {
        // Environments are of tasks, not of threads: leases are shared.
        key: classKey(resources, strategy, labelSelector) +
          (isTimed ? "|timed" : "") + (isOnce ? "|once" : "") +
          (isolation === "process" ? "|process" : ""),
        resources,
        strategy,
        ...(labelSelector ? { labelSelector } : {}),
        ...(isolation === "process" ? { isolation } : {}),
        ...(isTimed ? { isTimed } : {}),
        ...(isOnce ? { isOnce } : {}),
      },
      spec: undefined,
      prepare: () => outsideRuns(prepare),
    };
  }

  #submit(template: TaskTemplate, args: readonly unknown[]): CallOutcome {
    this.#refuseIfEnded();
    const { owner } = this.#thread;
    const parent = this.#caller.parentTask();
    if (template.returns >= 0) {
      const { refs } = owner.submit(template, args, { parent });
      this.#thread.called();
      if (template.returns === 1) return refs[0];
      return template.returns === 0 ? undefined : refs;
    }
    let stream: unknown;
    owner.submit(template, args, {
      parent,
      stream: (number) => {
        const made = this.#stream(template, number);
        stream = made.stream;
        return made.sink;
      },
    });
    this.#thread.called();
    return stream;
  }

  #stream(
    template: TaskTemplate,
    number: number,
  ): { stream: unknown; sink: StreamSink } {
    const { owner } = this.#thread;
    const { references } = owner;
    const whole = references.create();
    whole.seen = true;
    const { stream, feed } = makeStream({
      whole,
      consumed: (consumed) => this.#consumed(template, number, consumed),
      drop: () => {
        const task = owner.task(number);
        if (task) owner.cancel(task, { force: false, recursive: true });
      },
      wait: (work, giveUp) => this.#wait(work, giveUp),
    });
    const sink: StreamSink = {
      whole,
      yielded: feed.yielded,
      restarted: feed.restarted,
      ended: (count) => {
        references.settle(whole, { v: undefined });
        feed.ended(count);
      },
      failed: (error) => {
        const last = references.create();
        references.failStream(whole, last, error as WireError);
        feed.failed(last);
      },
    };
    return { stream, sink };
  }

  #consumed(template: TaskTemplate, number: number, consumed: number): void {
    if (template.backpressure === 0) return;
    const thread = this.#thread.owner.threadOf(number);
    if (!thread) return;
    this.#thread.send(thread, { type: "stream_consumed", number, consumed });
    this.#thread.schedule();
  }

  /**
   * Waits as `get` does: the caller's CPU is given back meanwhile, and the
   * work is given up when the caller is cancelled.
   */
  async #wait<T>(
    work: Promise<T>,
    giveUp: (reason: unknown) => void,
  ): Promise<T> {
    const scope = this.#caller.scope();
    const { signal } = scope;
    const onAbort = () => giveUp(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    scope.begin();
    try {
      return await work;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      scope.end();
    }
  }

  // -- Actors ----------------------------------------------------------------

  methodCaller(hold: ActorHold, method: MethodCall): Callable {
    const template = methodTemplate(++this.#templateCount, hold, method);
    const pin = hold as Hold;
    if (pin.keeper !== this.#thread.holds) this.actors.endForeign(pin);
    const call = (args: readonly unknown[]) => {
      // Code of the user's serializers may give the handle up meanwhile.
      pin.pin();
      try {
        return this.#submit(template, args);
      } finally {
        // The call keeps the actor alive until it is done.
        this.#thread.owner.channel(hold.actorId).keep(pin);
        pin.unpin();
      }
    };
    return { call };
  }

  createActor(creation: ActorCreation, args: readonly unknown[]): ActorHold {
    this.#refuseIfEnded();
    return this.actors.create(creation, args);
  }

  findActor(name: string, namespace: string): Promise<object | undefined> {
    return this.actors.find(name, namespace);
  }

  killActor(hold: ActorHold, noRestart: boolean): void {
    this.actors.kill(hold, noRestart);
  }

  exitActor(): never {
    return this.#caller.exitActor();
  }

  pendingCalls(hold: ActorHold): number {
    return this.#thread.owner.channel(hold.actorId).pendingCount;
  }

  // -- Objects ---------------------------------------------------------------

  put(value: unknown): Promise<unknown> {
    this.#refuseIfEnded();
    return this.#thread.owner.put(value);
  }

  get(ref: unknown, timeoutMs: number | undefined): Promise<unknown> {
    this.#refuseForeign([ref]);
    return this.#thread.reading.getOne(
      ref as ObjectRef,
      timeoutMs,
      this.#caller.scope(),
    );
  }

  getAll(
    refs: readonly unknown[],
    timeoutMs: number | undefined,
  ): Promise<unknown[]> {
    this.#refuseForeign(refs);
    return this.#thread.reading.getAll(
      refs as ObjectRef[],
      timeoutMs,
      this.#caller.scope(),
    );
  }

  async waitFor(
    refs: readonly unknown[],
    count: number,
    timeoutMs: number | undefined,
  ): Promise<void> {
    this.#refuseForeign(refs);
    await this.#thread.reading.waitFor(
      refs as ObjectRef[],
      { count, timeoutMs, stopAtFailure: false },
      this.#caller.scope(),
    );
  }

  isReady(ref: unknown): boolean {
    return (ref as ObjectRef).state !== "pending";
  }

  cancel(ref: unknown, force: boolean, recursive: boolean): void {
    const { owner } = this.#thread;
    const known = ref as ObjectRef;
    this.#refuseForeign([ref]);
    if (known.ownerId !== this.identity.workerId) {
      this.#thread.send(known.ownerId, {
        type: "cancel_wanted",
        number: known.number,
        force,
        recursive,
      });
      return this.#thread.schedule();
    }
    const task = owner.taskOf(known);
    if (!task) return;
    if (force && task.template.actorId) {
      throw new TypeError(
        "Cannot force the end of an actor's call: it would end the actor. " +
          "Use kill() for that",
      );
    }
    owner.cancel(task, { force, recursive });
  }

  #refuseForeign(refs: readonly unknown[]): void {
    this.#refuseIfEnded();
    for (const ref of refs as readonly ObjectRef[]) {
      if (ref.keeper === this.#thread.owner.references) continue;
      throw new ObjectLostError(
        `Cannot read object ${ref.id}: its session has ended`,
        { details: { objectId: ref.id } },
      );
    }
  }

  #refuseIfEnded(): void {
    if (!this.#thread.ended) return;
    if (this.#thread.lostBy) throw this.#thread.lostBy;
    throw new ConnectionError(
      "Cannot use this session: it has ended. Call init() for a new one",
    );
  }

  // -- Placement groups ------------------------------------------------------

  createGroup(
    bundles: readonly ResourceSet[],
    strategy: GroupStrategy,
    name: string | undefined,
    detached: boolean,
  ): PlacementGroupId {
    const groupId = newId("placement_group");
    this.#thread.sendNode({
      type: "group_create",
      groupId,
      bundles,
      strategy,
      detached,
      ...(name === undefined ? {} : { name }),
    });
    this.#thread.flush();
    return groupId;
  }

  async groupReady(groupId: PlacementGroupId): Promise<void> {
    const error = await this.#thread.control.groupReady(groupId);
    if (error) throw this.#thread.codec.decodeError(error as WireError);
  }

  async removeGroup(groupId: PlacementGroupId): Promise<void> {
    this.#thread.sendNode({ type: "group_remove", groupId });
    this.#thread.flush();
    await this.#thread.control.available();
  }

  // -- The cluster -----------------------------------------------------------

  async nodes(): Promise<NodeInfo[]> {
    return await this.holdOpen(this.#thread.control.nodes());
  }

  totals(): Promise<Record<string, number>> {
    return this.holdOpen(this.#thread.control.totals());
  }

  available(): Promise<Record<string, number>> {
    return this.holdOpen(this.#thread.control.available());
  }

  timeline(): Promise<unknown[]> {
    const { jobId } = this.identity;
    const parts = this.#thread.control.parts("tasks", jobId);
    return this.holdOpen(parts.then(chromeTrace));
  }

  memory(): Promise<MemoryListing> {
    return this.holdOpen(this.#thread.control.memory());
  }

  listState<Noun extends StateNoun>(
    noun: Noun,
  ): Promise<FoundItems<StateItems[Noun]>> {
    return this.holdOpen(findItems(this.#thread.control, noun));
  }

  async leftovers(): Promise<Leftovers> {
    const { owner, control } = this.#thread;
    const held = await this.holdOpen(control.leftovers());
    return {
      ...held,
      tasks: owner.taskCount,
      lent: owner.references.lentCount,
    };
  }

  collectGarbage(): Promise<void> {
    return this.holdOpen(this.#thread.control.collectGarbage());
  }

  context(): RuntimeContext {
    return this.#caller.context();
  }

  holdOpen<T>(work: Promise<T>): Promise<T> {
    return this.#thread.holdOpen(work);
  }

  end(): Promise<void> {
    return this.#caller.end();
  }
}

function classKey(
  resources: ResourceSet,
  strategy: unknown,
  labels: Readonly<Record<string, string>> | undefined,
): string {
  return `${resourcesKey(resources)}|${JSON.stringify(strategy)}|` +
    JSON.stringify(labels ?? {});
}

/** Runs `work` now; gives its outcome, good or bad, when asked. */
function attempt<T>(work: () => T): () => T {
  try {
    const value = work();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** The group that what the task starts is placed in, if it captures it. */
function captureOf(strategy: WireStrategy): {
  readonly captureGroup?: PlacementGroupId;
} {
  const captures = typeof strategy === "object" &&
    "placementGroup" in strategy && strategy.captureChildTasks;
  return captures ? { captureGroup: strategy.placementGroup } : {};
}
