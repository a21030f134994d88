// The way of a call until it can be sent: its arguments are taken over, its
// refs made, and what it needs (values of refs, the code's bundle) awaited.

import { STREAM_ITEMS_MAX } from "../base/limits.ts";
import type { WireArguments } from "../protocol/messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import {
  completeArguments,
  prepareArguments,
  type PreparedArguments,
} from "./arguments.ts";
import type { OwnerPorts } from "./ports.ts";
import { type References, whenAllSettled } from "./references.ts";
import type { Storing } from "./storing.ts";
import {
  type StreamSink,
  TaskRecord,
  type TaskTemplate,
} from "./task_record.ts";

/** What a call is made with beside its arguments. */
export interface SubmitOptions {
  /** The run that makes the call, in an executor. */
  readonly parent?: object | undefined;
  /** Makes the sink of a streaming call. */
  readonly stream?: (number: number) => StreamSink;
}

/** A call that was taken in. */
export interface TakenCall {
  readonly task: TaskRecord;
  readonly prepared: PreparedArguments;
}

/** How a call leaves this part. */
export interface SubmissionEnds {
  ready(task: TaskRecord): void;
  fail(task: TaskRecord, error: WireError): void;
}

/** See the head of the file. */
export class Submission {
  readonly #ports: Pick<OwnerPorts, "codec">;
  readonly #references: References;
  readonly #storing: Storing;
  readonly #ends: SubmissionEnds;

  constructor(
    ports: Pick<OwnerPorts, "codec">,
    references: References,
    storing: Storing,
    ends: SubmissionEnds,
  ) {
    this.#ports = ports;
    this.#references = references;
    this.#storing = storing;
    this.#ends = ends;
  }

  /** Takes the arguments over and makes the refs of the results. */
  take(
    template: TaskTemplate,
    args: readonly unknown[],
    { parent, stream }: SubmitOptions,
  ): TakenCall {
    const prepared = prepareArguments(
      args,
      this.#ports.codec,
      (encoded) => this.#storing.putSoon(encoded),
    );
    for (const ref of prepared.dependencies ?? []) {
      this.#references.requireReadable(ref);
    }
    const task = this.#newTask(template, prepared.wire);
    task.parent = parent;
    if (stream) task.stream = stream(task.number);
    task.contained = prepared.contained;
    task.dependencies = prepared.dependencies;
    this.#references.pin(task.contained);
    this.#references.pin(task.dependencies);
    return { task, prepared };
  }

  /** Sees to what the call needs; it ends as ready or failed. */
  prepare({ task, prepared }: TakenCall): void {
    if (prepared.dependencies) this.#awaitDependencies(task, prepared);
    else this.#awaitCode(task);
  }

  #newTask(template: TaskTemplate, args: WireArguments): TaskRecord {
    if (template.returns === 1) {
      const ref = this.#references.create();
      return new TaskRecord(ref.number, template, [ref], args);
    }
    if (template.returns > 1) {
      const refs = Array.from(
        { length: template.returns },
        () => this.#references.create(),
      );
      return new TaskRecord(refs[0]!.number, template, refs, args);
    }
    const number = this.#references.reserve(numbersOf(template));
    return new TaskRecord(number, template, [], args);
  }

  #awaitDependencies(task: TaskRecord, prepared: PreparedArguments): void {
    const refs = prepared.dependencies!;
    for (const ref of refs) this.#references.want(ref);
    whenAllSettled(refs, (failed) => {
      if (task.status === "ended") return;
      if (failed) {
        this.#references.markSeen(failed);
        return this.#ends.fail(task, failed.value as WireError);
      }
      task.args = completeArguments(prepared.parts!);
      this.#awaitCode(task);
    });
  }

  #awaitCode(task: TaskRecord): void {
    const { template } = task;
    if (!template.prepare || template.spec) return this.#ends.ready(task);
    // Once for all calls that wait for the same code.
    template.preparing ??= template.prepare();
    template.preparing.then(
      (spec) => {
        template.spec = spec;
        if (task.status !== "ended") this.#ends.ready(task);
      },
      (error) => this.#ends.fail(task, this.#ports.codec.encodeError(error)),
    );
  }
}

/** How many numbers a task takes for itself and its results. */
export function numbersOf({ returns }: TaskTemplate): number {
  // The items of a stream have the numbers that follow its own.
  return returns < 0 ? STREAM_ITEMS_MAX : Math.max(1, returns);
}
