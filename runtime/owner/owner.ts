// The owner of what one thread submits and puts: it turns calls into tasks,
// has them run, and settles their refs. Everything outside is reached through
// `OwnerPorts`; nothing here waits, times or sends by itself.

import type { ActorId, LeaseId, WorkerId } from "../base/ids.ts";
import { NumberTable } from "../base/number_table.ts";
import type {
  CancelWanted,
  LeaseBlocked,
  PeerMessage,
  TaskReturned,
} from "../protocol/messages.ts";
import type { OwnedTasks } from "../protocol/thread_tasks.ts";
import type { WireError } from "../protocol/wire_error.ts";
import { ActorChannel } from "./actor_channel.ts";
import { type ActorStateMessage, ChannelBoard } from "./channel_board.ts";
import { LeaseBoard } from "./lease_board.ts";
import { Lease } from "./lease_queue.ts";
import { Losses } from "./losses.ts";
import { LostAttempts } from "./lost_attempts.ts";
import { isOutOfMemory, LostTasks, mayRetry } from "./lost_tasks.ts";
import { freeLostResults } from "./lost_results.ts";
import { type ObjectRef, settleRef } from "./object_ref.ts";
import { openTasks } from "./open_tasks.ts";
import type { Encoded, OwnerPorts } from "./ports.ts";
import { Pushing } from "./pushing.ts";
import { References } from "./references.ts";
import { Stopping } from "./stopping.ts";
import { Storing } from "./storing.ts";
import {
  Submission,
  type SubmitOptions,
  type TakenCall,
} from "./submission.ts";
import { cutOffError, lostCallError } from "./task_errors.ts";
import { TaskResults } from "./task_results.ts";
import type { TaskRecord, TaskTemplate } from "./task_record.ts";

/** See the head of the file. */
export class Owner {
  readonly references: References;
  readonly #ports: OwnerPorts;
  /** Tasks and calls without an outcome, by their number. */
  readonly #tasks = new NumberTable<TaskRecord>();
  readonly #pushing: Pushing;
  readonly #leases: LeaseBoard;
  readonly #storing: Storing;
  readonly #submission: Submission;
  readonly #stopping: Stopping;
  readonly #channels: ChannelBoard;
  readonly #lost: LostTasks;
  readonly #lostAttempts: LostAttempts;
  readonly #losses: Losses;
  readonly #results: TaskResults;

  constructor(ports: OwnerPorts, lineageBytesMax?: number) {
    this.#ports = ports;
    this.references = new References(ports, {
      lost: (refs, reason) => this.#losses.lost(refs, reason),
      missed: (ref) => this.#losses.missed(ref),
      freed: (number, storedAs) => this.#losses.freed(number, storedAs),
    });
    this.#losses = new Losses(ports, {
      references: this.references,
      begin: (call) => this.#remake(call),
      canCall: ({ template: { actorId } }) =>
        actorId === undefined || this.#channels.find(actorId) !== undefined,
    }, lineageBytesMax);
    this.#results = new TaskResults(ports, {
      references: this.references,
      losses: this.#losses,
    });
    this.#pushing = new Pushing(
      ports,
      (actorId) => this.channel(actorId).actorId,
    );
    this.#channels = new ChannelBoard((actorId) => ({
      push: (thread, calls, incarnation) => {
        if (!ports.peer(thread).closed) {
          return this.#pushing.push(thread, calls, { incarnation });
        }
        const reason = ports.codec.encodeError(cutOffError());
        this.#channels.cutOffSoon(this.channel(actorId), calls, reason);
      },
      fail: (call, error) => this.failTask(call, error),
      lost: (call, reason) => {
        const { codec } = ports;
        const cause = reason && codec.decodeError(reason);
        return codec.encodeError(lostCallError(call, actorId, cause));
      },
      sentAgain: (call, reason) =>
        this.#lostAttempts.add(call, reason ?? lostCallError(call, actorId)),
    }), ports);
    this.#leases = new LeaseBoard(ports, this.#pushing);
    this.#lostAttempts = new LostAttempts(() => ports.nowMs());
    this.#lost = new LostTasks(ports, {
      ended: (task, error) => this.#lostAttempts.add(task, error),
      retry: (task) => this.#retry(task),
      fail: (task, error) => this.failTask(task, error),
    });
    this.#storing = new Storing(ports, this.references);
    this.#stopping = new Stopping(ports, {
      withdraw: (task) => this.#leases.withdraw(task),
      fail: (task, error) => this.failTask(task, error),
      settle: (task, error) => {
        this.#settleFailed(task, error);
        if (task.place instanceof ActorChannel) task.place.stopped();
      },
    });
    this.#submission = new Submission(ports, this.references, this.#storing, {
      ready: (task) => this.#ready(task),
      fail: (task, error) => this.failTask(task, error),
    });
  }

  /** Tasks and calls that have no outcome yet. */
  get taskCount(): number {
    return this.#tasks.size;
  }

  /** The tasks of this thread that no executor can tell of. */
  listTasks(): OwnedTasks {
    const open = openTasks(this.#tasks.values(), this.#tasks.size);
    return { ...open, lost: this.#lostAttempts.all() };
  }

  /** Ended tasks that may have to run again for what they have stored. */
  get lineageCount(): number {
    return this.#losses.recordCount;
  }

  // -- Submission ------------------------------------------------------------

  /** Takes a call in; its refs are those of the returned record. */
  submit(
    template: TaskTemplate,
    args: readonly unknown[],
    options: SubmitOptions = {},
  ): TaskRecord {
    const call = this.#submission.take(template, args, options);
    this.#begin(call);
    return call.task;
  }

  #begin(call: TakenCall): void {
    const { task } = call;
    const { actorId } = task.template;
    this.#tasks.set(task.number, task);
    if (actorId) this.channel(actorId).submit(task);
    if (task.status !== "ended") this.#submission.prepare(call);
  }

  /** A task runs again for results that were lost. */
  #remake(call: TakenCall): void {
    const { actorId } = call.task.template;
    this.#begin(call);
    if (actorId) this.channel(actorId).keep(this.#ports.holdActor(actorId));
  }

  /** A call that is ready is sent with the next flush. */
  #ready(task: TaskRecord): void {
    const { actorId } = task.template;
    if (actorId) {
      task.status = "queued";
      this.#channels.touch(this.channel(actorId));
    } else {
      this.#leases.submit(task);
    }
    this.#ports.scheduleFlush();
  }

  /** The channel to an actor, made on first use. */
  channel(actorId: ActorId): ActorChannel {
    return this.#channels.get(actorId);
  }

  /** The thread that calls of an actor were sent to, if any were. */
  threadOfActor(actorId: ActorId): WorkerId | undefined {
    return this.#channels.find(actorId)?.threadId;
  }

  /** Calls of one actor are meant for another from now on. */
  redirect(from: ActorId, to: ActorId): void {
    this.#channels.redirect(from, to);
  }

  /** Forgets an actor that no handle names any more, if nothing waits. */
  forgetChannel(actorId: ActorId): void {
    this.#channels.forget(actorId);
  }

  /** The node says what has become of an actor. */
  actorChanged(message: ActorStateMessage, isHeld: boolean): void {
    this.#channels.changed(message, isHeld);
  }

  // -- Sending ---------------------------------------------------------------

  /** How many receivers the calls have, roughly, that are not sent. */
  get receiverCount(): number {
    return Math.max(1, this.#channels.touchedCount);
  }

  /** Pushes what is ready; the wiring then flushes the links. */
  flush(): void {
    this.#leases.flush();
    this.#channels.flush();
  }

  // -- Leases ----------------------------------------------------------------

  leaseGranted(
    classKey: string,
    leaseId: LeaseId,
    threadId: WorkerId,
    gpuIds?: readonly string[],
  ): void {
    this.#leases.granted(classKey, new Lease(leaseId, threadId, gpuIds));
  }

  leaseReclaimed(leaseId: LeaseId): void {
    this.#leases.reclaimed(leaseId);
  }

  /** The lease is gone; its tasks fail with `error`. */
  leaseRevoked(leaseId: LeaseId, error: WireError): void {
    for (const task of this.#leases.revoked(leaseId)) {
      this.failTask(task, error);
    }
  }

  /** No node can ever run this class of tasks. */
  demandFailed(classKey: string, error: WireError): void {
    for (const task of this.#leases.refused(classKey)) {
      this.failTask(task, error);
    }
  }

  // -- Outcomes --------------------------------------------------------------

  /** A message of a peer about tasks or objects of this owner. */
  receive(peer: WorkerId, message: PeerMessage): void {
    switch (message.type) {
      case "tasks_done":
        for (let index = 0; index < message.numbers.length; index++) {
          this.#done(message.numbers[index]!, message.values[index]);
        }
        break;
      case "task_returned":
        this.#returned(peer, message);
        break;
      case "task_failed":
        this.#failed(message.number, message.error);
        break;
      case "stream_yielded":
        this.#results.yielded(peer, this.#tasks.get(message.number), message);
        break;
      case "stream_ended":
        this.#streamEnded(message.number, message.count);
        break;
      case "task_started":
        this.#stopping.armTimeout(this.#tasks.get(message.number));
        break;
      case "lease_blocked":
        this.#leaseBlocked(message);
        break;
      case "lease_resumed":
        this.#leases.resumed(message.lease);
        break;
      case "borrow":
        this.references.borrowedBy(peer, message);
        break;
      case "borrowed":
        this.references.acknowledged(peer, message);
        break;
      case "borrow_ended":
        this.references.borrowEnded(peer, message);
        break;
      case "object_wanted":
        this.references.wanted(peer, message);
        break;
      case "object_value":
        this.references.valueArrived(peer, message);
        break;
      case "cancel_wanted":
        this.#cancelWanted(message);
        break;
    }
  }

  #done(number: number, value: unknown): void {
    const task = this.#tasks.get(number);
    if (!task) return;
    this.#end(task);
    const ref = task.refs[0];
    if (ref && !task.stopped) {
      if (value instanceof Uint8Array) {
        this.references.settle(ref, { p: value });
      } else settleRef(ref, "primitive", value);
    }
    if (task.lineage) this.#losses.ended(task);
  }

  #returned(peer: WorkerId, message: TaskReturned): void {
    const task = this.#tasks.get(message.number);
    this.#results.returned(peer, task, message);
    if (!task) return;
    this.#end(task);
    if (task.lineage) this.#losses.ended(task);
  }

  #streamEnded(number: number, count: number): void {
    const task = this.#tasks.get(number);
    if (!task) return;
    this.#end(task);
    if (!task.stopped) task.stream?.ended(count);
    this.#losses.ended(task);
  }

  #failed(number: number, error: WireError): void {
    const task = this.#tasks.get(number);
    if (!task) return;
    const { template } = task;
    if (!task.cancelRequested && mayRetry(task)) {
      const cause = this.#ports.codec.decodeError(error).cause;
      if (template.retries(cause)) return this.#retry(task);
    }
    // Its thread has told of it, unless it was never begun.
    if (task.cancelRequested) this.#lostAttempts.add(task, error);
    this.#fail(task, error, task.attempt > 0 || template.returns > 1);
  }

  #retry(task: TaskRecord): void {
    const { place } = task;
    if (place instanceof ActorChannel) {
      place.resubmit(task);
      this.#channels.touch(place);
    } else if (task.template.actorId) {
      return; // Late news of a former life: the next has the call to run.
    } else {
      this.#leave(task);
      this.#leases.resubmit(task);
    }
    task.attempt++;
    if (task.timer) (task.timer as () => void)();
    task.timer = undefined;
    this.#ports.scheduleFlush();
  }

  /** Nothing comes any more: streams must not leave their readers waiting. */
  endStreams(reason: WireError): void {
    for (const task of [...this.#tasks.values()]) {
      if (task.stream) this.failTask(task, reason);
    }
  }

  /** Settles everything of a task with an error. */
  failTask(task: TaskRecord, error: WireError): void {
    if (task.status === "ended") return;
    this.#lostAttempts.add(task, error);
    this.#fail(task, error, task.status === "pushed" || task.attempt > 0);
  }

  #fail(task: TaskRecord, error: WireError, mayHaveStored: boolean): void {
    if (mayHaveStored) {
      freeLostResults(this.#ports.store, this.#ports.workerId, task);
    }
    this.#end(task);
    const told = this.#losses.errorOf(task, error);
    if (!task.stopped) this.#settleFailed(task, told);
    this.#losses.ended(task, told);
  }

  #settleFailed(task: TaskRecord, error: WireError): void {
    for (const ref of task.refs) this.references.fail(ref, error);
    task.stream?.failed(error);
  }

  /** The task has its outcome: lets go of all that it needed. */
  #end(task: TaskRecord): void {
    this.#tasks.take(task.number);
    this.#leave(task);
    task.status = "ended";
    if (task.contained) this.references.unpin(task.contained);
    if (task.dependencies) this.references.unpin(task.dependencies);
    task.contained = undefined;
    task.dependencies = undefined;
    task.args = null;
    if (task.timer) (task.timer as () => void)();
  }

  /** The task is on no lease and no channel any more. */
  #leave(task: TaskRecord): void {
    const { place } = task;
    if (place instanceof Lease) {
      this.#leases.ended(task, place);
    } else if (place instanceof ActorChannel) {
      place.ended(task);
      this.#channels.touch(place);
      this.#ports.scheduleFlush();
    } else if (task.template.actorId) {
      // Calls behind it may wait for nothing else.
      const channel = this.channel(task.template.actorId);
      channel.withdrawn();
      this.#channels.touch(channel);
      this.#ports.scheduleFlush();
    }
  }

  #leaseBlocked(message: LeaseBlocked): void {
    const returned = message.returned
      .map((number) => this.#tasks.get(number))
      .filter((task) => task?.place instanceof Lease);
    this.#leases.blocked(message.lease, returned as TaskRecord[]);
  }

  // -- Cancelling ------------------------------------------------------------

  /** The unfinished task that a ref is a result of, or the whole stream. */
  taskOf(ref: ObjectRef): TaskRecord | undefined {
    const direct = this.#tasks.get(ref.number);
    if (direct) return direct;
    if (ref.state !== "pending") return undefined;
    for (const task of this.#tasks.values()) {
      if (task.refs.includes(ref) || task.stream?.whole === ref) return task;
    }
    return undefined;
  }

  /** The thread that a pushed task is with. */
  threadOf(number: number): WorkerId | undefined {
    const place = this.#tasks.get(number)?.place;
    if (place instanceof Lease || place instanceof ActorChannel) {
      return place.threadId;
    }
    return undefined;
  }

  task(number: number): TaskRecord | undefined {
    return this.#tasks.get(number);
  }

  cancel(
    task: TaskRecord,
    how: { force: boolean; recursive: boolean },
  ): void {
    this.#stopping.cancel(task, how);
  }

  /** A borrower of a result cancels its task. */
  #cancelWanted({ number, force, recursive }: CancelWanted): void {
    const ref = this.references.find(number);
    const task = ref && this.taskOf(ref);
    if (!task) return;
    // The thread of a call is an actor's, which must not end for it.
    const mayForce = task.template.actorId === undefined;
    this.cancel(task, { force: force && mayForce, recursive });
  }

  /** Cancels what a run of this thread has submitted. */
  cancelChildren(parent: object): void {
    for (const task of [...this.#tasks.values()]) {
      if (task.parent === parent) {
        this.cancel(task, { force: false, recursive: true });
      }
    }
  }

  // -- Deaths ----------------------------------------------------------------

  /** The last copies of own objects are gone; `numbers` are the store's. */
  objectsLost(numbers: readonly number[], reason: WireError): void {
    this.references.objectsLost(numbers, reason);
    this.#ports.scheduleFlush();
  }

  /** A thread is gone, with the tasks that it ran and the objects it owned. */
  workerEnded(worker: WorkerId, reason: WireError): void {
    this.#pushing.workerEnded(worker);
    this.#lost.take(this.#leases.workerEnded(worker), reason);
    if (isOutOfMemory(reason)) this.#channels.threadEnded(worker, reason);
    this.#channels.awaitNews(worker, reason);
    this.references.workerEnded(worker, reason);
    this.#ports.scheduleFlush();
  }

  // -- Objects ---------------------------------------------------------------

  /** Stores a value; resolves once the store has accepted it. */
  put(value: unknown): Promise<ObjectRef> {
    return this.#storing.put(value);
  }

  /** Stores an argument that is too large to travel inline. */
  putSoon(encoded: Encoded): ObjectRef {
    return this.#storing.putSoon(encoded);
  }
}
