// Drivers that send what no driver sends, to a real head: to its node, to the
// calls of its node, and to an executor of their own. It ends their session,
// with the reason, and nobody else's. MANTA_FUZZ_SECONDS says for how long
// messages of chance are sent (0.5), MANTA_FUZZ_SEED with which seed (1).

import process from "node:process";
import { get, init, nodes, remote, shutdown } from "../../mod.ts";
import { newId } from "../../runtime/base/ids.ts";
import type { LinkMessage } from "../../runtime/transport/link.ts";
import { RemoteLink } from "../../runtime/transport/remote_link.ts";
import { Dice } from "../simulation/dice.ts";
import {
  afterAll,
  afterEach,
  assert,
  assertEquals,
  assertStringIncludes,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { HEAD_TOKEN, HeadProcess } from "../support/head_process.ts";
import { HostileDriver } from "../support/hostile_driver.ts";

const FUZZ_MS = Number(process.env["MANTA_FUZZ_SECONDS"] ?? 0.5) * 1_000;
const SEED = Number(process.env["MANTA_FUZZ_SEED"] ?? 1);

type Message = LinkMessage & Record<string, unknown>;

const double = remote((n: number): number => 2 * n);

const actorId = newId("actor");
const groupId = newId("placement_group");

const SCHEDULING_CLASS = {
  key: "a class",
  resources: { CPU: 10_000 },
  strategy: "default",
  labelSelector: { zone: "in(a, b)" },
};
const ACTOR = {
  actorId,
  className: "Mine",
  code: { hash: "0".repeat(64), exportName: "it", path: "" },
  args: [1, "two"],
  name: "mine",
  namespace: "hostile",
  getIfExists: false,
  detached: false,
  isolation: "thread",
  placement: { CPU: 10_000 },
  held: {},
  strategy: { placementGroup: groupId, bundleIndex: 0 },
  maxRestarts: 0,
  maxConcurrency: 1,
  concurrencyGroups: { io: 2 },
  interface: {
    className: "Mine",
    methods: [{
      name: "go",
      ...{ streaming: false, returns: 1, backpressure: 16 },
      ...{ maxTaskRetries: 0, retryExceptions: ["RangeError"], arity: [0, 1] },
    }],
    ...{ maxTaskRetries: 0, maxPendingCalls: Infinity },
  },
};

/** Whole messages to the node, of all kinds that a driver sends. */
function wholeMessages({ workerId }: HostileDriver): Message[] {
  const object = { owner: workerId, number: 7 };
  return [
    {
      type: "demand_change",
      schedulingClass: SCHEDULING_CLASS,
      ...{ count: 2, depth: 0 },
    },
    { type: "lease_return", leaseId: newId("lease") },
    { type: "link_request", peer: newId("worker") },
    { type: "actor_announce", actorId, named: { name: "a", namespace: "b" } },
    { type: "actor_register", actor: ACTOR },
    { type: "actor_watch", actorId },
    { type: "actor_hold", actorId },
    { type: "actor_drop", actorId },
    { type: "actor_kill", actorId, noRestart: true },
    {
      type: "actor_construction_failed",
      ...{ actorId, incarnation: 0 },
      error: {
        ...{ kind: "plain", className: "", name: "Error", message: "no" },
        stack: null,
      },
    },
    {
      type: "group_create",
      groupId,
      bundles: [{ CPU: 10_000 }, { GPU: 1 }],
      ...{ strategy: "pack", detached: false },
    },
    { type: "group_remove", groupId },
    { type: "thread_kill", workerId: newId("worker"), reason: "so" },
    { type: "output_wanted" },
    { type: "code_put", hash: "0".repeat(64), pieces: [new Uint8Array(3)] },
    { type: "object_create", requestId: 1, ...object, sizeBytes: 200_000 },
    { type: "object_chunk", requestId: 1, offset: 0, bytes: new Uint8Array(5) },
    { type: "object_seal", requestId: 1 },
    { type: "object_abort", requestId: 2 },
    { type: "object_open", requestId: 3, ...object },
    { type: "object_close", requestId: 3 },
    { type: "object_free", ...object },
    { type: "chunks_taken", count: 1 },
  ];
}

function call(name: string, ...args: readonly unknown[]): Message {
  const argumentList = args.map((value) => ({ type: "RAW", value }));
  const content = { id: "1", type: "APPLY", path: [name], argumentList };
  return { type: "control", content };
}

describe("a driver that sends what no driver sends", () => {
  let head: HeadProcess;
  beforeAll(async () => {
    head = await HeadProcess.start({ numCpus: 3 });
    await init({ address: head.address, token: HEAD_TOKEN });
  });
  afterEach(async () => {
    // The head, and the other driver, have not noticed.
    assertEquals(await get(double.remote(21)), 42);
    assertEquals((await nodes())[0]!.pid, head.pid);
  });
  afterAll(async () => {
    await shutdown();
    await head[Symbol.asyncDispose]();
  });

  const wrong: Readonly<Record<string, Message>> = {
    "schedulingClass.resources.CPU": {
      type: "demand_change",
      schedulingClass: { ...SCHEDULING_CLASS, resources: { CPU: -1 } },
      ...{ count: 1, depth: 0 },
    },
    "schedulingClass.labelSelector.zone": {
      type: "demand_change",
      schedulingClass: { ...SCHEDULING_CLASS, labelSelector: { zone: 5 } },
      ...{ count: 1, depth: 0 },
    },
    count: {
      type: "demand_change",
      schedulingClass: SCHEDULING_CLASS,
      ...{ count: NaN, depth: 0 },
    },
    "actor.interface.methods[0].name": {
      type: "actor_register",
      actor: { ...ACTOR, interface: { ...ACTOR.interface, methods: [{}] } },
    },
    "actor.strategy": {
      type: "actor_register",
      actor: { ...ACTOR, strategy: { nodeId: 1 } },
    },
    "bundles[1]": {
      type: "group_create",
      ...{ groupId, strategy: "pack", detached: false },
      bundles: [{}, "CPU"],
    },
    leaseId: { type: "lease_return", leaseId: "l".repeat(1_000) },
    pieces: { type: "code_put", hash: "0".repeat(64), pieces: 3 },
    sizeBytes: {
      type: "object_create",
      ...{ requestId: 1, owner: "w", number: 1, sizeBytes: 2 ** 40 },
    },
  };
  for (const [field, message] of Object.entries(wrong)) {
    it(`is told that ${field} of ${message.type} is wrong`, async () => {
      await using driver = await HostileDriver.join(head.port);
      driver.say(message);

      assertEquals(
        await driver.reason(),
        `Cannot read ${message.type}: its field ${field} is not what it must be`,
      );
    });
  }

  it("is told so for its first message, for a second one, and for what others send", async () => {
    await using first = await HostileDriver.connect(head.port);
    first.say({ ...first.hello, home: { pid: 0 } });
    assertStringIncludes(await first.reason(), "driver_hello: its field home");

    await using early = await HostileDriver.connect(head.port);
    early.say({ type: "output_wanted" });
    assertStringIncludes(await early.reason(), "output_wanted: nobody sends");

    await using observer = await HostileDriver.connect(head.port);
    observer.say({ type: "observer_hello" }, { type: "observer_hello" });
    assertStringIncludes(await observer.reason(), "observer_hello: nobody");

    for (const type of ["thread_exiting", "task_events", "segment_want", "x"]) {
      await using driver = await HostileDriver.join(head.port);
      driver.say({ type });
      assertStringIncludes(await driver.reason(), `${type}: nobody sends it`);
    }
  });

  it("is told so for calls", async () => {
    const calls: readonly (readonly [Message, string])[] = [
      [call("findActor", "a"), "content.argumentList"],
      [call("findActor", "a", 5), "content.argumentList[1]"],
      [call("constructor"), "content.path[0]"],
      [{ type: "control" }, "content"],
      [{ type: "nodes" }, "nodes: nobody sends it here"],
    ];
    for (const [message, field] of calls) {
      await using driver = await HostileDriver.join(head.port);
      driver.call(message);
      assertStringIncludes(await driver.reason(), field);
    }
  });

  it("ends its own job with what it sends to an executor", async () => {
    const frames: readonly (readonly [Uint8Array, string])[] = [
      // A list of four billion items.
      [Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff), "it ends too early"],
      [Uint8Array.of(0xff), "Cannot read a frame"],
      [Uint8Array.of(0x81, 0xa0), "it has no type"],
    ];
    for (const [bytes, reason] of frames) {
      await using driver = await HostileDriver.join(head.port);
      const { stream } = await driver.reachExecutor();
      driver.session.streams.open(stream, { part: () => {}, closed: () => {} })
        .send(bytes);

      assertStringIncludes(await driver.reason(), reason);
    }
  });

  it("ends its own job with messages that an executor cannot take in", async () => {
    const spec = {
      ...{ name: "any", returns: 1, backpressure: 0, resources: {} },
      code: { hash: "0".repeat(64), exportName: "it", path: "" },
    };
    const wrong: readonly (readonly [Message, string])[] = [
      [{ type: "task_push", template: 1, numbers: [1] }, "field args"],
      [{ type: "task_push", template: 1, numbers: [1, "2"] }, "numbers[1]"],
      [{ type: "stream_consumed", number: 1, consumed: NaN }, "consumed"],
      [{ type: "template_define", template: 2, spec: null }, "field spec"],
      [{ type: "borrow", numbers: 7 }, "field numbers"],
      [{ type: "actor_start" }, "nobody sends it here"],
    ];
    for (const [message, reason] of wrong) {
      await using driver = await HostileDriver.join(head.port);
      const { stream, lease } = await driver.reachExecutor();
      const link = new RemoteLink(driver.session.streams, stream);
      const template: Message = { type: "template_define", template: 1, spec };
      link.send(template);
      link.send({ ...message, lease } as LinkMessage);
      link.flush();

      assertStringIncludes(await driver.reason(), reason);
    }
  });

  it("hurts nobody with messages of chance", async () => {
    const endMs = performance.now() + FUZZ_MS;
    for (let round = 0; round === 0 || performance.now() < endMs; round++) {
      const dice = new Dice(SEED * 1_000_000 + round);
      await using driver = await HostileDriver.join(head.port);
      const whole = wholeMessages(driver);
      for (let n = 0; n < 20 && !driver.isEnded; n++) {
        const message = structuredClone(dice.pick(whole));
        const isChanged = dice.chance(0.3);
        driver.say(isChanged ? changed(message, dice) : message);
      }
      if (dice.chance(0.3)) {
        driver.call(changed(call("findActor", "a", "b"), dice));
      }
      // What it has said is answered, or it is out.
      driver.call(call("totals"));
      if (round % 10 === 0) assertEquals(await get(double.remote(4)), 8);
    }
    assert(head.pid > 0);
  });
});

const ODD: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 0.5, NaN, Infinity, 2 ** 60, "", "x"],
  ...["constructor", [], {}, [[]], { type: "x" }, new Uint8Array(1)],
  "y".repeat(70_000),
];

/** The message with another value somewhere in it, or with none. */
function changed(message: Message, dice: Dice): Message {
  let place: Record<string, unknown> = message;
  for (;;) {
    const names = Object.keys(place).filter((name) =>
      place !== message || name !== "type"
    );
    if (names.length === 0) return message;
    const name = dice.pick(names);
    const value = place[name];
    const isObject = typeof value === "object" && value !== null &&
      !(value instanceof Uint8Array);
    if (isObject && dice.chance(0.7)) {
      place = value as Record<string, unknown>;
      continue;
    }
    if (dice.chance(0.2)) delete place[name];
    else place[name] = dice.pick(ODD);
    return message;
  }
}
