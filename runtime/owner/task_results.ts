// Takes in the values that tasks give back: settles the refs that wait for
// them, frees what is for nobody, and lets their maker go of the refs inside
// once this thread holds them itself.

import type { WorkerId } from "../base/ids.ts";
import type {
  StreamYielded,
  TaskReturned,
  WireValue,
} from "../protocol/messages.ts";
import type { Losses } from "./losses.ts";
import { discardResult } from "./lost_results.ts";
import type { ObjectRef } from "./object_ref.ts";
import type { OwnerPorts } from "./ports.ts";
import type { References } from "./references.ts";
import type { TaskRecord } from "./task_record.ts";

/** What it needs of its owner. */
export interface TaskResultsParts {
  readonly references: References;
  readonly losses: Losses;
}

/** See the head of the file. */
export class TaskResults {
  readonly #ports: Pick<OwnerPorts, "store" | "peer" | "scheduleFlush">;
  readonly #references: References;
  readonly #losses: Losses;

  constructor(
    ports: Pick<OwnerPorts, "store" | "peer" | "scheduleFlush">,
    { references, losses }: TaskResultsParts,
  ) {
    this.#ports = ports;
    this.#references = references;
    this.#losses = losses;
  }

  /** All results of a task; of one that is over already if undefined. */
  returned(
    peer: WorkerId,
    task: TaskRecord | undefined,
    { number, returns }: TaskReturned,
  ): void {
    returns.forEach((value, index) => {
      const ref = task?.isRemaking
        ? task.refs.find((lost) => lost.number === number + index)
        : task?.refs[index];
      if (ref && !task?.stopped) this.#references.settle(ref, value);
      else discardResult(this.#ports.store, value);
    });
    if (task && !task.isRemaking) this.#losses.keep(task);
    this.#confirmTaken(peer, number, returns);
  }

  /** One item of a stream, whose task is over already if undefined. */
  yielded(
    peer: WorkerId,
    task: TaskRecord | undefined,
    { number, index, item }: StreamYielded,
  ): void {
    const itemNumber = number + 1 + index;
    const isNew = task !== undefined && !task.stopped && !task.isRemaking &&
      index >= task.itemCount;
    if (isNew) {
      task.itemCount = index + 1;
      const ref = this.#references.createWith(itemNumber);
      this.#settleItem(task, ref, item);
      task.stream?.yielded(index, ref);
    } else {
      this.#yieldedAgain(task, itemNumber, item);
      if (task?.isRemaking) this.#consumed(peer, task, index);
      else task?.stream?.restarted?.();
    }
    this.#confirmTaken(peer, number, [item]);
  }

  #yieldedAgain(
    task: TaskRecord | undefined,
    itemNumber: number,
    item: StreamYielded["item"],
  ): void {
    const lost = task && !task.stopped &&
      this.#losses.takeWantedItem(task, itemNumber);
    if (lost) return this.#settleItem(task, lost, item);
    if ("error" in item) return;
    // Stored again for the ref that it had, if there still is one.
    const isWanted = "o" in item && this.#references.storedAgain(item);
    if (!isWanted) discardResult(this.#ports.store, item);
  }

  #settleItem(
    task: TaskRecord,
    ref: ObjectRef,
    item: StreamYielded["item"],
  ): void {
    if ("error" in item) this.#references.fail(ref, item.error);
    else this.#references.settle(ref, item);
    this.#losses.keepItem(task, ref);
  }

  /** Nobody reads a stream that is remade: it is to go on by itself. */
  #consumed(
    peer: WorkerId,
    { number, template }: TaskRecord,
    index: number,
  ): void {
    if (template.backpressure === 0) return;
    const consumed = index + 1;
    this.#ports.peer(peer).send({ type: "stream_consumed", number, consumed });
    this.#ports.scheduleFlush();
  }

  /** Once we hold the refs inside results, their maker may let go. */
  #confirmTaken(
    peer: WorkerId,
    number: number,
    values: readonly (WireValue | StreamYielded["item"])[],
  ): void {
    if (!values.some(holdsAny)) return;
    this.#references.whenAcknowledged(() => {
      this.#ports.peer(peer).send({ type: "results_taken", numbers: [number] });
      this.#ports.scheduleFlush();
    });
  }
}

/** Whether a value on the wire holds refs or handles. */
function holdsAny(value: object): boolean {
  const { c, a } = value as { c?: unknown; a?: unknown };
  return c !== undefined || a !== undefined;
}
