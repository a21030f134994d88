// The head's table of placement groups: who waits for one learns what became
// of it, in whatever order the messages about it arrive.

import type {
  JobId,
  PlacementGroupId,
  WorkerId,
} from "../../../runtime/base/ids.ts";
import { PlacementGroups } from "../../../runtime/control/placement_groups.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const GROUP = {
  groupId: "p-1" as PlacementGroupId,
  detached: false,
  bundles: [],
  strategy: "pack",
};
const CREATOR = "w-1" as WorkerId;
const JOB_ID = "j-1" as JobId;

describe("PlacementGroups.ready", () => {
  it("waits for a group whose creation arrives after the question", async () => {
    // The question and the creation travel over two links, which may overtake.
    const groups = new PlacementGroups();
    const ready = groups.ready(GROUP.groupId);

    groups.create(GROUP, CREATOR, JOB_ID);
    groups.created(GROUP.groupId);

    assertEquals(await ready, true);
    assertEquals(await groups.ready(GROUP.groupId), true);
  });

  it("is false for a group that was removed, before or after", async () => {
    const groups = new PlacementGroups();
    const early = groups.ready(GROUP.groupId);
    groups.create(GROUP, CREATOR, JOB_ID);
    const late = groups.ready(GROUP.groupId);

    groups.remove(GROUP.groupId);

    const after = groups.ready(GROUP.groupId);
    assertEquals(await Promise.all([early, late, after]), [
      false,
      false,
      false,
    ]);
  });

  it("does not bring back a group that was removed", async () => {
    const groups = new PlacementGroups();
    groups.create(GROUP, CREATOR, JOB_ID);
    groups.remove(GROUP.groupId);

    groups.create(GROUP, CREATOR, JOB_ID);

    assertEquals(groups.count, 0);
    assertEquals(await groups.ready(GROUP.groupId), false);
  });
});
