// Placement groups: set aside together or not at all, drawn from by their
// tasks and actors, gone with all that is in them.

import type { PlacementGroupId } from "../../../runtime/base/ids.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import { DrivenScheduler, typesOf } from "./scheduler_fixture.ts";

const GROUP = "p-1" as PlacementGroupId;

describe("Scheduler placement groups", () => {
  it("sets all bundles aside, or none", () => {
    const node = new DrivenScheduler({ CPU: 4 });

    assertEquals(typesOf(node.group("p-1", [{ CPU: 2 }, { CPU: 1 }])), [
      "confirm_group",
    ]);
    assertEquals(node.available(), { CPU: 1 });
    assertEquals(node.group("p-2", [{ CPU: 1 }, { CPU: 1 }]), []);
    assertEquals(node.available(), { CPU: 1 });

    assertEquals(typesOf(node.groupRemoved("p-1")), ["confirm_group"]);
    assertEquals(node.available(), { CPU: 2 });
  });

  it("runs its tasks in its bundles, the named one or any", () => {
    const node = new DrivenScheduler({ CPU: 3 });
    node.group("p-1", [{ CPU: 1 }, { CPU: 1 }]);
    const inSecond = { placementGroup: GROUP, bundleIndex: 1 };

    const [second] = node.grant("w-driver", { count: 2, strategy: inSecond });
    const strategy = { placementGroup: GROUP };
    const [first] = node.grant("w-driver", { count: 2, strategy });

    assertEquals([second!.bundleIndex, first!.bundleIndex], [1, 0]);
    assertEquals(node.scheduler.leases().length, 2);
    assertEquals(node.available(), { CPU: 1 });
  });

  it("lets tasks wait for a group that waits or is not known yet", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const strategy = { placementGroup: GROUP };
    const [lease] = node.grant("w-driver", { count: 1 });

    assertEquals(node.demand("w-other", { count: 1, strategy }), []);
    assertEquals(node.group("p-1", [{ CPU: 1 }]), []);
    node.demand("w-driver", { count: 0 });
    const actions = node.returned(lease!.leaseId);

    assertEquals(typesOf(actions), ["confirm_group", "grant_lease"]);
  });

  it("ends what is in it and what waits for it when it is removed", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const strategy = { placementGroup: GROUP };
    node.group("p-1", [{ CPU: 1 }]);
    node.grant("w-driver", { count: 2, strategy });
    node.startAll(node.actor("a-1", { placement: {}, strategy }));

    const types = typesOf(node.groupRemoved("p-1"));

    assertEquals(types, [
      "revoke_lease",
      "stop_thread",
      "fail_actor",
      "fail_demand",
    ]);
    assertEquals(node.available(), { CPU: 2 });
    assertEquals(node.groupRemoved("p-1"), []);
    assertEquals(node.group("p-1", [{ CPU: 1 }]), []);
  });

  it("fails what comes for a removed group or fits none of its bundles", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    node.group("p-1", [{ CPU: 1 }]);
    const inGroup = { placementGroup: GROUP };

    for (
      const [words, reason] of [
        [{ strategy: inGroup, needs: { CPU: 2 } }, "bundle_too_small"],
        [{ strategy: { ...inGroup, bundleIndex: 1 } }, "bundle_unknown"],
        [{ strategy: { ...inGroup, bundleIndex: -1 } }, "bundle_unknown"],
      ] as const
    ) {
      const [action] = node.demand("w-driver", { count: 1, ...words });
      assertEquals(action?.type === "fail_demand" && action.reason, reason);
    }
    node.groupRemoved("p-1");
    const strategy = { ...inGroup };
    const [action] = node.demand("w-driver", { count: 1, strategy });
    assertEquals(
      action?.type === "fail_demand" && action.reason,
      "group_removed",
    );
    const [failed] = node.actor("a-1", { strategy });
    assertEquals(
      failed?.type === "fail_actor" && failed.reason,
      "group_removed",
    );
  });

  it("warns once of a group that no set of nodes can hold", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    node.group("p-1", [{ CPU: 1 }, { CPU: 1 }], "strictSpread");
    node.tick(1);

    assertEquals(node.tick(9_000), []);
    const [warning] = node.tick(10_001);

    assertEquals(
      warning?.type === "warn_infeasible" && warning.reason,
      "nodes",
    );
    assertEquals(node.tick(30_000), []);
  });

  it("asks owners to make room for a group", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const leases = node.grant("w-driver", { count: 9 });

    const actions = node.group("p-1", [{ CPU: 1 }, { CPU: 1 }]);

    assertEquals(typesOf(actions), ["reclaim_lease", "reclaim_lease"]);
    node.demand("w-driver", { count: 0 });
    node.returned(leases[0]!.leaseId);
    assertEquals(typesOf(node.returned(leases[1]!.leaseId)), [
      "confirm_group",
    ]);
  });

  it("gives the CPU of a waiting task back to its bundle", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const strategy = { placementGroup: GROUP };
    node.group("p-1", [{ CPU: 1 }]);
    const [lease] = node.grant("w-driver", { count: 2, strategy });

    const [next] = node.startAll(node.blocked(lease!.leaseId));

    assertEquals(next?.bundleIndex, 0);
    assertEquals(node.available(), { CPU: 1 });
  });
});
