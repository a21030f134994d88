// An executor thread: runs tasks and actors with `executor/`, and is a session
// of its own for the calls that they make. The wiring of the two.

import { existsSync } from "node:fs";
import { ApiSession, type CallerContext } from "./api_session.ts";
import { setSession } from "./api/session_port.ts";
import type { RuntimeContext } from "./api/session_types.ts";
import { MantaError, TaskError, WorkerDiedError } from "./base/errors.ts";
import { type PlacementGroupId, taskIdText } from "./base/ids.ts";
import {
  STATE_NAME_CHARACTERS_MAX,
  STATE_OPEN_TASKS_MAX,
} from "./base/limits.ts";
import { resourceAmounts } from "./base/resources.ts";
import type { Inheritance } from "./caller_templates.ts";
import { IdleGarbage } from "./idle_garbage.ts";
import { bundlePath, useCodeDirectory } from "./code/code_cache.ts";
import { loadCode } from "./code/load_code.ts";
import { placedBundle } from "./code/place_files.ts";
import { ExecutorOutput } from "./executor_output.ts";
import { Executor, RunAbandoned } from "./executor/executor.ts";
import { constructActor } from "./executor/actor_host.ts";
import type { ExecutorPorts } from "./executor/ports.ts";
import type { TaskRun } from "./executor/task_run.ts";
import { MemoryLimits } from "./memory_limits.ts";
import type { MemoryLimit } from "./child_messages.ts";
import type { ExecutorStart } from "./host_messages.ts";
import { after } from "./owner_ports.ts";
import type { WaitScope } from "./owner/waiting.ts";
import type { OutputCapture } from "./platform/output_capture.ts";
import type { OutputStream, Platform } from "./platform/platform.ts";
import type {
  WireCode,
  WireEnvironment,
  WireStrategy,
  WireTemplate,
} from "./protocol/messages.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import { TaskEventsWriter } from "./protocol/task_events.ts";
import { describeThrown } from "./protocol/value_failure.ts";
import type { RunningTask } from "./protocol/thread_tasks.ts";
import { decodeError, type WireError } from "./protocol/wire_error.ts";
import { currentRun, type RunContext, runWithin } from "./run_context.ts";
import type { RunEnvironments } from "./run_environments.ts";
import { makeSessionCodec } from "./session_objects.ts";
import { ThreadSession } from "./thread_session.ts";
import { ringWires } from "./thread_wires.ts";
import { Mailbox } from "./transport/mailbox.ts";

/** What the entry of the thread has made of it. */
export interface ThreadSurroundings {
  /** Gives lines to `printed`. */
  readonly capture: OutputCapture;
  readonly environments: RunEnvironments;
  /** Tells the main thread of a process that is there for this thread alone. */
  readonly limitMemory: (limit: MemoryLimit) => void;
}

/** See the head of the file. */
export class ExecutorSession {
  readonly #start: ExecutorStart;
  readonly #thread: ThreadSession;
  readonly #executor: Executor;
  readonly #output: ExecutorOutput;
  readonly #capture: OutputCapture;
  readonly #environments: RunEnvironments;
  readonly #garbage: IdleGarbage;
  /** In a process of its own only. */
  readonly #limits: MemoryLimits | undefined;
  readonly #platform: Platform;
  readonly #events = new TaskEventsWriter();
  /** User code asked the thread to end: nothing is answered any more. */
  #exiting = false;

  constructor(
    start: ExecutorStart,
    platform: Platform,
    { capture, environments, limitMemory }: ThreadSurroundings,
  ) {
    if (start.isChild) this.#limits = new MemoryLimits(limitMemory);
    this.#start = start;
    this.#platform = platform;
    if (start.codeFolder !== undefined) useCodeDirectory(start.codeFolder);
    this.#capture = capture;
    this.#environments = environments;
    this.#thread = new ThreadSession({
      platform,
      identity: start.identity,
      wires: ringWires(
        new Mailbox(start.mailbox),
        start.nodeLink,
        start.control,
      ),
      depth: () => 1,
      makeCodec: makeSessionCodec,
      reportUnseen: (error) =>
        console.error(this.#thread.codec.decodeError(error)),
    });
    this.#output = new ExecutorOutput(this.#thread, start);
    this.#executor = new Executor(this.#executorPorts());
    const executor = this.#executor;
    this.#thread.work = {
      receive: (peer, message) => executor.receive(peer, message),
      fromNode: (message) => this.#fromNode(message),
      tellTasks: () => this.#tellTasks(),
      run: () => this.#run(),
      get isIdle() {
        return executor.isIdle;
      },
    };
    this.#garbage = new IdleGarbage({
      isIdle: () => executor.isIdle,
      heldCount: () =>
        this.#thread.owner.references.borrowedCount + this.#thread.holds.count,
      collect: () => platform.collectGarbage(),
      after: (delayMs, callback) => void after(delayMs, callback),
    });
    const session = new ApiSession(this.#thread, this.#caller());
    this.#thread.onNodeMessage = (message) => {
      if (message.type === "actor_registered") {
        session.actors.registered(message);
      }
    };
    setSession(session);
    this.#thread.open();
  }

  // -- What user code does to its thread -------------------------------------

  /** A line that user code has printed. */
  printed(stream: OutputStream, text: string): void {
    this.#output.printed(stream, text);
  }

  /** User code asked to end, or broke its thread. */
  exiting(reason: string, cause?: unknown): void {
    if (this.#exiting) return;
    this.#capture.flush();
    this.#executor.results.collect();
    this.#output.send();
    this.#sendEvents();
    // Before the node hears of it: it may end this thread at once.
    this.#thread.flush();
    this.#exiting = true;
    const error = new WorkerDiedError(
      reason,
      cause === undefined ? {} : { cause },
    );
    this.#thread.sendNode({
      type: "thread_exiting",
      reason: this.#thread.codec.encodeError(error),
    });
    this.#thread.flush();
  }

  #run(): void {
    if (this.#exiting) return;
    this.#executor.begin();
    this.#executor.results.collect();
    this.#output.turnEnded();
    this.#garbage.turned();
  }

  /** The driver ends: what is held back would be lost. */
  #giveOutput(): void {
    this.#capture.flush();
    this.#thread.owner.references.reportAllUnseen();
    this.#output.send();
    this.#thread.sendNodeNow({ type: "output_given" });
  }

  async #giveMemory(isCollected: boolean): Promise<void> {
    const { owner, holds } = this.#thread;
    if (isCollected) await this.#platform.collectGarbage();
    const usedBytes = this.#platform.threadMemoryBytes();
    this.#thread.sendNodeNow({
      type: "memory_given",
      isCollected,
      isNeeded: owner.references.lentCount + holds.count + owner.taskCount > 0,
      ...(usedBytes === undefined ? {} : { usedBytes }),
    });
  }

  #sendEvents(): void {
    if (this.#events.isEmpty) return;
    const events = this.#events.take();
    this.#thread.sendNode({ type: "task_events", events });
  }

  /** Sends what has ended; gives what has not. */
  #tellTasks(): RunningTask[] {
    this.#sendEvents();
    const runs = this.#executor.runs().slice(0, STATE_OPEN_TASKS_MAX);
    return runs.map((run) => {
      const { name, actorId } = run.template.spec;
      return {
        ...{ owner: run.owner.id, number: run.number, attempt: run.attempt },
        name: name.slice(0, STATE_NAME_CHARACTERS_MAX),
        startedAtMs: run.startedAtMs + performance.timeOrigin,
        ...(actorId ? { actorId } : {}),
      };
    });
  }

  // -- Messages of the node --------------------------------------------------

  #fromNode(message: FromNode): void {
    switch (message.type) {
      case "actor_start":
        constructActor(message, this.#executor, this.#executorPorts());
        break;
      case "actor_retire":
        this.#executor.retireActor(message.actorId);
        break;
      case "actor_stop":
        this.#executor.dropActor(message.actorId);
        break;
      case "lease_over":
        this.#executor.leaseOver(
          message.leaseId,
          this.#thread.codec.decodeError(message.error),
        );
        break;
      case "lease_unanswered":
        this.#executor.leaseUnanswered(message.leaseId);
        break;
      case "memory_wanted":
        void this.#giveMemory(message.collect);
        break;
      case "output_wanted":
        this.#giveOutput();
        break;
      case "worker_ended":
        this.#executor.ownerEnded(message.workerId);
        break;
    }
  }

  // -- What the executor needs -----------------------------------------------

  #executorPorts(): ExecutorPorts {
    const thread = this.#thread;
    const { references } = thread.owner;
    return {
      workerId: this.#start.identity.workerId,
      send: (owner, message) => {
        if (!this.#exiting) thread.send(owner, message);
      },
      claim: (owner, claim) =>
        thread.linkFrom(owner)?.taken?.start(claim) ?? false,
      revoke: (owner, claim) =>
        thread.linkFrom(owner)?.taken?.revoke(claim) ?? false,
      flush: () => thread.schedule(),
      flushNow: () => {
        this.#output.send();
        thread.flush();
      },
      poll: () => thread.poll(),
      codec: thread.codec,
      store: this.#executorStore(),
      node: {
        blockLease: (leaseId, why) =>
          thread.sendNode({ type: "lease_block", leaseId, ...why }),
        unblockLease: (leaseId) =>
          thread.sendNode({ type: "lease_unblock", leaseId }),
        leaveLease: (leaseId) =>
          thread.sendNode({ type: "lease_left", leaseId }),
        actorConstructed: ({ actorId, incarnation }) =>
          thread.sendNode({ type: "actor_constructed", actorId, incarnation }),
        actorConstructionFailed: ({ actorId, incarnation }, error) =>
          thread.sendNode({
            type: "actor_construction_failed",
            actorId,
            incarnation,
            error,
          }),
        actorExited: ({ actorId, incarnation }) =>
          thread.sendNode({ type: "actor_exited", actorId, incarnation }),
      },
      loadCode: (code, environment) => this.#loadCode(code, environment),
      runAs: (run, work) => {
        this.#limits?.begins(run.slot.actor ?? run.template.spec);
        return runWithin({ run, actor: run.slot.actor }, work);
      },
      constructAs: (actor, work) => {
        this.#limits?.begins(actor);
        return runWithin({ run: undefined, actor }, work);
      },
      whenAcknowledged: (callback) => references.whenAcknowledged(callback),
      allAcknowledged: () => references.allAcknowledged,
      pin: (contained) => references.pin(contained),
      unpin: (contained) => references.unpin(contained),
      cancelChildren: (run) => thread.owner.cancelChildren(run),
      taskError: ({ template }, error) =>
        this.#taskError(template.spec.name, error),
      actorError: ({ className }, error) =>
        this.#taskError(`The constructor of ${className}`, error),
      ended: (run, error) => this.#ended(run, error),
      nowMs: () => performance.now(),
    };
  }

  async #loadCode(
    code: WireCode,
    environment: WireEnvironment | undefined,
  ): Promise<unknown> {
    const path = await this.#placeOf(code);
    return await this.#environments.load(
      code,
      environment,
      () => loadCode(code, path),
    );
  }

  /** What another process says of the place of code is not asked. */
  async #placeOf({ hash, path }: WireCode): Promise<string> {
    if (this.#start.codeFolder === undefined) return path;
    const kept = bundlePath(hash);
    if (!existsSync(kept)) {
      // It was sent to another node.
      const error = await this.#thread.control.bundle(hash);
      if (error) throw decodeError(error);
    }
    return await placedBundle(kept);
  }

  #executorStore(): ExecutorPorts["store"] {
    const thread = this.#thread;
    return {
      write: (owner, number, encoded) =>
        thread.writeObject(owner, number, encoded),
      open: (owner, number) => thread.openObject(owner, number),
      again: (value, why, run) =>
        thread.reading.again(value, why, this.#scopeOf(run)),
    };
  }

  /** Wraps what user code threw; errors of Manta's are told as they are. */
  #taskError(taskName: string, error: unknown): MantaError {
    if (error instanceof MantaError) return error;
    const { nodeId, workerId } = this.#start.identity;
    const text = typeof error === "string" ? error : describeThrown(error);
    return new TaskError(
      `${taskName} failed on node ${nodeId} in thread ${workerId}: ${text}`,
      { cause: error, details: { taskName, nodeId, workerId } },
    );
  }

  #ended(run: TaskRun, error: WireError | undefined): void {
    if (!this.#capture.isEmpty) {
      // What it printed without an end of line is its own.
      runWithin({ run, actor: run.slot.actor }, () => this.#capture.flush());
    }
    this.#events.add({
      owner: run.owner.id,
      number: run.number,
      attempt: run.attempt,
      template: run.template.spec,
      startedAtMs: run.startedAtMs + performance.timeOrigin,
      endedAtMs: performance.now() + performance.timeOrigin,
      error,
    });
    if (this.#events.isFull) this.#sendEvents();
  }

  // -- What user code's calls need -------------------------------------------

  #caller(): CallerContext {
    return {
      scope: () => this.#scope(),
      parentTask: () => currentRun()?.run,
      inherited: () => inheritance(currentRun()),
      context: () => this.#context(),
      exitActor: () => {
        if (!currentRun()?.actor) {
          throw new Error(
            "Cannot exit: this is no actor. Return from the task instead",
          );
        }
        throw new RunAbandoned("The actor ended by exitActor()");
      },
      end: () => Promise.resolve(),
    };
  }

  #scope(): WaitScope {
    return this.#scopeOf(currentRun()?.run);
  }

  #scopeOf(run: TaskRun | undefined): WaitScope {
    const thread = this.#thread;
    if (!run) return thread.waitScope;
    const executor = this.#executor;
    return {
      before: (isSettled) => thread.watch(isSettled),
      begin: () => executor.waitBegun(run),
      end: () => executor.waitEnded(run),
      get signal() {
        return run.signal;
      },
    };
  }

  #context(): RuntimeContext {
    const { identity } = this.#start;
    const context = currentRun();
    const run = context?.run;
    const actor = context?.actor;
    const gpuIds = actor ? actor.gpuIds : run?.slot.gpuIds;
    const resources = run?.slot.actor?.resources ?? actor?.resources ??
      run?.template.spec.resources ?? {};
    return {
      jobId: identity.jobId,
      nodeId: identity.nodeId,
      workerId: identity.workerId,
      ...(run ? { taskId: taskIdText(run.owner.id, run.number) } : {}),
      ...(actor ? { actorId: actor.actorId } : {}),
      ...(actor?.name === undefined ? {} : { actorName: actor.name }),
      namespace: identity.namespace,
      assignedResources: resourceAmounts(resources),
      acceleratorIds: gpuIds ? { GPU: gpuIds } : {},
      attempt: run?.attempt ?? 0,
      wasRestarted: (actor?.incarnation ?? 0) > 0,
      signal: run?.signal ?? new AbortController().signal,
    };
  }
}

const NOTHING: Inheritance = { environment: undefined, strategy: undefined };
/** Made once per template, so that it is the same for all of its runs. */
const GROUPS = new WeakMap<WireTemplate, WireStrategy>();

/** What the tasks and actors have that a run starts. */
function inheritance(context: RunContext | undefined): Inheritance {
  if (!context) return NOTHING;
  const { run, actor } = context;
  const spec = run?.template.spec;
  const { environment } = actor ?? spec ?? {};
  const strategy = actor
    ? actor.childStrategy
    : spec?.captureGroup && captured(spec, spec.captureGroup);
  return { environment, strategy };
}

function captured(
  spec: WireTemplate,
  placementGroup: PlacementGroupId,
): WireStrategy {
  let strategy = GROUPS.get(spec);
  if (!strategy) {
    strategy = { placementGroup, captureChildTasks: true };
    GROUPS.set(spec, strategy);
  }
  return strategy;
}
