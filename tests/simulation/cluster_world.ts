// A cluster by the throw of seeded dice: real owners and executors on real
// nodes, on a simulated network with a fake clock. Drivers run programs whose
// results are known beforehand; threads and nodes die, messages are late,
// connections break, tasks are cancelled, refs are dropped. Every step checks
// what must hold.

import {
  type ActorId,
  type JobId,
  newId,
  type WorkerId,
} from "../../runtime/base/ids.ts";
import type { TaskRun } from "../../runtime/executor/task_run.ts";
import type { ObjectRef } from "../../runtime/owner/object_ref.ts";
import type { WireError } from "../../runtime/protocol/wire_error.ts";
import type { RingLinkEnd } from "../../runtime/transport/ring_link.ts";
import { assert } from "../support/harness.ts";
import {
  Attempts,
  type Faults,
  leftoversOf,
  mayBeTold,
} from "./cluster_checks.ts";
import type { Dice } from "./dice.ts";
import { MemoryStorage } from "./memory_storage.ts";
import { type SimLink, SimNetwork } from "./sim_network.ts";
import { type SimHost, SimNode } from "./sim_node.ts";
import { SimRing } from "./sim_ring.ts";
import { SimWeb } from "./sim_web.ts";
import {
  actorClass,
  adopt,
  callActor,
  type Expected,
  heldBy,
  newProgram,
  type Program,
  type ProgramWorld,
  type SimValue,
  streamFunction,
  streamLength,
  submitProgram,
  submitStream,
  sumOf,
  taskFunction,
  type Tracked,
} from "./sim_program.ts";
import { Frame, type SimHandle, SimThread } from "./sim_thread.ts";

const TICK_MS = 10;
const JOIN_STEPS_MAX = 1_000;
/** Long enough to be held for dead. */
const CUT_MS_MAX = 6_000;
/** Some are back before anybody has missed them. */
const HEAD_AWAY_MS_MAX = 3_000;
const STORY_MAX = 200;
/** Refs that a driver keeps at a time. */
const KNOWN_MAX = 16;
const MICROTASKS_PER_STEP = 24;

/** How large a world is. */
export interface WorldSize {
  /** The head included. */
  readonly nodes: number;
  readonly cpus: number;
  readonly drivers: number;
  /** How likely a driver does something in a step. */
  readonly haste: number;
}

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** What a driver knows. */
interface Driver {
  readonly thread: SimThread;
  readonly node: SimNode;
  readonly known: Tracked[];
  readonly handles: SimHandle[];
  /** Refs that are being read. */
  readonly reading: Map<ObjectRef, number>;
  /** Reads, puts and streams without an outcome. */
  pending: number;
}

/** See the head of the file. */
export class ClusterWorld implements ProgramWorld, SimHost {
  /** Those that live; the head, if there is one, is the first. */
  readonly nodes: SimNode[] = [];
  readonly network: SimNetwork;
  readonly web: SimWeb;
  /** The latest that has happened, for whoever reads of a failure. */
  readonly story: string[] = [];
  readonly drivers: Driver[] = [];
  readonly threads = new Map<WorkerId, SimThread>();
  readonly faults: Faults;
  readonly #dice: Dice;
  readonly #size: WorldSize;
  #rings: SimRing[] = [];
  readonly #timers = new Set<Timer>();
  readonly #programs: Program[] = [];
  /** What the head keeps, and where it is. */
  readonly #storage = new MemoryStorage();
  #head: SimNode | undefined;
  #headAddress: string | undefined;
  readonly #attempts: Attempts;
  /** Some of them before they had begun. */
  readonly #stopped = new Set<WorkerId>();
  #steps = 0;
  #sequence = 0;
  #actorCount = 0;
  #machineCount = 0;
  #isCalm = false;
  #failure: unknown;

  constructor(dice: Dice, faults: Faults, size: WorldSize) {
    this.#dice = dice;
    this.faults = faults;
    this.#attempts = new Attempts(faults);
    this.#size = size;
    this.network = new SimNetwork(dice, 0);
    this.web = new SimWeb({ dice, nowMs: this.nowMs, after: this.after });
  }

  /** The cluster is there, and drivers have joined it. */
  async open(): Promise<void> {
    for (let n = 0; n < this.#size.nodes; n++) await this.#startNode();
    for (let step = 0; step < JOIN_STEPS_MAX; step++) {
      if (this.nodes.every(({ hasJoined }) => hasJoined)) break;
      await this.#goOn();
    }
    // Whoever is linked to a head that dies is gone with it.
    const homes = this.faults.headDies ? this.nodes.slice(1) : this.nodes;
    for (let n = 0; n < this.#size.drivers; n++) {
      this.#startDriver(homes[n % homes.length]!);
    }
  }

  // -- Steps -----------------------------------------------------------------

  /** Something happens, and something may go wrong. */
  async step(): Promise<void> {
    const dice = this.#dice;
    const { threadsDie, driversDie, tasksAreCancelled, objectsAreLost } =
      this.faults;
    if (objectsAreLost && dice.chance(0.05)) this.#loseObject();
    if (this.drivers.length > 0 && dice.chance(this.#size.haste)) {
      this.#act(dice.pick(this.drivers));
    }
    if (threadsDie && dice.chance(0.004)) this.#crashThread();
    if (driversDie && dice.chance(0.0015)) this.#crashDriver();
    if (threadsDie && dice.chance(0.01)) this.#killActor();
    if (tasksAreCancelled && dice.chance(0.015)) this.#cancel();
    if (this.faults.isLossy && dice.chance(0.01)) this.#breakSome();
    if (this.faults.nodesDie && dice.chance(0.004)) this.#crashNode();
    if (this.faults.nodesDie && dice.chance(0.004)) await this.#joinNode();
    if (this.faults.nodesAreCutOff && dice.chance(0.003)) this.#cutOff();
    if (this.faults.headDies && dice.chance(0.008)) this.#crashHead();
    await this.#goOn();
  }

  /** Everything goes its way, nothing new comes. */
  async calmStep(): Promise<void> {
    this.#isCalm = true;
    for (const driver of this.drivers) {
      if (driver.known.length > 0 && this.#dice.chance(0.3)) {
        this.#readAndDrop(driver);
      }
      if (this.#dice.chance(0.1)) driver.handles.pop();
      this.#updateRoots(driver);
    }
    await this.#goOn();
  }

  async #goOn(): Promise<void> {
    this.#steps++;
    const busy = 4 + this.nodes.length;
    for (let turn = this.#dice.below(busy); turn > 0; turn--) {
      this.network.deliver();
      if (this.nodes.length > 1) this.web.deliver();
      if (this.#rings.length > 0) this.#dice.pick(this.#rings).poll();
    }
    if (this.#dice.chance(0.25)) this.#passTime();
    for (let turn = 0; turn < MICROTASKS_PER_STEP; turn++) await undefined;
    // Now nothing is on its way from one stack to another.
    if (this.#dice.chance(0.1)) this.#sweepSome();
    for (const node of this.nodes) node.turn();
    if (this.#steps % 4 === 0 && this.nodes.length > 0) {
      this.#dice.pick(this.nodes).validate();
    }
    if (this.#failure) throw this.#failure;
  }

  #passTime(): void {
    const isSlow = this.nodes.length > 1 && this.#isCalm;
    this.network.advance(isSlow ? 4 * TICK_MS : TICK_MS);
    this.web.advance();
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.network.nowMs || !this.#timers.has(timer)) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
    for (const ring of this.#rings) if (this.#dice.chance(0.6)) ring.poll();
    this.#rings = this.#rings.filter(({ isOver }) => !isOver);
  }

  #sweepSome(): void {
    for (const node of this.nodes) if (this.#dice.chance(0.5)) node.sweep();
    for (const thread of this.threads.values()) {
      if (this.#dice.chance(0.5)) thread.sweep(this.#dice.chance(0.3));
    }
  }

  /** Whether there is nothing left to wait for. */
  get isOver(): boolean {
    if (!this.network.isQuiet) return false;
    return this.leftovers().length === 0;
  }

  /** What should not be there when all is over. */
  leftovers(): string[] {
    const left: string[] = [];
    const add = (what: string, count: number) => {
      if (count !== 0) left.push(`${what}: ${count}`);
    };
    for (const { thread, pending } of this.drivers) {
      add(`${thread.id} pending`, pending);
    }
    for (const node of this.nodes) {
      left.push(...leftoversOf(node, (id) => this.threads.has(id)));
    }
    for (const [id, thread] of this.threads) {
      for (const [what, count] of Object.entries(thread.leftovers())) {
        add(`${id} ${what}`, count);
      }
    }
    return left;
  }

  // -- What drivers do -------------------------------------------------------

  #act(driver: Driver): void {
    const acts = [
      () => this.#submit(driver),
      () => this.#submit(driver),
      () => this.#submit(driver),
      () => this.#stream(driver),
      () => this.#put(driver),
      () => this.#makeActor(driver),
      () => this.#call(driver),
      () => this.#call(driver),
      () => this.#read(driver),
      () => this.#read(driver),
      () => this.#drop(driver, driver.known.shift()),
      () => driver.handles.shift(),
    ];
    this.#dice.pick(acts)();
    this.#updateRoots(driver);
  }

  #submit(driver: Driver): void {
    const { thread } = driver;
    const handle = this.#dice.chance(0.3) ? driver.handles.at(-1) : undefined;
    const program = newProgram(
      this.#dice,
      () => this.#programs.length + 1,
      this.#dice.below(3),
      handle !== undefined,
    );
    this.#enter(program);
    const tops = this.#some(driver, 2);
    const held = this.#some(driver, 2);
    const frame = new Frame();
    this.#know(
      driver,
      ...submitProgram(thread, program, tops, held, handle, { frame }),
    );
  }

  #enter(program: Program): void {
    // Ids are places in the table; children's are taken when they are made.
    (program as { id: number }).id = this.#programs.push(program) - 1;
    program.children.forEach((child) => this.#enter(child));
  }

  #stream(driver: Driver): void {
    const { thread } = driver;
    const made = newProgram(this.#dice, () => 0, 0, false);
    const program = { ...made, failures: 0 };
    this.#enter(program);
    const backpressure = this.#dice.below(3);
    const items = new Map<number, ObjectRef>();
    const count = streamLength(program);
    driver.pending++;
    const end = () => {
      driver.pending--;
      for (const [index, ref] of items) {
        if (ref.state === "failed") continue;
        this.#know(driver, { ref, n: program.n + index });
      }
      frame.held.clear();
      thread.frames.delete(frame);
    };
    const frame = new Frame();
    thread.frames.add(frame);
    const number = submitStream(thread, program, backpressure, () => ({
      yielded: (index, ref) => {
        if (items.has(index)) return;
        items.set(index, ref);
        frame.held.add(ref);
        if (backpressure === 0) return;
        const reader = thread.owner.threadOf(number);
        if (!reader) return;
        const consumed = items.size;
        thread.send(reader, { type: "stream_consumed", number, consumed });
        thread.schedule();
      },
      ended: (ended) => {
        this.#check(ended === count, `A stream of ${count} gave ${ended}`);
        this.#check(items.size === count, "Items of a stream are missing");
        end();
      },
      restarted: () => {
        const reader = thread.owner.threadOf(number);
        if (!reader) return;
        const consumed = items.size;
        thread.send(reader, { type: "stream_consumed", number, consumed });
      },
      failed: (error) => {
        this.#checkError(thread.codec.decodeError(error as never), 0);
        end();
      },
    }));
  }

  #put(driver: Driver): void {
    const held = this.#some(driver, 2);
    const n = this.#dice.below(1_000);
    const pad = this.#dice.chance(0.4)
      ? { pad: new Uint8Array(110 * 1024) }
      : {};
    const value = {
      n,
      refs: held.map(({ ref }) => ref),
      ns: held.map((each) => each.n),
      ...pad,
    };
    driver.pending++;
    driver.thread.owner.put(value).then((ref) => {
      driver.pending--;
      this.#know(driver, { ref, n });
      this.#updateRoots(driver);
    }, (error) => this.#fail(error));
  }

  #makeActor(driver: Driver): void {
    if (driver.handles.length >= 3) return;
    const { thread } = driver;
    const actorId = `a-${++this.#actorCount}` as ActorId;
    const handle = thread.handle(actorId, true);
    const held = this.#some(driver, 1);
    const extra = held.length === 0 ? null : {
      n: 0,
      refs: held.map(({ ref }) => ref),
      ns: held.map((each) => each.n),
    };
    const fails = this.faults.threadsDie && this.#dice.chance(0.1) ? 1 : 0;
    const maxConcurrency = this.#dice.pick([1, 1, 3]);
    const encoded = thread.codec.encode(
      [fails, maxConcurrency === 1, extra],
      "args",
    );
    const { references } = thread.owner;
    references.pin(encoded.contained);
    thread.owner.channel(actorId).whenDead(() =>
      references.unpin(encoded.contained)
    );
    driver.handles.push(handle);
    thread.sendNode({
      type: "actor_register",
      actor: {
        actorId,
        className: "Actor",
        code: { hash: "actor", exportName: "", path: "" },
        args: encoded.toPayload(),
        namespace: "n",
        getIfExists: false,
        detached: false,
        isolation: this.#dice.pick(["thread", "shared"]),
        placement: this.#dice.chance(0.5) ? { CPU: 10_000 } : {},
        held: {},
        strategy: "default",
        maxRestarts: this.#dice.pick([0, 1, Infinity]),
        maxConcurrency,
        concurrencyGroups: {},
        interface: {
          className: "Actor",
          methods: [],
          maxTaskRetries: 0,
          maxPendingCalls: Infinity,
        },
      },
    });
  }

  #call(driver: Driver): void {
    if (driver.handles.length === 0) return;
    const handle = this.#dice.pick(driver.handles);
    const method = this.#dice.pick(["add", "add", "keep", "give"] as const);
    const call = {
      method,
      n: this.#dice.below(1_000),
      sequence: this.nextSequence(),
      maxRetries: this.#dice.pick([0, 2, Infinity]),
    };
    const tops = method === "give" ? [] : this.#some(driver, 1);
    const held = method === "keep" ? this.#some(driver, 2) : [];
    const frame = new Frame();
    this.#know(
      driver,
      callActor(driver.thread, handle, call, tops, held, { frame }),
    );
  }

  #some(driver: Driver, most: number): Tracked[] {
    const count = Math.min(this.#dice.below(most + 1), driver.known.length);
    return Array.from({ length: count }, () => this.#dice.pick(driver.known));
  }

  #know(driver: Driver, ...tracked: Tracked[]): void {
    if (!driver.thread.alive) return;
    driver.known.push(...tracked);
    while (driver.known.length > KNOWN_MAX) {
      this.#drop(driver, driver.known.shift());
    }
    this.#updateRoots(driver);
  }

  /** Gives a ref up, now or by leaving it to the collector. */
  #drop(driver: Driver, tracked: Tracked | undefined): void {
    if (!tracked) return;
    const { ref } = tracked;
    const isUsed = driver.reading.has(ref) ||
      driver.known.some((other) => other.ref === ref);
    if (!isUsed && this.#dice.chance(0.5)) ref[Symbol.dispose]();
  }

  #updateRoots({ thread, known, handles, reading }: Driver): void {
    const [frame] = thread.frames;
    frame!.held.clear();
    for (const { ref } of known) frame!.held.add(ref);
    for (const ref of reading.keys()) frame!.held.add(ref);
    for (const { hold } of handles) frame!.held.add(hold);
  }

  #read(driver: Driver): void {
    if (driver.known.length === 0) return;
    this.#readOne(driver, this.#dice.pick(driver.known));
  }

  #readAndDrop(driver: Driver): void {
    const tracked = driver.known.shift()!;
    this.#readOne(driver, tracked);
  }

  #readOne(driver: Driver, { ref, n }: Tracked): void {
    const { thread, reading } = driver;
    driver.pending++;
    reading.set(ref, (reading.get(ref) ?? 0) + 1);
    const end = () => {
      driver.pending--;
      const count = reading.get(ref)! - 1;
      if (count > 0) reading.set(ref, count);
      else reading.delete(ref);
      this.#updateRoots(driver);
    };
    thread.reading.getOne(ref, undefined, thread.scope(undefined)).then(
      (value) => {
        this.#checkValue(driver, value as SimValue, n, ref);
        end();
      },
      (error) => {
        this.#checkError(error, n);
        end();
      },
    );
  }

  // -- Checks ----------------------------------------------------------------

  #checkValue(
    driver: Driver,
    value: SimValue,
    n: Expected,
    ref: ObjectRef,
  ): void {
    this.#check(
      sumOf(value) === n,
      `${ref.id} should be ${n} and is ${sumOf(value)}`,
    );
    // Who gives a ref up gives it up for all values that it is in.
    const held = heldBy(value).filter(({ ref }) => !ref.disposed);
    if (this.#dice.chance(0.5)) this.#know(driver, ...held);
    const frame = new Frame();
    adopt(frame, value);
  }

  #check(isRight: boolean, problem: unknown): void {
    if (!isRight) this.#fail(problem);
  }

  #fail(problem: unknown): void {
    this.#failure ??= problem instanceof Error
      ? problem
      : new Error(String(problem));
  }

  began(run: TaskRun, program: Program): void {
    this.#noteWrong(this.#attempts.began(run, program));
  }

  told(owner: WorkerId, number: number, error?: WireError): void {
    this.#noteWrong(this.#attempts.told(owner, number, error));
  }

  #checkError(error: unknown, n: Expected): void {
    this.#check(mayBeTold(error, n, this.faults), error);
  }

  #noteWrong(problem: string | undefined): void {
    if (problem !== undefined) this.#fail(problem);
  }

  // -- Faults ----------------------------------------------------------------

  #crashThread(): void {
    if (this.nodes.length === 0) return;
    const node = this.#dice.pick(this.nodes);
    const executors = [...node.threads]
      .filter((id) => this.threads.get(id)?.executor);
    if (executors.length === 0) return;
    const id = this.#dice.pick(executors);
    this.#tell(`Thread ${id} crashes`);
    this.stopThread(node, id);
  }

  #crashDriver(): void {
    if (this.drivers.length < 2) return;
    const [driver] = this.drivers.splice(this.#dice.below(2), 1);
    const { thread, node } = driver!;
    this.#tell(`Driver ${thread.id} crashes`);
    this.stopThread(node, thread.id);
  }

  #breakSome(): void {
    const ends = this.web.breakSome();
    if (ends) this.#tell(`The connection of ${ends} breaks`);
  }

  #pickWorker(): SimNode | undefined {
    const workers = this.nodes.filter((node) => node !== this.#head);
    return workers.length > 0 ? this.#dice.pick(workers) : undefined;
  }

  #crashNode(): void {
    const node = this.#pickWorker();
    if (node) this.#endNode(node, "crashes");
  }

  /** The head's process is killed, and started again after a while. */
  #crashHead(): void {
    if (!this.#head) return;
    const { host } = this.#head;
    this.#endNode(this.#head, "crashes: the head");
    this.#head = undefined;
    this.after(this.#dice.below(HEAD_AWAY_MS_MAX), () => {
      void this.#startNode(host).catch((error) => this.#fail(error));
    });
  }

  #cutOff(): void {
    const node = this.#pickWorker();
    if (!node) return;
    this.#tell(`Node ${node.nodeId} is cut off`);
    this.web.cutOff(node.host);
    this.after(200 + this.#dice.below(CUT_MS_MAX), () => {
      this.#tell(`Node ${node.nodeId} is reached again`);
      this.web.rejoin(node.host);
    });
  }

  async #joinNode(): Promise<void> {
    if (this.nodes.length < this.#size.nodes) await this.#startNode();
  }

  /** A node's process is gone, with all of its threads. */
  #endNode(node: SimNode, how: string): void {
    if (!node.isAlive) return;
    this.#tell(`Node ${node.nodeId} ${how}`);
    node.isAlive = false;
    this.web.crash(node.host);
    this.nodes.splice(this.nodes.indexOf(node), 1);
    for (const id of node.threads) this.#killThread(id);
    for (const driver of this.drivers.filter((each) => each.node === node)) {
      this.drivers.splice(this.drivers.indexOf(driver), 1);
    }
  }

  /** See {@linkcode SimHost}. */
  over(node: SimNode, why: string): void {
    this.#check(!why.includes("protocol_broken"), why);
    // No head here says goodbye: it lets in who comes, or says why not.
    this.#check(!why.includes("peer_left"), why);
    // Its process ends by itself, a moment later.
    this.after(
      this.#dice.below(20),
      () => this.#endNode(node, `is over: ${why}`),
    );
  }

  #tell(text: string): void {
    this.story.push(`${this.#steps} ${this.network.nowMs} ms: ${text}`);
    if (this.story.length > STORY_MAX) this.story.shift();
  }

  /** Not what its owner has written: that is lost with the owner alone. */
  #loseObject(): void {
    const node = this.#dice.pick(this.nodes);
    const entries = node.node.store.list().filter((
      { owner, number, state },
    ) =>
      state === "sealed" &&
      this.threads.get(owner)?.written.has(number) === false
    );
    if (entries.length === 0) return;
    const { owner, number } = this.#dice.pick(entries);
    this.#tell(`A copy of ${owner}/${number} is lost at ${node.nodeId}`);
    node.loseCopy(owner, number);
  }

  #killActor(): void {
    const [driver] = this.drivers;
    if (!driver || driver.handles.length === 0) return;
    const { actorId } = this.#dice.pick(driver.handles).hold;
    const noRestart = this.#dice.chance(0.3);
    driver.thread.sendNode({ type: "actor_kill", actorId, noRestart });
  }

  #cancel(): void {
    if (this.drivers.length === 0) return;
    const driver = this.#dice.pick(this.drivers);
    if (driver.known.length === 0) return;
    const { ref } = this.#dice.pick(driver.known);
    const { owner, id } = driver.thread;
    const recursive = this.#dice.chance(0.5);
    const wish = { force: false, recursive };
    if (ref.ownerId !== id) {
      const { number } = ref;
      const type = "cancel_wanted";
      return driver.thread.send(ref.ownerId, { type, number, ...wish });
    }
    const task = owner.taskOf(ref);
    if (!task) return;
    const force = this.faults.threadsDie && !task.template.actorId &&
      this.#dice.chance(0.3);
    owner.cancel(task, { ...wish, force });
  }

  // -- Threads ---------------------------------------------------------------

  /** The head, if its machine is named or there was none. */
  async #startNode(headHost?: string): Promise<void> {
    const isHead = headHost !== undefined || this.#headAddress === undefined;
    const host = headHost ?? `m${++this.#machineCount}.example`;
    const nodeId = newId("node", this.random);
    const { cpus } = this.#size;
    const node = new SimNode(this, {
      ...{ nodeId, host, cpus },
      ...isHead
        ? { storage: this.#storage }
        : { headAddress: this.#headAddress! },
    });
    this.#tell(`Node ${nodeId} starts${isHead ? " as the head" : ""}`);
    if (isHead) this.nodes.unshift(node);
    else this.nodes.push(node);
    await node.begin();
    if (!isHead) return;
    this.#head = node;
    this.#headAddress = node.node.address;
  }

  #startDriver(node: SimNode): void {
    const id = newId("worker", this.random);
    const link = this.#newThread(node, id, true);
    const jobId: JobId = newId("job", this.random);
    node.addDriver(jobId, id, link);
    const thread = this.threads.get(id)!;
    thread.frames.add(new Frame());
    this.drivers.push({
      thread,
      node,
      known: [],
      handles: [],
      reading: new Map(),
      pending: 0,
    });
  }

  startThread(node: SimNode, id: WorkerId): SimLink {
    return this.#newThread(node, id, false);
  }

  /** Gives the node's end of the link to it. */
  #newThread(node: SimNode, id: WorkerId, isDriver: boolean): SimLink {
    const [nodeEnd, threadEnd] = this.network.connect([
      () => {
        if (node.isAlive) node.node.takeIn();
      },
      () => this.threads.get(id)?.schedule(),
    ], false);
    const start = () => {
      if (!node.isAlive || this.#stopped.has(id)) return;
      const thread = new SimThread(id, this, threadEnd, isDriver);
      this.threads.set(id, thread);
      thread.schedule();
    };
    // An executor takes its time; what is sent to it waits in its links.
    if (isDriver) start();
    else this.after(this.#dice.below(40), start);
    return nodeEnd;
  }

  /** The thread is gone some time later, and its node is told after that. */
  stopThread(node: SimNode, id: WorkerId): void {
    this.after(this.#dice.below(20), () => {
      this.#killThread(id);
      this.#stopped.add(id);
      this.after(
        this.#dice.below(20),
        () => node.threadEnded(id, "it crashed"),
      );
    });
  }

  #killThread(id: WorkerId): void {
    this.threads.get(id)?.kill();
    this.threads.delete(id);
  }

  newRing(id: WorkerId, end: RingLinkEnd): SimRing {
    const ring = new SimRing(end, () => this.threads.get(id)?.schedule());
    this.#rings.push(ring);
    return ring;
  }

  readonly random = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#dice.below(256);
  };

  // -- What threads ask for --------------------------------------------------

  readonly nowMs = (): number => this.network.nowMs;

  steps(): number {
    return this.#steps;
  }

  readonly after = (delayMs: number, callback: () => void): () => void => {
    const timer = { atMs: this.network.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  async loadCode(thread: SimThread, hash: string): Promise<unknown> {
    if (this.#dice.chance(0.3)) await this.sleep(this.#dice.below(30));
    if (hash === "actor") return actorClass(this);
    return hash === "stream"
      ? streamFunction(thread, this)
      : taskFunction(thread, this);
  }

  program(id: number): Program {
    const program = this.#programs[id];
    assert(program, `There is no program ${id}`);
    return program;
  }

  nextSequence(): number {
    return this.#sequence++;
  }
}
