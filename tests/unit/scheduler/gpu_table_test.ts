// GPUs one by one: whole ones are nobody else's, parts share as few as
// possible, also within placement groups.

import type { PlacementGroupId } from "../../../runtime/base/ids.ts";
import { gpusOf, GpuTable } from "../../../runtime/scheduler/gpu_table.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { DrivenScheduler, grantsIn, typesOf } from "./scheduler_fixture.ts";

const HALF = 5_000;
const ONE = 10_000;

function indices(table: GpuTable, units: number): number[] {
  return table.take(units).map(({ index }) => index);
}

describe("GpuTable", () => {
  it("gives whole GPUs to one taker each", () => {
    const table = new GpuTable(gpusOf(3 * ONE));

    assertEquals(indices(table, ONE), [0]);
    assertEquals(indices(table, 2 * ONE), [1, 2]);
    assert(!table.fits(1));
    assert(table.fits(0));
  });

  it("puts parts together", () => {
    const table = new GpuTable(gpusOf(2 * ONE));

    assertEquals(indices(table, HALF), [0]);
    assertEquals(indices(table, HALF), [0]);
    assertEquals(indices(table, ONE), [1]);
  });

  it("needs a whole GPU where parts of two are free", () => {
    const table = new GpuTable(gpusOf(2 * ONE));
    const [first] = [0, 1, 2, 3].map(() => table.take(HALF));
    const third = [{ index: 1, units: HALF }];

    table.giveBack(first!);
    table.giveBack(third);
    assertEquals(table.freeUnits, ONE);
    assert(!table.fits(ONE));
    assert(table.fits(HALF));
  });

  it("takes whole ones and a part together", () => {
    const table = new GpuTable(gpusOf(2 * ONE));

    assertEquals(indices(table, ONE + HALF), [0, 1]);
    assertEquals(table.freeUnits, HALF);
  });

  it("gives all sets their GPUs or none", () => {
    const table = new GpuTable(gpusOf(2 * ONE));

    assertEquals(table.takeAll([{ GPU: ONE }, { GPU: 2 * ONE }]), undefined);
    assertEquals(table.freeUnits, 2 * ONE);
    const taken = table.takeAll([{ GPU: HALF }, {}, { GPU: ONE }]);
    assertEquals(taken, [
      [{ index: 1, units: HALF }],
      [],
      [{ index: 0, units: ONE }],
    ]);
  });
});

describe("Scheduler GPUs", () => {
  it("names them in leases and takes them back", () => {
    const node = new DrivenScheduler({ CPU: 4, GPU: 2 });
    const needs = { GPU: 1 };

    const leases = node.grant("w-driver", { count: 3, needs });
    assertEquals(leases.map(({ gpus }) => gpus), [[0], [1]]);
    const next = node.startAll(node.returned(leases[1]!.leaseId));
    assertEquals(next.map(({ gpus }) => gpus), [[1]]);
    const [plain] = node.grant("w-other", { count: 1 });
    assertEquals(plain!.gpus, undefined);
  });

  it("lets a whole one wait for a whole one", () => {
    const node = new DrivenScheduler({ CPU: 8, GPU: 2 });
    const half = { GPU: 0.5 };
    const halves = node.grant("w-driver", { count: 4, needs: half });
    assertEquals(halves.map(({ gpus }) => gpus), [[0], [0], [1], [1]]);
    node.demand("w-driver", { count: 2, needs: half });
    node.returned(halves[0]!.leaseId);
    node.returned(halves[2]!.leaseId);

    assertEquals(node.available()["GPU"], 1);
    const needs = { GPU: 1 };
    assertEquals(node.grant("w-other", { count: 1, needs }), []);
    node.demand("w-driver", { count: 1, needs: half });
    const actions = node.returned(halves[3]!.leaseId);
    assertEquals(node.startAll(actions).map(({ gpus }) => gpus), [[1]]);
  });

  it("names those of actors and of bundles", () => {
    const node = new DrivenScheduler({ CPU: 4, GPU: 3 });
    const held = { GPU: 1 };
    const placed = node.actor("a-1", { held }).flatMap((action) =>
      action.type === "start_thread" ? node.started(action.threadId) : action
    ).find(({ type }) => type === "place_actor");
    assertEquals(placed && "gpus" in placed && placed.gpus, [0]);

    node.group("p-1", [{ GPU: 1 }, { GPU: 1 }]);
    const strategy = {
      placementGroup: "p-1" as PlacementGroupId,
      bundleIndex: 1,
    };
    const [lease] = node.grant("w-driver", {
      count: 1,
      needs: { GPU: 1 },
      strategy,
    });
    assertEquals(lease!.gpus, [2]);

    node.groupRemoved("p-1");
    node.actorEnded("a-1");
    assertEquals(node.available()["GPU"], 3);
  });

  it("creates a group only of whole GPUs where it asks for them", () => {
    const node = new DrivenScheduler({ CPU: 8, GPU: 2 });
    const half = { GPU: 0.5 };
    const halves = node.grant("w-driver", { count: 4, needs: half });
    node.demand("w-driver", { count: 0, needs: half });
    node.returned(halves[0]!.leaseId);
    node.returned(halves[2]!.leaseId);

    assertEquals(typesOf(node.group("p-1", [{ GPU: 1 }])), ["reclaim_lease"]);
    const actions = node.returned(halves[3]!.leaseId);
    assertEquals(typesOf(actions), ["confirm_group"]);
    assertEquals(grantsIn(actions), []);
  });
});
