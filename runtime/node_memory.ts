// Keeps an eye on the memory of a node while threads run: gives readings to
// the policy, asks threads what they hold, and stops those that it chooses.
// Belongs to the wiring of a node.

import type { MemoryListing } from "./api/session_port.ts";
import type { ResolvedSystemConfig } from "./api/system_config.ts";
import { type MantaError, OutOfMemoryError } from "./base/errors.ts";
import type { ActorId, JobId, NodeId, WorkerId } from "./base/ids.ts";
import { MEMORY_IDLE_REFRESHES, MEMORY_THREAD_BYTES } from "./base/limits.ts";
import { fromUnits } from "./base/resources.ts";
import {
  type MemoryAction,
  type MemoryFigure,
  MemoryPolicy,
  type MemoryThread,
  type StopThread,
} from "./observe/memory_policy.ts";
import { memoryBytesOf } from "./platform/machine.ts";
import {
  type MemoryUse,
  newMemoryReader,
  residentBytes,
} from "./platform/memory_reading.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import type { ThreadView, WorkView } from "./scheduler/queries.ts";

/** What the node gives. */
export interface NodeMemoryPorts {
  /** Threads that run user code, and have not ended. */
  threads(): ThreadView[];
  /** Whether an actor would be made again. */
  mayRestart(actorId: ActorId): boolean;
  send(workerId: WorkerId, message: FromNode): void;
  /** Asks every thread of the process to collect its garbage. */
  collectGarbage(): void;
  stopThread(workerId: WorkerId, reason: MantaError): void;
  /** Whether a thread is in a child process, and in which once it runs. */
  childOf(workerId: WorkerId): { readonly pid: number | undefined } | undefined;
  /** Has the scheduler place nothing on a thread any more. */
  forget(threadId: WorkerId): void;
  warn(jobId: JobId, text: string): void;
  /** What was sent is to leave now. */
  flush(): void;
}

/** See the head of the file. */
export class NodeMemory {
  readonly #nodeId: NodeId;
  readonly #settings: ResolvedSystemConfig;
  readonly #ports: NodeMemoryPorts;
  readonly #policy: MemoryPolicy;
  readonly #figures = new Map<WorkerId, MemoryFigure>();
  #readUse: (() => MemoryUse) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stoppedCount = 0;

  constructor(
    nodeId: NodeId,
    settings: ResolvedSystemConfig,
    ports: NodeMemoryPorts,
  ) {
    this.#nodeId = nodeId;
    this.#settings = settings;
    this.#ports = ports;
    this.#policy = new MemoryPolicy(settings.memoryUsageThreshold);
  }

  /** A thread starts: from now on there is something to stop. */
  threadStarted(): void {
    const { memoryMonitorRefreshMs: refreshMs } = this.#settings;
    if (refreshMs === 0) return;
    this.#timer ??= setTimeout(() => this.#look(), refreshMs);
  }

  threadEnded(workerId: WorkerId): void {
    this.#figures.delete(workerId);
  }

  /** A thread has said what it holds. */
  given(workerId: WorkerId, figure: Partial<MemoryFigure>): void {
    const { usedBytes, isCollected = false, isNeeded = true } = figure;
    this.#figures.set(workerId, { usedBytes, isCollected, isNeeded });
  }

  listing(): MemoryListing {
    const use = this.#use(this.#ports.threads());
    return { ...use, stoppedThreads: this.#stoppedCount };
  }

  #use(views: readonly ThreadView[]): MemoryUse {
    const { memoryLimitBytes: limitBytes } = this.#settings;
    if (limitBytes === undefined) {
      return (this.#readUse ??= newMemoryReader())();
    }
    // A limit on this process is one on its children, too.
    let usedBytes = residentBytes();
    for (const { threadId } of views) {
      usedBytes += this.#childBytes(threadId) ?? 0;
    }
    return { usedBytes, limitBytes };
  }

  /** What a thread's own process holds, without memory that it shares. */
  #childBytes(threadId: WorkerId): number | undefined {
    const pid = this.#ports.childOf(threadId)?.pid;
    return pid === undefined ? undefined : memoryBytesOf(pid);
  }

  /** A child is seen from outside: no busy one can be asked. */
  #figureOf(threadId: WorkerId): MemoryFigure | undefined {
    const given = this.#figures.get(threadId);
    if (!this.#ports.childOf(threadId)) return given;
    const usedBytes = this.#childBytes(threadId);
    return { isCollected: false, isNeeded: true, ...given, usedBytes };
  }

  #look(): void {
    const views = this.#ports.threads();
    this.#timer = undefined;
    if (views.length === 0) return;
    // There is little to stop while nothing runs.
    const isIdle = views.every(({ works }) => works.length === 0);
    const refreshMs = this.#settings.memoryMonitorRefreshMs;
    const delayMs = refreshMs * (isIdle ? MEMORY_IDLE_REFRESHES : 1);
    this.#timer = setTimeout(() => this.#look(), delayMs);
    const use = this.#use(views);
    const actions = this.#policy.handle({
      type: "memory_read",
      nowMs: performance.now(),
      ...use,
      threads: views.map((view) => this.#thread(view)),
    });
    for (const action of actions) this.#perform(action, views, use);
    if (actions.length > 0) this.#ports.flush();
  }

  #thread({ threadId, works }: ThreadView): MemoryThread {
    const latest = works.reduce<WorkView | undefined>(
      (last, work) => last && last.order > work.order ? last : work,
      undefined,
    );
    return {
      threadId,
      owner: latest?.owner,
      order: latest?.order ?? 0,
      isRetriable: works.every(({ actorId, isOnce }) =>
        actorId ? this.#ports.mayRestart(actorId) : !isOnce
      ),
      // What runs in a child is kept to its `memory` there.
      limitBytes: this.#ports.childOf(threadId) ? undefined : limitOf(works),
      figure: this.#figureOf(threadId),
    };
  }

  #perform(
    action: MemoryAction,
    views: readonly ThreadView[],
    use: MemoryUse,
  ): void {
    switch (action.type) {
      case "collect_all":
        this.#ports.collectGarbage();
        for (const { threadId } of views) this.#ask(threadId, true);
        return;
      case "ask_thread":
        return this.#ask(action.threadId, action.collect);
      case "stop_thread": {
        const view = views.find(({ threadId }) =>
          threadId === action.threadId
        )!;
        return this.#stop(action, view, use);
      }
    }
  }

  #ask(threadId: WorkerId, collect: boolean): void {
    this.#ports.send(threadId, { type: "memory_wanted", collect });
  }

  #stop(action: StopThread, view: ThreadView, use: MemoryUse): void {
    const { threadId, reason, mayRetry } = action;
    const threadBytes = this.#figureOf(threadId)?.usedBytes;
    const what = this.#ports.childOf(threadId) ? "process" : "thread";
    const held = threadBytes === undefined
      ? ""
      : `, of which the ${what} had ${gib(threadBytes)}`;
    const limitBytes = limitOf(view.works) ?? 0;
    const used = `${gib(use.usedBytes)} of ${gib(use.limitBytes)}`;
    const text = reason === "limit"
      ? `its ${what} was stopped, as it held ${gib(threadBytes ?? 0)}, more ` +
        `than the ${gib(limitBytes - MEMORY_THREAD_BYTES)} of its option ` +
        "`memory`. Raise it, or hold less at a time"
      : `its ${what} was stopped, as node ${this.#nodeId} used ${used} of ` +
        `memory, above ${
          Math.round(this.#settings.memoryUsageThreshold * 100)
        } %${held}. ` +
        "Hold less at a time, or give such tasks the option `memory`, so " +
        "that fewer run at once";
    const details = { nodeId: this.#nodeId, ...use, threadBytes, mayRetry };
    // Nothing must be placed on a thread that is on its way out.
    if (reason === "idle") this.#ports.forget(threadId);
    this.#ports.stopThread(threadId, new OutOfMemoryError(text, { details }));
    if (reason === "idle") return;
    this.#stoppedCount++;
    this.#ports.warn(
      view.jobId,
      `Thread ${threadId} was stopped for lack of memory: ${used} are used` +
        held,
    );
  }
}

/** What works may hold together; nothing unless all have said. */
function limitOf(works: readonly WorkView[]): number | undefined {
  let sum = MEMORY_THREAD_BYTES;
  for (const { resources } of works) {
    const units = resources["memory"];
    if (!units) return undefined;
    sum += fromUnits(units);
  }
  return works.length > 0 ? sum : undefined;
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
