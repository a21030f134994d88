// The world around a scheduler, by the throw of seeded dice: owners with
// nested tasks, threads that come up late, fail and crash, actors, groups,
// and events that are told twice. Every step checks what must hold.

import type { JobId, LeaseId, WorkerId } from "../../runtime/base/ids.ts";
import type {
  GrantLease,
  RevokeLease,
  SchedulerAction,
} from "../../runtime/scheduler/messages.ts";
import { assert } from "../support/harness.ts";
import {
  actorEvent,
  type Amounts,
  demandEvent,
  type DemandWords,
  DrivenScheduler,
  groupEvent,
  type PlainEvent,
} from "../unit/scheduler/scheduler_fixture.ts";
import type { Dice } from "./dice.ts";

/** What one step takes of the simulated clock. */
const STEP_MS = 50;
const DEPTH_MAX = 8;

interface SimTask {
  readonly owner: SimOwner;
  readonly shape: DemandWords;
  readonly key: string;
  readonly depth: number;
  readonly parent: SimTask | undefined;
  lease: SimLease | undefined;
  missingChildren: number;
  hasNested: boolean;
  over: boolean;
}

interface SimOwner {
  readonly id: WorkerId;
  readonly jobId: JobId;
  readonly queued: Map<string, SimTask[]>;
  readonly running: Set<SimTask>;
  alive: boolean;
}

interface SimLease {
  readonly id: LeaseId;
  readonly owner: SimOwner;
  readonly threadId: WorkerId;
  task: SimTask | undefined;
  isReclaimed: boolean;
}

/** Demands that a task may make while it holds what it has. */
const NESTED_SHAPES: readonly Amounts[] = [{ CPU: 1 }, { CPU: 0.3 }, {}];
const SHAPES: readonly Amounts[] = [
  ...NESTED_SHAPES,
  { CPU: 2 },
  { CPU: 4 },
  { CPU: 1, custom: 1 },
  { custom: 0.4 },
];

/** Runs a scheduler in a world of its own. */
export class SchedulerWorld {
  readonly node = new DrivenScheduler({ CPU: 4, custom: 2 });
  readonly #dice: Dice;
  readonly #owners = new Map<WorkerId, SimOwner>();
  readonly #leases = new Map<LeaseId, SimLease>();
  readonly #starting = new Set<WorkerId>();
  readonly #running = new Set<WorkerId>();
  /** Whose code each thread runs. */
  readonly #jobOf = new Map<WorkerId, JobId>();
  readonly #endedJobs = new Set<JobId>();
  readonly #actors = new Set<string>();
  readonly #groups = new Map<string, "asked" | "created">();
  readonly #told: PlainEvent[] = [];
  #nowMs = 0;
  #count = 0;
  #calm = false;

  constructor(dice: Dice) {
    this.#dice = dice;
    for (let index = 0; index < 3; index++) this.#addDriver();
  }

  /** Tasks that are not over. */
  get taskCount(): number {
    let count = 0;
    for (const owner of this.#owners.values()) {
      for (const tasks of owner.queued.values()) count += tasks.length;
      count += owner.running.size;
    }
    return count;
  }

  /** One step with new work and faults. */
  step(): void {
    const dice = this.#dice;
    if (dice.chance(0.3)) this.#submitSome();
    if (dice.chance(0.1)) this.#requestActor();
    if (dice.chance(0.05)) this.#requestGroup();
    if (dice.chance(0.03)) this.#crashThread();
    if (dice.chance(0.01)) this.#endDriver();
    if (dice.chance(0.05)) this.#repeatOldEvent();
    this.#goOn();
  }

  /** One step without; actors and groups end one by one. */
  calmStep(): void {
    this.#calm = true;
    this.#goOn();
    if (this.#dice.chance(0.3)) this.#endSomeActor();
    if (this.#dice.chance(0.3)) this.#removeSomeGroup();
  }

  /** Ends what is still there when all tasks are over. */
  clear(): void {
    while (this.#actors.size > 0) this.#endSomeActor();
    while (this.#groups.size > 0) this.#removeSomeGroup();
  }

  /** Threads of jobs whose drivers are gone. */
  get orphans(): WorkerId[] {
    return [...this.#running, ...this.#starting].filter((id) =>
      this.#endedJobs.has(this.#jobOf.get(id)!)
    );
  }

  #goOn(): void {
    this.#nowMs += STEP_MS;
    for (const id of [...this.#starting]) {
      if (this.#dice.chance(0.5)) this.#threadComesUp(id);
    }
    for (const lease of [...this.#leases.values()]) {
      if (this.#dice.chance(0.4)) this.#work(lease);
    }
    if (this.#dice.chance(0.1)) this.#endSomeActor();
    if (this.#dice.chance(0.05)) this.#removeSomeGroup();
    this.#tell({ type: "clock_ticked", nowMs: this.#nowMs });
  }

  /** Tells the scheduler, sometimes twice, and does what it says. */
  #tell(event: PlainEvent): void {
    const actions = this.node.send(event);
    if (isAboutSomethingGone(event)) this.#told.push(event);
    if (this.#dice.chance(0.2)) {
      const again = this.node.send(event).filter((a) => !mayRepeat(a));
      const types = again.map((action) => action.type).join(", ");
      assert(types === "", `A repeated ${event.type} led to ${types}`);
    }
    for (const action of actions) this.#perform(action);
  }

  #repeatOldEvent(): void {
    if (this.#told.length > 0) this.#tell(this.#dice.pick(this.#told));
  }

  #perform(action: SchedulerAction): void {
    switch (action.type) {
      case "start_thread":
        this.#starting.add(action.threadId);
        this.#jobOf.set(action.threadId, action.jobId);
        return;
      case "stop_thread":
        this.#endThread(action.threadId);
        return;
      case "grant_lease":
        return this.#takeGrant(action);
      case "reclaim_lease": {
        const lease = this.#leases.get(action.leaseId);
        assert(lease?.owner.id === action.owner, "Reclaimed a strange lease");
        lease.isReclaimed = true;
        return;
      }
      case "revoke_lease":
        return this.#loseLease(action);
      case "place_actor":
        assert(this.#running.has(action.threadId), "Actor on a dead thread");
        return;
      case "fail_actor":
        this.#actors.delete(action.actorId);
        return;
      case "fail_demand": {
        const owner = this.#owners.get(action.owner);
        for (const task of owner?.queued.get(action.classKey) ?? []) {
          this.#finish(task);
        }
        owner?.queued.delete(action.classKey);
        return;
      }
      case "confirm_group":
        if (this.#groups.has(action.groupId)) {
          this.#groups.set(action.groupId, "created");
        }
        return;
      case "warn_infeasible":
        return;
    }
  }

  #takeGrant(action: GrantLease): void {
    const owner = this.#owners.get(action.owner);
    assert(owner?.alive, "A lease for a dead owner");
    assert(this.#running.has(action.threadId), "A lease on a dead thread");
    const jobId = this.#jobOf.get(action.threadId);
    assert(jobId === owner.jobId, "A lease on a thread of another job");
    const lease: SimLease = {
      id: action.leaseId,
      owner,
      threadId: action.threadId,
      task: undefined,
      isReclaimed: false,
    };
    this.#leases.set(lease.id, lease);
    this.#next(lease, action.classKey);
  }

  /** Runs the owner's next task on the lease, or returns the lease. */
  #next(lease: SimLease, key: string): void {
    const { owner } = lease;
    const task = owner.queued.get(key)?.[0];
    if (task && !lease.isReclaimed) {
      owner.queued.get(key)!.shift();
      owner.running.add(task);
      lease.task = task;
      task.lease = lease;
      return;
    }
    this.#leases.delete(lease.id);
    this.#tell({ type: "lease_returned", leaseId: lease.id });
  }

  /** What is on the lease ends, or asks for nested tasks and waits. */
  #work(lease: SimLease): void {
    const { task } = lease;
    if (!task || !this.#leases.has(lease.id) || task.missingChildren > 0) {
      return;
    }
    if (!task.hasNested && task.depth < DEPTH_MAX && this.#dice.chance(0.4)) {
      return this.#nest(lease, task);
    }
    const { shape, owner, key } = task;
    lease.task = undefined;
    this.#finish(task);
    if (!owner.alive) return;
    this.#tellDemand(owner, key, shape);
    if (this.#leases.has(lease.id)) this.#next(lease, key);
  }

  #nest(lease: SimLease, task: SimTask): void {
    task.hasNested = true;
    const owner = this.#ownerOf(lease.threadId);
    const shape = {
      count: 0,
      needs: this.#dice.pick(NESTED_SHAPES),
      isTimed: this.#dice.chance(0.2),
    };
    const children = 1 + this.#dice.below(task.depth < 3 ? 3 : 1);
    task.missingChildren = children;
    const waitsFirst = this.#dice.chance(0.5);
    if (waitsFirst) {
      this.#tell({ type: "lease_blocked", leaseId: lease.id });
    }
    for (let index = 0; index < children; index++) {
      this.#addTask(owner, shape, task);
    }
    if (!waitsFirst && this.#leases.has(lease.id)) {
      this.#tell({ type: "lease_blocked", leaseId: lease.id });
    }
  }

  #finish(task: SimTask): void {
    if (task.over) return;
    task.over = true;
    task.owner.running.delete(task);
    const { parent } = task;
    if (!parent || parent.over) return;
    parent.missingChildren -= 1;
    if (parent.missingChildren > 0 || !parent.lease) return;
    this.#tell({ type: "lease_unblocked", leaseId: parent.lease.id });
  }

  #loseLease({ leaseId, reason }: RevokeLease): void {
    const lease = this.#leases.get(leaseId);
    this.#leases.delete(leaseId);
    const task = lease?.task;
    if (!lease || !task) return;
    if (reason === "thread_ended" && lease.owner.alive) {
      task.over = true;
      task.owner.running.delete(task);
      this.#queue({ ...task, over: false, lease: undefined });
      return;
    }
    this.#finish(task);
  }

  #submitSome(): void {
    const groups = [...this.#groups.keys()];
    const shape: DemandWords = groups.length > 0 && this.#dice.chance(0.3)
      ? this.#groupShape(this.#dice.pick(groups))
      : { count: 0, needs: this.#dice.pick(SHAPES) };
    const owner = this.#someDriver();
    const count = 1 + this.#dice.below(6);
    for (let index = 0; index < count; index++) {
      this.#addTask(owner, shape, undefined);
    }
  }

  #groupShape(group: string): DemandWords {
    const placementGroup = group as never;
    const needs = { CPU: this.#dice.pick([0.25, 0.5]) };
    const strategy = this.#dice.chance(0.5)
      ? { placementGroup, bundleIndex: this.#dice.below(2) }
      : { placementGroup };
    return { count: 0, needs, strategy };
  }

  #addTask(
    owner: SimOwner,
    shape: DemandWords,
    parent: SimTask | undefined,
  ): void {
    const event = demandEvent(owner.id, { ...shape, jobId: owner.jobId });
    assert(event.type === "demand_changed");
    this.#queue({
      owner,
      shape,
      key: event.classKey,
      depth: parent ? parent.depth + 1 : 0,
      parent,
      lease: undefined,
      missingChildren: 0,
      hasNested: false,
      over: false,
    });
    this.#tellDemand(owner, event.classKey, shape);
  }

  #queue(task: SimTask): void {
    task.missingChildren = 0;
    task.hasNested = false;
    const tasks = task.owner.queued.get(task.key) ?? [];
    tasks.push(task);
    task.owner.queued.set(task.key, tasks);
  }

  #tellDemand(owner: SimOwner, key: string, shape: DemandWords): void {
    if (!owner.alive) return;
    const queued = owner.queued.get(key) ?? [];
    const running = [...owner.running].filter((task) => task.key === key);
    const depth = queued[0]?.depth ?? 0;
    const count = queued.length + running.length;
    const { jobId } = owner;
    this.#tell(demandEvent(owner.id, { ...shape, jobId, count, depth }));
  }

  #ownerOf(id: WorkerId): SimOwner {
    let owner = this.#owners.get(id);
    if (!owner) {
      owner = {
        id,
        jobId: this.#jobOf.get(id)!,
        queued: new Map(),
        running: new Set(),
        alive: true,
      };
      this.#owners.set(id, owner);
    }
    return owner;
  }

  #someDriver(): SimOwner {
    const drivers = [...this.#owners.values()].filter((owner) =>
      owner.id.startsWith("w-d")
    );
    return this.#dice.pick(drivers);
  }

  #addDriver(): void {
    const number = this.#count++;
    const id = `w-d${number}` as WorkerId;
    this.#jobOf.set(id, `j-${number}` as JobId);
    this.#ownerOf(id);
  }

  #endDriver(): void {
    const owner = this.#someDriver();
    const { id, jobId } = owner;
    this.#addDriver();
    this.#dropOwner(id);
    this.#endedJobs.add(jobId);
    this.#tell({ type: "owner_ended", owner: id });
    this.#tell({ type: "job_ended", jobId });
  }

  #dropOwner(id: WorkerId): void {
    const owner = this.#owners.get(id);
    this.#owners.delete(id);
    if (!owner) return;
    owner.alive = false;
    for (const task of owner.running) task.over = true;
    for (const tasks of owner.queued.values()) {
      for (const task of tasks) task.over = true;
    }
  }

  #threadComesUp(threadId: WorkerId): void {
    this.#starting.delete(threadId);
    if (!this.#calm && this.#dice.chance(0.1)) {
      this.#tell({ type: "thread_failed_to_start", threadId });
      return;
    }
    this.#running.add(threadId);
    this.#tell({ type: "thread_started", threadId });
  }

  #crashThread(): void {
    const threads = [...this.#running, ...this.#starting];
    if (threads.length > 0) this.#endThread(this.#dice.pick(threads));
  }

  #endThread(threadId: WorkerId): void {
    const known = this.#running.delete(threadId) ||
      this.#starting.delete(threadId);
    if (!known) return;
    this.#dropOwner(threadId);
    this.#tell({ type: "thread_ended", threadId });
  }

  #requestActor(): void {
    const id = `a-${this.#count++}`;
    this.#actors.add(id);
    const held = this.#dice.pick([{}, { CPU: 0.5 }, { custom: 0.5 }]);
    const isolation = this.#dice.pick(["thread", "shared", "process"] as const);
    const { jobId } = this.#someDriver();
    this.#tell(actorEvent(id, { held, isolation, jobId }));
  }

  #endSomeActor(): void {
    if (this.#actors.size === 0) return;
    const id = this.#dice.pick([...this.#actors]);
    this.#actors.delete(id);
    this.#tell({ type: "actor_ended", actorId: id as never });
  }

  #requestGroup(): void {
    const id = `p-${this.#count++}`;
    this.#groups.set(id, "asked");
    const bundles = this.#dice.pick([[{ CPU: 1 }, { CPU: 0.5 }], [{ CPU: 1 }]]);
    const strategy = this.#dice.pick(["pack", "strictSpread"] as const);
    this.#tell(groupEvent(id, bundles, strategy));
  }

  #removeSomeGroup(): void {
    if (this.#groups.size === 0) return;
    const id = this.#dice.pick([...this.#groups.keys()]);
    this.#groups.delete(id);
    this.#tell({ type: "group_removed", groupId: id as never });
  }
}

/** Late copies of these must change nothing. */
function isAboutSomethingGone({ type }: PlainEvent): boolean {
  return type === "lease_returned" || type === "owner_ended" ||
    type === "thread_ended" || type === "group_removed" ||
    type === "actor_ended";
}

/** The same request is refused again, the same lease asked back again. */
function mayRepeat(action: SchedulerAction): boolean {
  return action.type === "fail_demand" || action.type === "reclaim_lease";
}
