// What tasks do in a simulated cluster. A program is fixed when it is made,
// so that its result is known beforehand whoever runs it and how often:
// `expected` computes it, `runProgram` does it for real.

import type { WorkerId } from "../../runtime/base/ids.ts";
import { NO_RESOURCES, resourcesKey } from "../../runtime/base/resources.ts";
import type { TaskRun } from "../../runtime/executor/task_run.ts";
import type { ObjectRef } from "../../runtime/owner/object_ref.ts";
import type {
  StreamSink,
  TaskTemplate,
} from "../../runtime/owner/task_record.ts";
import { assert } from "../support/harness.ts";
import type { Dice } from "./dice.ts";
import type { Frame, SimHandle, SimThread } from "./sim_thread.ts";

/** Larger than what travels inline, smaller than the smallest segment. */
const LARGE_BYTES = 110 * 1024;
const LARGE = new Uint8Array(LARGE_BYTES);

/** One task's work. */
export interface Program {
  readonly id: number;
  /** What it adds by itself. */
  readonly n: number;
  readonly cpus: number;
  readonly children: readonly Program[];
  readonly getsChildren: boolean;
  readonly readsHeld: boolean;
  /** How its children get the refs that it was given inside a value. */
  readonly passes: "nothing" | "nested" | "top";
  readonly gives: readonly ("children" | "held" | "put")[];
  readonly isLarge: boolean;
  readonly sleepsMs: number;
  /** Attempts that throw; all of them if it is not retried for that. */
  readonly failures: number;
  readonly retriesFailures: boolean;
  readonly maxRetries: number;
  readonly returns: number;
  readonly callsActor: boolean;
}

/** A ref whose value is known beforehand. */
export interface Tracked {
  readonly ref: ObjectRef;
  readonly n: Expected;
}

/** The sum that a value must have, or that its task fails by itself. */
export type Expected = number | "fails";

/** The values of a simulation: a sum, and refs whose sums it names. */
export type SimValue = number | {
  readonly n: number;
  readonly refs: readonly ObjectRef[];
  readonly ns: readonly Expected[];
  readonly handles?: readonly SimHandle[];
  readonly pad?: Uint8Array;
};

export function sumOf(value: SimValue): number {
  return typeof value === "number" ? value : value.n;
}

/** The refs that a value holds, with what is known of them. */
export function heldBy(value: SimValue): Tracked[] {
  if (typeof value === "number") return [];
  return value.refs.map((ref, index) => ({ ref, n: value.ns[index]! }));
}

/** Throws the dice for a program, and for those that it starts. */
export function newProgram(
  dice: Dice,
  nextId: () => number,
  depth: number,
  withActor: boolean,
): Program {
  const count = depth === 0 || dice.chance(0.5) ? 0 : 1 + dice.below(3);
  const children = Array.from(
    { length: count },
    () => newProgram(dice, nextId, depth - 1, withActor),
  );
  const fails = dice.chance(0.12);
  const gives = (["children", "held", "put"] as const)
    .filter(() => dice.chance(0.25));
  return {
    id: nextId(),
    n: dice.below(1_000),
    cpus: dice.pick([1, 1, 1, 0.5, 0]),
    children,
    getsChildren: dice.chance(0.7),
    readsHeld: dice.chance(0.5),
    passes: dice.pick(["nothing", "nested", "top"]),
    gives,
    isLarge: dice.chance(0.15),
    sleepsMs: dice.chance(0.3) ? dice.below(60) : 0,
    failures: fails ? 1 + dice.below(3) : 0,
    retriesFailures: dice.chance(0.6),
    maxRetries: dice.pick([0, 1, 3, 3]),
    returns: dice.pick([1, 1, 1, 1, 2]),
    callsActor: withActor && dice.chance(0.4),
  };
}

/** What the first result of a program is, given what it is called with. */
export function expected(
  program: Program,
  tops: readonly Expected[],
  held: readonly Expected[],
): Expected {
  const parts: Expected[] = [program.n, ...tops];
  if (program.readsHeld) parts.push(...held);
  if (program.callsActor) parts.push(program.n);
  const children = program.children.map((child) =>
    expected(child, ...passed(program, held))
  );
  if (program.getsChildren) parts.push(...children);
  const { failures, retriesFailures, maxRetries } = program;
  if (failures > (retriesFailures ? maxRetries : 0)) return "fails";
  let sum = 0;
  for (const part of parts) {
    if (part === "fails") return "fails";
    sum += part;
  }
  return sum;
}

/** What each child is called with: values of refs, and refs. */
function passed<T>(
  { passes }: Program,
  held: readonly T[],
): [tops: readonly T[], held: readonly T[]] {
  if (passes === "nothing") return [[], []];
  return passes === "top" ? [held.slice(0, 1), []] : [[], held];
}

// -- Submitting --------------------------------------------------------------

/** Calls a program as a task; gives its refs and what they should be. */
export function submitProgram(
  thread: SimThread,
  program: Program,
  tops: readonly Tracked[],
  held: readonly Tracked[],
  handle: SimHandle | undefined,
  caller: { readonly parent?: TaskRun; readonly frame: Frame },
): Tracked[] {
  const { returns } = program;
  const template = taskTemplate(thread, program, returns);
  const extra = held.length > 0 || handle
    ? { ...packed(0, held), handles: handle ? [handle] : [] }
    : null;
  const refs = tops.map(({ ref }) => ref);
  const task = thread.owner.submit(template, [program.id, extra, ...refs], {
    parent: caller.parent,
  });
  thread.tasks.add(task);
  for (const ref of task.refs) caller.frame.held.add(ref);
  const n = expected(program, tops.map((t) => t.n), held.map((t) => t.n));
  return task.refs.map((ref) => ({ ref, n }));
}

/** Calls a program as a stream of `count` items. */
export function submitStream(
  thread: SimThread,
  program: Program,
  backpressure: number,
  makeSink: (number: number) => StreamSink,
): number {
  const template = taskTemplate(thread, program, -1, backpressure);
  const task = thread.owner.submit(template, [program.id, null], {
    stream: makeSink,
  });
  thread.tasks.add(task);
  return task.number;
}

function taskTemplate(
  thread: SimThread,
  program: Program,
  returns: number,
  backpressure = 0,
): TaskTemplate {
  const resources = program.cpus > 0
    ? { CPU: program.cpus * 10_000 }
    : NO_RESOURCES;
  const spec = {
    name: `program ${program.id}`,
    code: { hash: returns < 0 ? "stream" : "task", exportName: "", path: "" },
    returns,
    backpressure,
    resources,
  };
  return {
    index: ++thread.templateCount,
    name: spec.name,
    returns,
    backpressure,
    timeoutMs: undefined,
    maxRetries: program.maxRetries,
    retries: () => program.retriesFailures,
    schedulingClass: {
      key: resourcesKey(resources),
      resources,
      strategy: "default",
    },
    spec: undefined,
    prepare: () => Promise.resolve(spec),
  };
}

/** Calls an actor; `add` gives `n` back, the others what they hold. */
export function callActor(
  thread: SimThread,
  handle: SimHandle,
  call: {
    readonly method: "add" | "keep" | "give";
    readonly n: number;
    readonly sequence: number;
    readonly maxRetries: number;
  },
  tops: readonly Tracked[],
  held: readonly Tracked[],
  caller: { readonly parent?: TaskRun; readonly frame: Frame },
): Tracked {
  const { actorId } = handle.hold;
  const { method, n, sequence, maxRetries } = call;
  const name = `${actorId}.${method}`;
  const template: TaskTemplate = {
    index: ++thread.templateCount,
    name,
    returns: 1,
    backpressure: 0,
    timeoutMs: undefined,
    maxRetries,
    retries: () => false,
    actorId,
    spec: {
      name,
      actorId,
      method,
      returns: 1,
      backpressure: 0,
      resources: NO_RESOURCES,
    },
  };
  const extra = held.length > 0 ? packed(0, held) : null;
  const args = [thread.id, sequence, n, extra, ...tops.map(({ ref }) => ref)];
  const task = thread.owner.submit(template, args, {
    parent: caller.parent,
  });
  const channel = thread.owner.channel(actorId);
  channel.keep(handle.hold);
  thread.tasks.add(task);
  caller.frame.held.add(task.refs[0]!);
  const parts = [n, ...tops.map((top) => top.n)];
  const sum = method === "give" ? 0 : parts.reduce<Expected>(
    (all, part) => all === "fails" || part === "fails" ? "fails" : all + part,
    0,
  );
  return { ref: task.refs[0]!, n: sum };
}

function packed(n: number, held: readonly Tracked[]) {
  return { n, refs: held.map(({ ref }) => ref), ns: held.map((t) => t.n) };
}

// -- Running -----------------------------------------------------------------

/** What programs need of their world. */
export interface ProgramWorld {
  program(id: number): Program;
  sleep(ms: number): Promise<void>;
  nextSequence(thread: SimThread): number;
  began(run: TaskRun, program: Program): void;
}

/** The function that all tasks are calls of. */
export function taskFunction(thread: SimThread, world: ProgramWorld) {
  return (id: number, extra: SimValue | null, ...tops: SimValue[]) => {
    const run = thread.current!;
    const program = world.program(id);
    world.began(run, program);
    const frame = thread.frameOf(run);
    for (const value of [extra ?? 0, ...tops]) adopt(frame, value);
    if (fails(program, run)) throw new Error(`planned ${id}`);
    if (isPlain(program, extra)) {
      return tops.reduce<number>((sum, top) => sum + sumOf(top), program.n);
    }
    return runProgram(thread, world, program, run, frame, extra ?? 0, tops);
  };
}

/** Attempts that threads have died in count, too. */
function fails({ retriesFailures, failures }: Program, run: TaskRun): boolean {
  return retriesFailures ? run.attempt < failures : failures > 0;
}

function isPlain(program: Program, extra: SimValue | null): boolean {
  return extra === null && program.children.length === 0 &&
    program.gives.length === 0 && !program.isLarge && program.sleepsMs === 0 &&
    program.returns === 1 && !program.callsActor;
}

async function runProgram(
  thread: SimThread,
  world: ProgramWorld,
  program: Program,
  run: TaskRun,
  frame: Frame,
  extra: SimValue,
  tops: readonly SimValue[],
): Promise<unknown> {
  const held = heldBy(extra);
  const handle = typeof extra === "number" ? undefined : extra.handles?.[0];
  const caller = { parent: run, frame };
  if (program.sleepsMs > 0) await world.sleep(program.sleepsMs);
  let sum = program.n + tops.reduce<number>((all, top) => all + sumOf(top), 0);
  const [childTops, childHeld] = passed(program, held);
  const children = program.children.map((child) =>
    submitProgram(thread, child, childTops, childHeld, handle, caller)
  );
  const awaited = program.readsHeld ? held.map(({ ref }) => ref) : [];
  if (program.callsActor) {
    awaited.push(
      callActor(
        thread,
        handle!,
        {
          method: "add",
          n: program.n,
          sequence: world.nextSequence(thread),
          maxRetries: 2,
        },
        [],
        [],
        caller,
      ).ref,
    );
  }
  if (program.getsChildren) awaited.push(...children.map(([c]) => c!.ref));
  for (const value of await getAll(thread, awaited, run, frame)) {
    sum += sumOf(value);
  }
  const given = { children: children.map(([c]) => c!), held, put: [] };
  const refs: Tracked[] = program.gives.flatMap((what) => given[what]);
  if (program.gives.includes("put")) {
    const pad = program.isLarge ? { pad: LARGE } : {};
    const ref = await thread.owner.put({ ...packed(sum, held), ...pad });
    frame.held.add(ref);
    refs.push({ ref, n: sum });
  }
  const pad = program.isLarge ? { pad: LARGE } : {};
  const value = { ...packed(sum, refs), ...pad };
  return program.returns === 1
    ? value
    : Array.from({ length: program.returns }, () => value);
}

async function getAll(
  thread: SimThread,
  refs: readonly ObjectRef[],
  run: TaskRun,
  frame: Frame,
): Promise<SimValue[]> {
  if (refs.length === 0) return [];
  const scope = thread.scope(run);
  const values = await thread.reading.getAll(refs, undefined, scope);
  for (const value of values as SimValue[]) adopt(frame, value);
  return values as SimValue[];
}

/** User code holds what is in a value that it has. */
export function adopt(frame: Frame, value: SimValue): void {
  if (typeof value === "number") return;
  for (const ref of value.refs) frame.held.add(ref);
  for (const { hold } of value.handles ?? []) frame.held.add(hold);
}

/** The generator that all streams are calls of; yields `n`, `n + 1`… */
export function streamFunction(thread: SimThread, world: ProgramWorld) {
  return async function* (id: number) {
    const run = thread.current!;
    const program = world.program(id);
    world.began(run, program);
    for (let index = 0; index < streamLength(program); index++) {
      if (program.sleepsMs > 0) await world.sleep(program.sleepsMs / 4);
      if (run.attempt < program.failures && index === 1) {
        throw new Error(`planned ${id}`);
      }
      const pad = program.isLarge ? { pad: LARGE } : {};
      if (program.gives.length === 0) yield program.n + index;
      else {
        const ref = await thread.owner.put(program.n);
        thread.frameOf(run).held.add(ref);
        yield { ...packed(program.n + index, [{ ref, n: program.n }]), ...pad };
      }
    }
  };
}

export function streamLength(program: Program): number {
  return 2 + program.n % 4;
}

/** The class of all actors. */
export function actorClass(world: ProgramWorld) {
  return class {
    /** For the thread's roots. */
    readonly kept = new Set<object>();
    #tracked: Tracked[] = [];
    readonly #last = new Map<WorkerId, number>();

    readonly #isOrdered: boolean;

    constructor(
      failures: number,
      isOrdered: boolean,
      extra: SimValue | null,
    ) {
      this.#isOrdered = isOrdered;
      if (failures > 0) throw new Error("planned construction");
      this.#keep(extra ?? 0);
    }

    async add(...[from, sequence, n, , ...tops]: CallArguments) {
      this.#enter(from, sequence);
      if (n % 3 === 0) await world.sleep(n % 20);
      return tops.reduce<number>((sum, top) => sum + sumOf(top), n);
    }

    keep(...[from, sequence, n, extra, ...tops]: CallArguments) {
      this.#enter(from, sequence);
      this.#keep(extra ?? 0);
      return tops.reduce<number>((sum, top) => sum + sumOf(top), n);
    }

    give(...[from, sequence]: CallArguments) {
      this.#enter(from, sequence);
      return packed(0, this.#tracked);
    }

    #keep(value: SimValue): void {
      this.#tracked = heldBy(value);
      this.kept.clear();
      for (const { ref } of this.#tracked) this.kept.add(ref);
    }

    /** Calls of one caller come in the order of their submission. */
    #enter(from: WorkerId, sequence: number): void {
      const last = this.#last.get(from) ?? -1;
      const isRight = sequence > last || !this.#isOrdered;
      assert(isRight, `Call ${sequence} of ${from} after ${last}`);
      this.#last.set(from, sequence);
    }
  };
}

type CallArguments = [
  from: WorkerId,
  sequence: number,
  n: number,
  extra: SimValue | null,
  ...tops: SimValue[],
];
