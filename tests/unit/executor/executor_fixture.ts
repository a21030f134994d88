// An executor with everything around it faked: tasks are functions of the
// test, what it sends is recorded, and time stands still.

import type { ActorId, LeaseId, WorkerId } from "../../../runtime/base/ids.ts";
import { constructActor } from "../../../runtime/executor/actor_host.ts";
import { Executor } from "../../../runtime/executor/executor.ts";
import type { ExecutorPorts } from "../../../runtime/executor/ports.ts";
import type { TaskRun } from "../../../runtime/executor/task_run.ts";
import type {
  TaskPush,
  WireTemplate,
} from "../../../runtime/protocol/messages.ts";
import type { WireActor } from "../../../runtime/protocol/node_messages.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import { SessionCodec } from "../../../runtime/session_codec.ts";
import {
  ClaimTable,
  newClaimBuffer,
} from "../../../runtime/transport/claims.ts";

export const OWNER = "w-owner" as WorkerId;
export const LEASE = "l-1" as LeaseId;
export const ACTOR = "a-1" as ActorId;

/** Something inside values that must be kept alive. */
export class Held {
  readonly ownerId = OWNER;
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

type Deed = Readonly<Record<string, unknown>>;
type Target = (...args: never[]) => unknown;

/** See the head of the file. */
export class ExecutorFixture {
  readonly executor: Executor;
  readonly ports: ExecutorPorts;
  /** The owner's side of the claims. */
  readonly claims: ClaimTable;
  readonly pinned: object[] = [];
  readonly cancelled: TaskRun[] = [];
  isAcknowledged = true;
  /** The run that calls user code at this moment. */
  current: TaskRun | undefined;
  /** Rejects what is written to the store. */
  storeError: Error | undefined;
  readonly #whenAcknowledged: (() => void)[] = [];
  readonly #targets = new Map<string, unknown>();
  #deeds: Deed[] = [];
  #templateCount = 0;

  constructor() {
    const buffer = newClaimBuffer();
    this.claims = new ClaimTable(buffer);
    this.ports = this.#ports(new ClaimTable(buffer));
    this.executor = new Executor(this.ports);
  }

  /** What was done since the last call, once promises have settled. */
  async take(): Promise<Deed[]> {
    for (let turn = 0; turn < 30; turn++) {
      this.executor.begin();
      this.executor.results.collect();
      await undefined;
    }
    return this.#deeds.splice(0);
  }

  acknowledge(): void {
    this.isAcknowledged = true;
    for (const callback of this.#whenAcknowledged.splice(0)) callback();
  }

  /** Defines a template, whose tasks are calls of `target`. */
  define(target: Target, spec: Partial<WireTemplate> = {}): number {
    const template = ++this.#templateCount;
    const hash = `code-${template}`;
    this.#targets.set(hash, target);
    this.executor.receive(OWNER, {
      type: "template_define",
      template,
      spec: {
        name: "task",
        ...(spec.actorId ? {} : { code: codeOf(hash) }),
        returns: 1,
        backpressure: 0,
        resources: {},
        ...spec,
      },
    });
    return template;
  }

  /** Pushes tasks on the lease. */
  push(template: number, numbers: readonly number[], args?: unknown[]): void {
    const claims = numbers.map(() => this.claims.queue());
    this.executor.receive(OWNER, {
      type: "task_push",
      template,
      lease: LEASE,
      claim: claims[0]!,
      numbers,
      args: numbers.map(() => (args ?? null) as TaskPush["args"][number]),
    });
  }

  /** Calls the actor. */
  call(template: number, numbers: readonly number[], incarnation = 0): void {
    const args = numbers.map(() => null);
    this.executor.receive(OWNER, {
      type: "task_push",
      template,
      incarnation,
      numbers,
      args,
    });
  }

  /** Has an actor made. */
  host(target: new () => object, actor: Partial<WireActor> = {}): void {
    this.#targets.set("class", target);
    const made = {
      actorId: ACTOR,
      className: "Actor",
      code: codeOf("class"),
      args: null,
      held: {},
      maxConcurrency: 1,
      concurrencyGroups: {},
      ...actor,
    } as WireActor;
    const start = { actor: made, incarnation: 0 };
    constructActor(start, this.executor, this.ports);
  }

  #ports(claims: ClaimTable): ExecutorPorts {
    const note = (deed: Deed) => void this.#deeds.push(deed);
    const codec = new SessionCodec({
      held: {
        write: (object) =>
          object instanceof Held
            ? { value: object.number, holds: object }
            : undefined,
        read: (value) => new Held(value as number),
      },
    });
    return {
      workerId: "w-executor" as WorkerId,
      send: (to, message) => note({ to, ...message }),
      claim: (_owner, claim) => claims.start(claim),
      revoke: (_owner, claim) => claims.revoke(claim),
      flush: () => {},
      flushNow: () => {},
      poll: () => {},
      codec: {
        encode: (value, root) => codec.encode(value, root),
        decode: (bytes, share) => codec.decode(bytes, share),
        encodeError: (error) => encodeError(error),
        within: (_hash, work) => work(),
      },
      store: {
        write: (owner, number) => {
          if (this.storeError) return Promise.reject(this.storeError);
          note({ written: [owner, number] });
          return Promise.resolve();
        },
        open: () => Promise.reject(new Error("not faked")),
        again: (_value, { error }) => Promise.reject(error),
      },
      node: nodePorts(note),
      loadCode: ({ hash }) => Promise.resolve(this.#targets.get(hash)),
      runAs: (run, work) => {
        this.current = run;
        try {
          return work();
        } finally {
          this.current = undefined;
        }
      },
      constructAs: (_actor, work) => work(),
      whenAcknowledged: (callback) => {
        if (this.isAcknowledged) callback();
        else this.#whenAcknowledged.push(callback);
      },
      allAcknowledged: () => this.isAcknowledged,
      pin: (contained) => void this.pinned.push(...contained),
      unpin: (contained) => {
        for (const object of contained) {
          this.pinned.splice(this.pinned.indexOf(object), 1);
        }
      },
      cancelChildren: (run) => void this.cancelled.push(run),
      taskError: (_run, error) => error,
      actorError: (_actor, error) => error,
      ended: () => {},
      nowMs: () => 0,
    };
  }
}

function nodePorts(note: (deed: Deed) => void): ExecutorPorts["node"] {
  return {
    blockLease: (leaseId) => note({ blocked: leaseId }),
    unblockLease: (leaseId) => note({ unblocked: leaseId }),
    leaveLease: (leaseId) => note({ left: leaseId }),
    actorConstructed: ({ actorId }) => note({ constructed: actorId }),
    actorConstructionFailed: ({ actorId }, { message }) =>
      note({ failed: actorId, message }),
    actorExited: ({ actorId }) => note({ exited: actorId }),
  };
}

function codeOf(hash: string) {
  return { hash, exportName: "default", path: hash };
}
