// The node's threads and the room on each: which one takes the next lease or
// shared actor. A child process counts as a thread that nobody shares. It
// starts and stops nothing itself, and knows no resources but the CPU that the
// leases of a thread use of it.

import type { JobId, WorkerId } from "../base/ids.ts";
import {
  CHILDREN_MAX,
  CHILDREN_WITHOUT_CPU_MAX,
  LEASES_PER_THREAD_MAX,
  SHARED_ACTORS_PER_THREAD_MAX,
  THREADS_MAX,
  WAITING_THREADS_MAX,
} from "../base/limits.ts";
import { RESOURCE_UNIT } from "../base/resources.ts";
import type { Isolation } from "./messages.ts";
import type {
  LeaseRecord,
  Room,
  ThreadRecord,
  ThreadState,
} from "./records.ts";

const ROOMS: readonly Room[] = ["free", "reusable", "open", "packed", "whole"];

type Rooms = Readonly<Record<Room, Set<ThreadRecord>>>;

/** Threads of one job and one isolation, by what they can take. */
interface ThreadPool {
  readonly running: Rooms;
  readonly starting: Rooms;
}

/** The threads of one job; those in its own process, and its children. */
interface JobThreads extends Readonly<Record<Isolation, ThreadPool>> {
  /** Those for shared actors. */
  readonly shared: Set<ThreadRecord>;
  count: number;
}

/** What a lease needs of a thread. */
export interface ThreadAsk {
  /** Whose code it runs; no thread runs that of another job. */
  readonly jobId: JobId;
  readonly isolation: Isolation;
  readonly cpuUnits: number;
  /** Its tasks have a time limit, which is kept by the thread that waits. */
  readonly isTimed?: boolean | undefined;
  /** Who submits its tasks, and maybe waits for them. */
  readonly owner?: WorkerId;
  /** Where the owner's last lease was: the code is loaded there. */
  readonly preferred?: ThreadRecord | undefined;
}

/** All threads of the node, and where there is room. */
export class ThreadTable {
  readonly #threads = new Map<WorkerId, ThreadRecord>();
  readonly #jobs = new Map<JobId, JobThreads>();
  /** A job's threads for leases that use no CPU; for shared actors. */
  readonly #sharedThreadsMax: number;
  /** Threads whose tasks wait, before they are given to other tasks. */
  readonly #waitingThreadsMax: number;
  #childCount = 0;

  constructor(cpuUnits: number) {
    const cpus = Math.ceil(cpuUnits / RESOURCE_UNIT);
    this.#sharedThreadsMax = Math.max(1, cpus);
    this.#waitingThreadsMax = Math.max(WAITING_THREADS_MAX, cpus);
  }

  get size(): number {
    return this.#threads.size;
  }

  /** Whether the bound on threads allows one more. */
  get canGrow(): boolean {
    return this.#threads.size < THREADS_MAX;
  }

  /** The same for a thread or a child process. */
  canGrowBy(isolation: Isolation): boolean {
    return this.canGrow &&
      (isolation === "thread" || this.#childCount < CHILDREN_MAX);
  }

  all(): Iterable<ThreadRecord> {
    return this.#threads.values();
  }

  get(id: WorkerId): ThreadRecord | undefined {
    return this.#threads.get(id);
  }

  /** Adds a thread that is being started. */
  add(
    id: WorkerId,
    { kind, isolation, jobId }: Pick<
      ThreadRecord,
      "kind" | "isolation" | "jobId"
    >,
  ): ThreadRecord {
    const thread: ThreadRecord = {
      id,
      kind,
      isolation,
      jobId,
      state: "starting",
      leases: new Set(),
      activeCount: 0,
      wholeCount: 0,
      activeCpuUnits: 0,
      room: undefined,
      actors: new Set(),
    };
    this.#threads.set(id, thread);
    const job = this.#jobs.get(jobId) ?? newJobThreads();
    this.#jobs.set(jobId, job);
    job.count++;
    if (isolation === "process") this.#childCount++;
    if (kind === "shared") job.shared.add(thread);
    this.#index(thread);
    return thread;
  }

  /** Changes the state; an ended thread is forgotten. */
  setState(thread: ThreadRecord, state: ThreadState): void {
    this.#unindex(thread);
    thread.state = state;
    const job = this.#jobs.get(thread.jobId)!;
    if (state === "ended" || state === "stopping") job.shared.delete(thread);
    this.#index(thread);
    if (state !== "ended") return;
    this.#threads.delete(thread.id);
    if (thread.isolation === "process") this.#childCount--;
    if (--job.count === 0) this.#jobs.delete(thread.jobId);
  }

  /** Puts a lease on the thread, not blocked. */
  attach(thread: ThreadRecord, lease: LeaseRecord): void {
    thread.leases.add(lease);
    this.occupy(thread, lease);
  }

  /** Takes a lease off; `occupied` says whether it was not blocked. */
  detach(thread: ThreadRecord, lease: LeaseRecord, occupied: boolean): void {
    thread.leases.delete(lease);
    if (occupied) this.vacate(thread, lease);
    else this.#reindex(thread);
  }

  /** The lease's task uses the thread's CPU (again). */
  occupy(thread: ThreadRecord, lease: LeaseRecord): void {
    this.#count(thread, lease, 1);
  }

  /** The lease's task waits, and the thread has room for others. */
  vacate(thread: ThreadRecord, lease: LeaseRecord): void {
    this.#count(thread, lease, -1);
  }

  /** A thread with room on which nobody waits, and which runs. */
  findRunning(ask: ThreadAsk): ThreadRecord | undefined {
    const pool = this.#poolOf(ask);
    return this.#findIdle(pool, pool.running, ask);
  }

  /**
   * A thread with room, running or starting, or whether to start one. A
   * thread whose tasks wait is the last resort: a task that computes there
   * keeps those that wait from their timers. But there always is one once
   * none may be started for that reason, so that nested tasks go on.
   */
  find(ask: ThreadAsk, mayStart: boolean): ThreadRecord | "start" | undefined {
    const pool = this.#poolOf(ask);
    const idle = this.#findIdle(pool, pool.running, ask) ??
      this.#findIdle(pool, pool.starting, ask);
    if (idle) return idle;
    const { isolation, cpuUnits, isTimed, owner } = ask;
    const { reusable } = pool.running;
    // Leases that use no CPU are bounded by nothing else.
    const mayTakeThread = cpuUnits > 0 || !this.#mayNotShareMore(pool, ask);
    // What waits in a child is not to die with what runs there meanwhile.
    const mayAdd = isTimed || isolation === "process" ||
      reusable.size <= this.#waitingThreadsMax;
    const canGrow = mayStart && this.canGrowBy(isolation);
    if (mayTakeThread && canGrow && mayAdd) return "start";
    const own = owner && this.#threads.get(owner);
    if (own && isolation === "thread" && isOpenFor(own, cpuUnits)) return own;
    return mayTakeThread ? otherThan(reusable, own) : undefined;
  }

  /** The shared thread for the next light actor, or whether to start one. */
  findShared(jobId: JobId): ThreadRecord | "start" | undefined {
    const { shared } = this.#jobs.get(jobId) ?? NO_THREADS;
    let least: ThreadRecord | undefined;
    for (const thread of shared) {
      if (!least || thread.actors.size < least.actors.size) least = thread;
    }
    if (least?.actors.size === 0) return least;
    if (shared.size < this.#sharedThreadsMax && this.canGrow) {
      return "start";
    }
    if (!least || least.actors.size >= SHARED_ACTORS_PER_THREAD_MAX) {
      return undefined;
    }
    return least;
  }

  /** The threads of a job on which nothing is, running or starting. */
  *idleOf(jobId: JobId): Iterable<ThreadRecord> {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    for (const { running, starting } of [job.thread, job.process]) {
      yield* [...running.free, ...starting.free];
    }
    for (const thread of [...job.shared]) {
      if (thread.actors.size === 0) yield thread;
    }
  }

  /** A thread on which nothing is, of any job. */
  anyIdle(): ThreadRecord | undefined {
    for (const { thread, process } of this.#jobs.values()) {
      const idle = firstOf(process.running.free) ??
        firstOf(thread.running.free);
      if (idle) return idle;
    }
    return undefined;
  }

  /** A child process on which nothing is, of any job. */
  anyIdleChild(): ThreadRecord | undefined {
    for (const { process } of this.#jobs.values()) {
      const idle = firstOf(process.running.free);
      if (idle) return idle;
    }
    return undefined;
  }

  /** Names what is wrong with a thread's counts or place, if anything. */
  findFault(thread: ThreadRecord): string | undefined {
    const active = [...thread.leases].filter((l) => l.state !== "blocked");
    const units = active.map((lease) => lease.demand.classRecord.cpuUnits);
    const sum = units.reduce((total, unit) => total + unit, 0);
    const whole = units.filter((unit) => unit >= RESOURCE_UNIT).length;
    if (active.length !== thread.activeCount) return "activeCount is wrong";
    if (sum !== thread.activeCpuUnits) return "activeCpuUnits is wrong";
    if (whole !== thread.wholeCount) return "wholeCount is wrong";
    if (roomOf(thread) !== thread.room) return "room is wrong";
    const { running, starting } = this.#poolOf(thread);
    for (const rooms of [running, starting]) {
      for (const room of ROOMS) {
        const there = rooms === this.#roomsOf(thread) && room === thread.room;
        if (rooms[room].has(thread) !== there) return `index ${room} is wrong`;
      }
    }
    return undefined;
  }

  /** Not the owner's own thread: it may be the one that waits. */
  #findIdle(
    pool: ThreadPool,
    rooms: Rooms,
    ask: ThreadAsk,
  ): ThreadRecord | undefined {
    const { cpuUnits, owner, preferred } = ask;
    if (cpuUnits < RESOURCE_UNIT) {
      for (const thread of rooms.open) {
        if (thread.id !== owner && isOpenFor(thread, cpuUnits)) return thread;
      }
      if (cpuUnits === 0 && this.#mayNotShareMore(pool, ask)) return undefined;
    }
    if (preferred && rooms.free.has(preferred)) return preferred;
    return firstOf(rooms.free);
  }

  #mayNotShareMore(
    { running, starting }: ThreadPool,
    { isolation }: ThreadAsk,
  ): boolean {
    if (isolation === "process") {
      const inUse = running.whole.size + starting.whole.size;
      return inUse >= CHILDREN_WITHOUT_CPU_MAX;
    }
    const sharing = [running, starting].reduce(
      (count, rooms) => count + rooms.open.size + rooms.packed.size,
      0,
    );
    return sharing >= this.#sharedThreadsMax;
  }

  #count(thread: ThreadRecord, lease: LeaseRecord, sign: 1 | -1): void {
    const { cpuUnits } = lease.demand.classRecord;
    thread.activeCount += sign;
    thread.activeCpuUnits += sign * cpuUnits;
    if (cpuUnits >= RESOURCE_UNIT) thread.wholeCount += sign;
    this.#reindex(thread);
  }

  #reindex(thread: ThreadRecord): void {
    if (thread.room === roomOf(thread)) return;
    this.#unindex(thread);
    this.#index(thread);
  }

  #index(thread: ThreadRecord): void {
    thread.room = roomOf(thread);
    if (thread.room) this.#roomsOf(thread)![thread.room].add(thread);
  }

  #unindex(thread: ThreadRecord): void {
    if (thread.room) this.#roomsOf(thread)![thread.room].delete(thread);
    thread.room = undefined;
  }

  #roomsOf(thread: ThreadRecord): Rooms | undefined {
    const pool = this.#poolOf(thread);
    if (thread.state === "running") return pool.running;
    return thread.state === "starting" ? pool.starting : undefined;
  }

  #poolOf(
    { jobId, isolation }: Pick<ThreadRecord, "jobId" | "isolation">,
  ): ThreadPool {
    return (this.#jobs.get(jobId) ?? NO_THREADS)[isolation];
  }
}

function newJobThreads(): JobThreads {
  return {
    thread: { running: newRooms(), starting: newRooms() },
    process: { running: newRooms(), starting: newRooms() },
    shared: new Set(),
    count: 0,
  };
}

function newRooms(): Rooms {
  return {
    free: new Set(),
    reusable: new Set(),
    open: new Set(),
    packed: new Set(),
    whole: new Set(),
  };
}

/** What a job has before its first thread. */
const NO_THREADS: JobThreads = newJobThreads();

function roomOf(thread: ThreadRecord): Room | undefined {
  if (thread.kind !== "task") return undefined;
  if (thread.state !== "running" && thread.state !== "starting") {
    return undefined;
  }
  if (thread.wholeCount > 0) return "whole";
  const isChild = thread.isolation === "process";
  // A crash is to cost one task.
  if (isChild && thread.activeCount > 0) return "whole";
  if (thread.activeCount >= LEASES_PER_THREAD_MAX) return "packed";
  if (thread.activeCount > 0) return "open";
  return thread.leases.size > 0 ? "reusable" : "free";
}

/** Whether the thread has small leases, and room for one more. */
function isOpenFor(thread: ThreadRecord, cpuUnits: number): boolean {
  if (thread.room !== "open" || cpuUnits >= RESOURCE_UNIT) return false;
  return cpuUnits === 0 || thread.activeCpuUnits + cpuUnits <= RESOURCE_UNIT;
}

function firstOf<T>(set: ReadonlySet<T>): T | undefined {
  for (const member of set) return member;
  return undefined;
}

/** A member that is not `last`, unless there is no other. */
function otherThan<T>(set: ReadonlySet<T>, last: T | undefined): T | undefined {
  for (const member of set) if (member !== last) return member;
  return firstOf(set);
}
