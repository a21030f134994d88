// Runs tasks and actor calls in one thread: takes pushes in, begins what its
// slots allow, gives results back, lets waiting tasks step aside. The thread
// is one; what runs at the same time interleaves at its awaits.

import { TaskCancelledError } from "../base/errors.ts";
import type { ActorId, LeaseId, WorkerId } from "../base/ids.ts";
import { RESULTS_UNSENT_MAX, RESULTS_UNSENT_MS_MAX } from "../base/limits.ts";
import type {
  PeerMessage,
  TaskFailed,
  TaskPush,
} from "../protocol/messages.ts";
import { argumentsOf } from "./arguments.ts";
import { ParkedLeases } from "./parked_leases.ts";
import type { ExecutorPorts } from "./ports.ts";
import { Results } from "./results.ts";
import { runStream } from "./streams.ts";
import {
  type ActorPlace,
  callTarget,
  type LoadedTemplate,
  Slot,
  Submitter,
  TaskRun,
} from "./task_run.ts";

/** A thrown value that stands for "this run is over, and nobody is told". */
export class RunAbandoned extends Error {}

/** See the head of the file. */
export class Executor {
  readonly results: Results;
  readonly #ports: ExecutorPorts;
  readonly #owners = new Map<WorkerId, Submitter>();
  readonly #slots = new Map<LeaseId, Slot>();
  readonly #parked: ParkedLeases;
  readonly #actors = new Map<ActorId, ActorPlace>();
  /** Runs that were begun and have not ended. */
  #underWay = 0;
  /** Slots that may have something to begin. */
  readonly #ready = new Set<Slot>();
  #beginning = false;
  #lastSentMs = 0;

  constructor(ports: ExecutorPorts) {
    this.#ports = ports;
    this.results = new Results(ports);
    this.#parked = new ParkedLeases(ports.node);
  }

  /** Whether nothing runs and nothing waits to run. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.#ready.size === 0;
  }

  get actors(): ReadonlyMap<ActorId, ActorPlace> {
    return this.#actors;
  }

  // -- Messages --------------------------------------------------------------

  receive(owner: WorkerId, message: PeerMessage): void {
    switch (message.type) {
      case "template_define":
        this.#owner(owner).templates.set(message.template, {
          spec: message.spec,
          target: undefined,
          loading: undefined,
        });
        break;
      case "task_push":
        this.#pushed(owner, message);
        break;
      case "task_cancel":
        this.#cancel(owner, message.number, message.recursive);
        break;
      case "stream_consumed": {
        const run = this.#owner(owner).runs.get(message.number);
        if (!run) break;
        run.consumed = Math.max(run.consumed, message.consumed);
        run.onConsumed?.();
        break;
      }
      case "results_taken":
        this.results.taken(owner, message.numbers);
        break;
    }
  }

  #owner(id: WorkerId): Submitter {
    let owner = this.#owners.get(id);
    if (!owner) this.#owners.set(id, owner = new Submitter(id));
    return owner;
  }

  #pushed(id: WorkerId, push: TaskPush): void {
    const owner = this.#owner(id);
    const template = owner.templates.get(push.template);
    if (!template) return;
    const slot = this.#slotOf(push, template);
    if (!slot) return;
    for (let index = 0; index < push.numbers.length; index++) {
      slot.queue.push(
        new TaskRun(
          owner,
          push.numbers[index]!,
          template,
          slot,
          push.args[index]!,
          push.claim === undefined ? undefined : push.claim + index,
          push.attempts?.[index] ?? 0,
          push.storedFrom?.[index] ?? push.numbers[index]!,
        ),
      );
    }
    this.#ready.add(slot);
    // The owner did not know yet that the lease's task waits. It may wait for
    // the very tasks that would wait here for it.
    if (slot.waiting > 0) this.#sendBack(slot, id);
  }

  #slotOf(push: TaskPush, template: LoadedTemplate): Slot | undefined {
    const { actorId, concurrencyGroup = "" } = template.spec;
    if (actorId) {
      const actor = this.#actors.get(actorId);
      // Sent to a former life: the sender sends it again, or has given it up.
      if (actor?.incarnation !== push.incarnation) return undefined;
      return actor?.groups.get(concurrencyGroup) ?? actor?.groups.get("");
    }
    const leaseId = push.lease!;
    let slot = this.#slots.get(leaseId);
    if (!slot) {
      slot = new Slot(1, leaseId, undefined);
      slot.gpuIds = push.gpuIds;
      this.#slots.set(leaseId, slot);
      this.#parked.resume(leaseId);
    }
    return slot;
  }

  /** An owner is gone: what it asked for is not run. */
  ownerEnded(owner: WorkerId): void {
    const submitter = this.#owners.get(owner);
    this.#owners.delete(owner);
    this.results.ownerEnded(owner);
    for (const run of submitter?.runs.values() ?? []) {
      run.cancel(cancelledError(run));
    }
    const slots = [...this.#slots.values()];
    for (const actor of this.#actors.values()) {
      slots.push(...actor.groups.values());
    }
    for (const slot of slots) {
      const kept = [...slot.queue].filter((run) => run.owner.id !== owner);
      if (kept.length === slot.queue.length) continue;
      slot.queue.clear();
      for (const run of kept) slot.queue.push(run);
    }
  }

  // -- Actors ----------------------------------------------------------------

  /** An actor is being made here: its calls wait until it is. */
  hostActor(actor: ActorPlace): void {
    this.#actors.set(actor.actorId, actor);
  }

  /** The actor's constructor has ended well. */
  actorReady(actor: ActorPlace): void {
    for (const slot of actor.groups.values()) {
      slot.paused = false;
      this.#ready.add(slot);
    }
    this.begin();
  }

  /** The actor is dead: its calls get no answer from here. */
  dropActor(actorId: ActorId): void {
    const actor = this.#actors.get(actorId);
    if (!actor) return;
    this.#actors.delete(actorId);
    actor.ended = true;
    // Whatever began within the actor still has it for its context.
    actor.instance = undefined;
    for (const slot of actor.groups.values()) {
      slot.queue.clear();
      slot.paused = true;
      this.#ready.delete(slot);
    }
    for (const run of this.runs()) {
      if (run.slot.actor !== actor) continue;
      run.ended = true;
      run.cancel(cancelledError(run));
      run.owner.runs.delete(run.number);
      this.#underWay--;
    }
  }

  /** The actor ends once its calls are done. */
  retireActor(actorId: ActorId): void {
    const actor = this.#actors.get(actorId);
    if (!actor) return;
    actor.retiring = true;
    this.#endIfRetired(actor);
  }

  #endIfRetired(actor: ActorPlace): void {
    if (!actor.retiring || actor.ended) return;
    for (const slot of actor.groups.values()) {
      if (slot.running > 0 || slot.queue.length > 0 || slot.paused) return;
    }
    this.#exitActor(actor);
  }

  #exitActor(actor: ActorPlace): void {
    this.sendResults();
    this.dropActor(actor.actorId);
    this.#ports.node.actorExited(actor);
    this.#ports.flush();
  }

  // -- Running ---------------------------------------------------------------

  /** Begins everything that slots allow; not reentrant. */
  begin(): void {
    if (this.#beginning) return;
    this.#beginning = true;
    try {
      for (const slot of this.#ready) {
        this.#ready.delete(slot);
        this.#beginSlot(slot);
      }
    } finally {
      this.#beginning = false;
    }
  }

  #beginSlot(slot: Slot): void {
    while (slot.running < slot.concurrencyMax && !slot.paused) {
      const run = slot.queue.shift();
      if (!run) break;
      this.#begin(run);
      // News (a cancellation, say) must not wait for a long queue.
      this.#ports.poll();
    }
    if (slot.queue.length === 0 && slot.running === 0) this.#retireSlot(slot);
  }

  #retireSlot(slot: Slot): void {
    if (slot.leaseId) {
      if (slot.isOver) this.#ports.node.leaveLease(slot.leaseId);
      else this.#slots.delete(slot.leaseId);
    } else if (slot.actor) this.#endIfRetired(slot.actor);
  }

  #begin(run: TaskRun): void {
    const { claim } = run;
    const owner = run.owner.id;
    if (run.cancelled) return this.#refuse(run);
    if (claim !== undefined && !this.#ports.claim(owner, claim)) return;
    run.startedAtMs = this.#ports.nowMs();
    // What is done is not held up by what is begun now.
    if (run.startedAtMs - this.#lastSentMs > RESULTS_UNSENT_MS_MAX) {
      this.sendResults();
    }
    run.slot.running++;
    this.#underWay++;
    if (run.template.spec.timeoutMs !== undefined) {
      this.#ports.send(owner, { type: "task_started", number: run.number });
      this.#ports.flushNow();
    }
    this.#run(run);
  }

  /** A call that was cancelled while it waited: its owner counts on a word. */
  #refuse(run: TaskRun): void {
    this.#ports.send(run.owner.id, {
      type: "task_failed",
      number: run.number,
      error: this.#ports.codec.encodeError(cancelledError(run)),
    });
    this.#ports.flush();
  }

  /** Runs to the end, or to the first await. */
  #run(run: TaskRun): void {
    try {
      const pending = this.#prepare(run);
      if (pending) {
        run.owner.runs.set(run.number, run);
        pending.then(() => this.#run(run), (error) => this.#threw(run, error));
        return;
      }
      this.#conclude(run, this.#ports.runAs(run, () => callTarget(run)));
    } catch (error) {
      this.#threw(run, error);
    }
  }

  #conclude(run: TaskRun, value: unknown): void {
    if (run.template.spec.returns < 0) {
      run.owner.runs.set(run.number, run);
      runStream(run, value, this.#ports, this.results).then(
        () => this.#end(run),
        (error) => this.#threw(run, error),
      );
    } else if (isThenable(value)) {
      run.owner.runs.set(run.number, run);
      value.then(
        (result) => this.#returned(run, result),
        (error) => this.#threw(run, error),
      );
    } else {
      this.#returned(run, value);
    }
  }

  /** Sees to code and arguments; undefined when both are there. */
  #prepare(run: TaskRun): Promise<void> | undefined {
    const loading = this.#load(run);
    if (loading || run.values) return loading;
    const values = argumentsOf(run, this.#ports);
    if (!(values instanceof Promise)) {
      run.values = values;
      return undefined;
    }
    return values.then((resolved) => {
      run.values = resolved;
    });
  }

  /** Loads the run's code; undefined when it is there. */
  #load(run: TaskRun): Promise<void> | undefined {
    const { template } = run;
    const { code, environment } = template.spec;
    if (!code || template.target) return undefined;
    template.loading ??= this.#ports.loadCode(code, environment).then((it) => {
      template.target = it as (...args: unknown[]) => unknown;
    });
    return template.loading;
  }

  #returned(run: TaskRun, value: unknown): void {
    if (run.ended) return;
    try {
      const stored = this.results.returned(run, value);
      if (stored) {
        stored.then(
          () => this.#end(run),
          (error) => this.#threw(run, error),
        );
      } else this.#end(run);
    } catch (error) {
      this.#threw(run, error);
    }
  }

  #threw(run: TaskRun, error: unknown): void {
    if (run.ended) return;
    if (error instanceof RunAbandoned) {
      run.ended = true;
      this.#underWay--;
      run.owner.runs.delete(run.number);
      this.#ports.ended(run, undefined);
      const { actor } = run.slot;
      if (actor) this.#exitActor(actor);
      return;
    }
    const failure = this.#failure(run, error);
    const told = this.results.ended(run, failure);
    if (told) told.then(() => this.#end(run, failure.error));
    else this.#end(run, failure.error);
  }

  #failure(run: TaskRun, error: unknown): TaskFailed {
    const wrapped = this.#ports.taskError(run, error);
    const wire = this.#ports.codec.encodeError(wrapped);
    return { type: "task_failed", number: run.number, error: wire };
  }

  #end(run: TaskRun, error?: TaskFailed["error"]): void {
    if (run.ended) return;
    run.ended = true;
    // Whatever began within the run still has it for its context.
    run.values = undefined;
    this.#underWay--;
    run.owner.runs.delete(run.number);
    this.#ports.ended(run, error);
    const { slot } = run;
    slot.running--;
    if (this.results.unsentCount >= RESULTS_UNSENT_MAX) this.sendResults();
    if (slot.queue.length > 0) this.#ready.add(slot);
    else if (slot.running === 0) this.#retireSlot(slot);
    if (!this.#beginning) this.#ports.flush();
  }

  /** Sends collected results, and everything else that waits. */
  sendResults(): void {
    this.#lastSentMs = this.#ports.nowMs();
    this.results.collect();
    this.#ports.flushNow();
  }

  /** The lease is gone. It is left once all that runs under it has ended. */
  leaseOver(leaseId: LeaseId, reason: Error): void {
    const slot = this.#slots.get(leaseId);
    if (!slot?.running) this.#ports.node.leaveLease(leaseId);
    if (!slot) return;
    this.#slots.delete(leaseId);
    this.#ready.delete(slot);
    slot.queue.clear();
    slot.isOver = true;
    for (const run of this.runs()) {
      if (run.slot === slot) run.cancel(reason);
    }
  }

  /** What was begun and did not end in the turn it was begun. */
  runs(): TaskRun[] {
    return [...this.#owners.values()].flatMap(({ runs }) => [...runs.values()]);
  }

  /** Its owner does not answer, and others wait. */
  leaseUnanswered(leaseId: LeaseId): void {
    if (!this.#slots.has(leaseId)) this.#parked.park(leaseId);
  }

  // -- Waiting and cancelling ------------------------------------------------

  /** The run waits: its CPU goes back, and its thread may get other work. */
  waitBegun(run: TaskRun): void {
    if (run.waits++ > 0) return;
    const { slot } = run;
    if (!slot.leaseId || slot.waiting++ > 0) return;
    this.#ports.node.blockLease(slot.leaseId);
    this.#sendBack(slot, run.owner.id);
  }

  /** Tells the owner of a lease that waits, and returns what was not begun. */
  #sendBack(slot: Slot, owner: WorkerId): void {
    const returned: number[] = [];
    for (;;) {
      const next = slot.queue.shift();
      if (!next) break;
      const { claim } = next;
      const isLeft = claim === undefined ||
        this.#ports.revoke(next.owner.id, claim);
      if (isLeft) returned.push(next.number);
    }
    this.#ports.send(owner, {
      type: "lease_blocked",
      lease: slot.leaseId!,
      returned,
    });
    this.#ports.flush();
  }

  waitEnded(run: TaskRun): void {
    if (--run.waits > 0) return;
    const { slot } = run;
    if (!slot.leaseId || --slot.waiting > 0) return;
    this.#ports.node.unblockLease(slot.leaseId);
    this.#ports.send(run.owner.id, {
      type: "lease_resumed",
      lease: slot.leaseId,
    });
    this.#ports.flush();
  }

  #cancel(owner: WorkerId, number: number, recursive: boolean): void {
    const run = this.#owner(owner).runs.get(number) ??
      this.#queued(owner, number);
    if (!run) return;
    run.cancel(cancelledError(run));
    if (recursive) this.#ports.cancelChildren(run);
  }

  #queued(owner: WorkerId, number: number): TaskRun | undefined {
    const isWanted = (run: TaskRun) =>
      run.owner.id === owner && run.number === number;
    const slots = [...this.#slots.values()];
    for (const actor of this.#actors.values()) {
      slots.push(...actor.groups.values());
    }
    for (const slot of slots) {
      for (const run of slot.queue) if (isWanted(run)) return run;
    }
    return undefined;
  }
}

function cancelledError(run: TaskRun): Error {
  return new TaskCancelledError(
    `Cannot go on with ${run.template.spec.name}: it was cancelled`,
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}
