// Placement groups on an embedded cluster of one node: all or nothing, tasks
// and actors in them, children, and what their removal does.

import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  availableResources,
  cancel,
  context,
  get,
  kill,
  type PlacementGroup,
  placementGroup,
  PlacementGroupRemovedError,
  remote,
  TaskCancelledError,
  TaskUnschedulableError,
  wait,
} from "../../mod.ts";
import {
  blocked,
  blockUntil,
  eventually,
  Gate,
  newFlag,
  useCluster,
} from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

const where = remote(function where() {
  return context().assignedResources;
});

/** Keeps its CPU until the flag is raised. */
const hold = remote(function hold(flag: Int32Array, name: string) {
  blockUntil(flag);
  return name;
});

/** Gives its CPU back while it waits. */
const pass = remote(async function pass({ gate }: { gate: GateHandle }) {
  return await get(gate.pass.remote());
});

const parent = remote(async function parent() {
  return await get(where.remote());
});

class Holder {
  resources(): Record<string, number> {
    return context().assignedResources;
  }

  async child(): Promise<Record<string, number>> {
    return await get(where.remote());
  }
}

const RemoteHolder = remote(Holder);

const runsIn = remote(
  { numCpus: 0 },
  async function runsIn(box: { group: PlacementGroup }) {
    await box.group.ready();
    const inGroup = { schedulingStrategy: { placementGroup: box.group } };
    return [box.group.bundles, await get(where.options(inGroup).remote())];
  },
);

const makesGroup = remote({ numCpus: 0 }, async function makesGroup() {
  await using group = placementGroup([{ CPU: 1 }]);
  await group.ready();
  const inGroup = { schedulingStrategy: { placementGroup: group } };
  return await get(where.options(inGroup).remote());
});

/** Options for what is to run in a group. */
function inside(group: PlacementGroup, bundleIndex?: number) {
  const schedulingStrategy = bundleIndex === undefined
    ? { placementGroup: group }
    : { placementGroup: group, bundleIndex };
  return { schedulingStrategy };
}

async function freeCpus(): Promise<number> {
  return (await availableResources())["CPU"] ?? 0;
}

async function untilFree(cpus: number): Promise<void> {
  await eventually(
    async () => await freeCpus() === cpus,
    () => `${cpus} CPUs to be free`,
  );
}

describe("placementGroup()", () => {
  useCluster({ numCpus: 4, resources: { tape: 2 } });

  it("sets resources aside, and gives them back", async () => {
    const group = placementGroup([{ CPU: 2 }, { CPU: 1, tape: 1 }]);
    await group.ready();

    assertEquals(await freeCpus(), 1);
    assertEquals((await availableResources())["tape"], 1);
    assertEquals(group.bundles, [{ CPU: 2 }, { CPU: 1, tape: 1 }]);
    await group.remove();

    await untilFree(4);
  });

  it("is there for every strategy that one node can meet", async () => {
    for (const strategy of ["pack", "spread", "strictPack"] as const) {
      await using group = placementGroup([{ CPU: 1 }, { CPU: 1 }], {
        strategy,
      });
      await group.ready();
      assertEquals(await freeCpus(), 2);
    }
  });

  it("is all or nothing", async () => {
    const first = placementGroup([{ CPU: 3 }]);
    await first.ready();
    const second = placementGroup([{ CPU: 1 }, { CPU: 1 }]);

    assertEquals(await second.wait(0), false);
    assertEquals(await freeCpus(), 1);
    await first.remove();

    assertEquals(await second.wait(20_000), true);
    assertEquals(await freeCpus(), 2);
    await second.remove();
  });

  it("waits when no node could hold it, and can be removed", async () => {
    const tooLarge = placementGroup([{ CPU: 5 }]);
    const apart = placementGroup([{ CPU: 1 }, { CPU: 1 }], {
      strategy: "strictSpread",
    });

    assertEquals(await tooLarge.wait(0), false);
    assertEquals(await apart.wait(0), false);
    assertEquals(await freeCpus(), 4);
    const ready = assertRejects(tooLarge.ready(), PlacementGroupRemovedError);
    await tooLarge.remove();
    await apart.remove();

    await ready;
    await assertRejects(tooLarge.ready(), PlacementGroupRemovedError);
  });

  it("can be removed twice, and disposed of", async () => {
    const group = placementGroup([{ CPU: 1 }]);
    await group.ready();
    await group.remove();
    await group.remove();
    {
      using again = placementGroup([{ CPU: 4 }]);
      await again.ready();
    }
    await untilFree(4);
  });

  it("takes known options and sound bundles only", () => {
    assertThrows(() => placementGroup([]), RangeError);
    assertThrows(() => placementGroup([{}]), RangeError);
    assertThrows(() => placementGroup([{ CPU: -1 }]), RangeError);
    assertThrows(() => placementGroup([{ CPU: "1" } as never]), TypeError);
    assertThrows(
      () => placementGroup([{ CPU: 1 }], { strategy: "tight" as never }),
      RangeError,
    );
    assertThrows(
      () => placementGroup([{ CPU: 1 }], { size: 1 } as never),
      TypeError,
      "size",
    );
  });

  it("is waited for as long as it takes, and not for nonsense", async () => {
    using group = placementGroup([{ CPU: 4 }]);
    assertEquals(await group.wait(Infinity), true);
    await assertRejects(() => group.wait(-1), RangeError, "timeoutMs");
    await assertRejects(() => group.wait(NaN), RangeError, "timeoutMs");
    await assertRejects(() => group.wait("1" as never), TypeError);
  });

  it("can be made in a task", async () => {
    assertEquals(await get(makesGroup.remote()), { CPU: 1 });
  });
});

describe("work in a placement group", () => {
  useCluster({ numCpus: 4 });

  it("runs, tasks and actors", async () => {
    await using group = placementGroup([{ CPU: 2 }]);
    await group.ready();
    const holder = RemoteHolder.options({ numCpus: 1, ...inside(group) })
      .remote();

    assertEquals(await get(holder.resources.remote()), { CPU: 1 });
    assertEquals(
      await get(where.options(inside(group)).remote()),
      { CPU: 1 },
    );
    assertEquals(await freeCpus(), 2);
    kill(holder);
  });

  it("waits for the group, as tasks submitted before it is ready", async () => {
    await using group = placementGroup([{ CPU: 1 }]);

    assertEquals(await get(where.options(inside(group)).remote()), { CPU: 1 });
  });

  it("uses no more than the group has", async () => {
    using flag = await newFlag();
    await using group = placementGroup([{ CPU: 1 }]);
    const held = hold.options(inside(group));
    const refs = [held.remote(flag.ref, "a"), held.remote(flag.ref, "b")];
    await blocked(flag, 1);

    assertEquals(await get(where.remote()), { CPU: 1 });
    assertEquals(await flag.word(1), 1);
    assertEquals((await wait(refs, { timeout: 0 }))[0], []);
    flag.raise();

    assertEquals(await get(refs), ["a", "b"]);
  });

  it("goes to the bundle that it names", async () => {
    using flag = await newFlag();
    await using group = placementGroup([{ CPU: 1 }, { CPU: 1 }]);
    const first = hold.options(inside(group, 0));
    const a = first.remote(flag.ref, "a");
    await blocked(flag, 1);
    const b = first.remote(flag.ref, "b");

    assertEquals(
      await get(where.options(inside(group, 1)).remote()),
      { CPU: 1 },
    );
    assertEquals((await wait([a, b], { timeout: 0 }))[0], []);
    flag.raise();

    assertEquals(await get([a, b]), ["a", "b"]);
  });

  it("leaves what is outside of it alone", async () => {
    await using group = placementGroup([{ CPU: 3 }]);
    await group.ready();

    assertEquals(await get(where.remote()), { CPU: 1 });
    const outside = where.options({ numCpus: 2 }).remote();
    assertEquals((await wait([outside], { timeout: 0 }))[0], []);
    cancel(outside);
    await assertRejects(get(outside), TaskCancelledError);
  });

  it("can be started by a task that was given the group", async () => {
    await using group = placementGroup([{ CPU: 4 }]);

    const [bundles, resources] = await get(runsIn.remote({ group }));

    assertEquals(bundles, [{ CPU: 4 }]);
    assertEquals(resources, { CPU: 1 });
  });

  it("captures children if asked to", async () => {
    await using group = placementGroup([{ CPU: 4 }]);
    await group.ready();
    const placement = { placementGroup: group };
    const captures = { ...placement, captureChildTasks: true };

    const child = parent.options({ schedulingStrategy: captures }).remote();
    assertEquals(await get(child), { CPU: 1 });
    const holder = RemoteHolder.options({
      numCpus: 1,
      schedulingStrategy: captures,
    }).remote();
    assertEquals(await get(holder.child.remote()), { CPU: 1 });
    kill(holder);

    // All CPUs are the group's: an ordinary child waits for ever.
    const stuck = parent.options({ schedulingStrategy: placement }).remote();
    assertEquals((await wait([stuck], { timeout: 100 }))[0], []);
    cancel(stuck);
    await assertRejects(get(stuck), TaskCancelledError);
  });

  it("fails with TaskUnschedulableError if it can never be met", async () => {
    await using group = placementGroup([{ CPU: 1 }]);
    await group.ready();

    assertThrows(
      () => where.options(inside(group, 3)),
      RangeError,
      "bundleIndex",
    );
    await assertRejects(
      get(where.options({ numCpus: 2, ...inside(group) }).remote()),
      TaskUnschedulableError,
    );
    const holder = RemoteHolder.options({ numCpus: 2, ...inside(group) })
      .remote();
    await assertRejects(
      get(holder.resources.remote()),
      TaskUnschedulableError,
    );
    assertThrows(
      () => where.options(inside(group, -2)),
      RangeError,
      "bundleIndex",
    );
  });
});

describe("the removal of a placement group", () => {
  useCluster({ numCpus: 4 });

  it("fails running and queued tasks", async () => {
    using gate = Gate.remote();
    const group = placementGroup([{ CPU: 1 }]);
    const waits = pass.options(inside(group));
    const refs = [waits.remote({ gate }), waits.remote({ gate })];
    await get(gate.arrivals.remote(1));

    await group.remove();

    for (const ref of refs) {
      await assertRejects(get(ref), PlacementGroupRemovedError);
    }
    gate.open.remote();
    await untilFree(4);
  });

  it("ends a task in an endless loop", async () => {
    const group = placementGroup([{ CPU: 1 }]);
    await group.ready();
    using gate = Gate.remote();
    gate.open.remote();
    const endless = spin.options(inside(group)).remote({ gate });
    await get(gate.arrivals.remote(2));

    await group.remove();

    await assertRejects(get(endless), PlacementGroupRemovedError);
    await untilFree(4);
  });

  it("ends a task that does not heed it", async () => {
    const group = placementGroup([{ CPU: 1 }]);
    await group.ready();
    using gate = Gate.remote();
    gate.open.remote();
    const heedless = wander.options(inside(group)).remote({ gate });
    await get(gate.arrivals.remote(1));

    await group.remove();

    await assertRejects(get(heedless), PlacementGroupRemovedError);
    // The last hold on the gate goes with the task's thread.
    await untilFree(4);
  });

  it("fails actors and their calls", async () => {
    const group = placementGroup([{ CPU: 1 }]);
    const holder = RemoteHolder.options({ numCpus: 1, ...inside(group) })
      .remote();
    await get(holder.resources.remote());

    await group.remove();

    const error = await assertRejects(get(holder.resources.remote()));
    assert(
      error instanceof PlacementGroupRemovedError ||
        error.cause instanceof PlacementGroupRemovedError,
      String(error),
    );
    await untilFree(4);
  });

  it("fails what is submitted after it", async () => {
    const group = placementGroup([{ CPU: 1 }]);
    await group.ready();
    await group.remove();

    await assertRejects(
      get(where.options(inside(group)).remote()),
      PlacementGroupRemovedError,
    );
    const holder = RemoteHolder.options(inside(group)).remote();
    await assertRejects(
      get(holder.resources.remote()),
      PlacementGroupRemovedError,
    );
  });

  it("comes with the end of the actor that made it", async () => {
    const maker = GroupMaker.remote();
    assertEquals(await get(maker.make.remote(undefined)), true);
    assertEquals(await freeCpus(), 2);

    kill(maker);

    await untilFree(4);
  });

  it("does not come with that end if the group is detached", async () => {
    const maker = GroupMaker.remote();
    assertEquals(await get(maker.make.remote("detached")), true);
    const group = await get(maker.given.remote());
    kill(maker);
    await assertRejects(get(maker.given.remote()));

    assertEquals(await freeCpus(), 2);
    assertEquals(await group.wait(0), true);
    await group.remove();
  });
});

const spin = remote(
  async function spin({ gate }: { gate: GateHandle }): Promise<void> {
    await get(gate.pass.remote());
    // Not awaited: a wait would end with the lease, and the loop not begin.
    gate.pass.remote();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (;;);
  },
);

/** Looks neither at its signal nor at the clock. */
const wander = remote(
  async function wander({ gate }: { gate: GateHandle }): Promise<void> {
    gate.pass.remote();
    for (;;) await new Promise((resolve) => setTimeout(resolve, 1));
  },
);

const GroupMaker = remote(
  { numCpus: 0 },
  class GroupMaker {
    #group: PlacementGroup | undefined;

    make(lifetime: "detached" | undefined): Promise<boolean> {
      this.#group = placementGroup([{ CPU: 2 }], { lifetime });
      return this.#group.wait(20_000);
    }

    given(): PlacementGroup {
      return this.#group!;
    }
  },
);
