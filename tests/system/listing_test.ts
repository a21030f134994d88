// `manta list` and `manta summary` as people and programs read them, and
// `manta/state` in a script that `manta run` runs.

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { NodeProject } from "../support/node_project.ts";

describe("manta list", () => {
  it("lists what a driver runs, and says what is wrong", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    const app = project.drivers.write(
      "app.ts",
      'import { get, remote } from "manta";',
      'import { listTasks } from "manta/state";',
      "const fail = remote({ maxRetries: 0 }, function fail() {",
      '  throw new Error("on purpose");',
      "});",
      "class Counter { add() { return 1; } }",
      "const counter = remote(Counter).remote();",
      "await get([1, 2, 3].map(() => counter.add.remote()));",
      "await get(fail.remote()).catch(() => {});",
      "const within = remote(async function within() {",
      '  const filters = [["name", "=", "fail"]] as const;',
      "  return (await listTasks({ filters })).total;",
      "});",
      "console.log(`within ${await get(within.remote())}`);",
      "setInterval(() => counter.add, 1_000);",
    );
    const driver = project.begin(["run", app], {
      env: { MANTA_ADDRESS: node.address },
    });
    await driver.printed("within 1");
    const list = (...words: string[]) => project.manta(["list", ...words]);

    const tasks = await list("tasks", "--filter", "state=FAILED");
    const json = await list("tasks", "--format", "json", "--limit", "2");
    const actors = await list("actors", "--detail");
    const nodes = await list("nodes", "--format", "yaml");
    const groups = await list("placement-groups");
    const jobs = await list("jobs");
    const summary = await project.manta(["summary", "tasks"]);
    const wrong = await list("tasks", "--filter", "stat=FAILED");
    const unknown = await list("tasksss");
    const nobody = await list("tasks", "--address", "127.0.0.1:1");
    driver.signal("SIGKILL");

    assertEquals([tasks.exit, tasks.stderr], [0, ""]);
    assertMatch(tasks.stdout, /ID +NAME +STATE +ATTEMPT/);
    assertMatch(tasks.stdout, /fail +FAILED +0 +NORMAL_TASK/);
    assertMatch(tasks.stdout, /TaskError .*\n1 tasks\n$/);
    const listing = JSON.parse(json.stdout);
    assertEquals([listing.items.length, listing.truncated], [2, true]);
    assert(listing.total >= 5);
    assertMatch(actors.stdout, /Counter +ALIVE/);
    assertStringIncludes(actors.stdout, "NAMESPACE");
    assertMatch(nodes.stdout, /state: ALIVE/);
    assertEquals([groups.exit, groups.stdout], [0, "0 placement groups\n"]);
    assertMatch(jobs.stdout, /RUNNING/);
    assertMatch(summary.stdout, /Counter\.add +3 +0 +3\n/);
    assertEquals([wrong.exit, unknown.exit, nobody.exit], [2, 2, 1]);
    assertStringIncludes(wrong.stderr, "a field of tasks: id, name");
    assertStringIncludes(nobody.stderr, "nothing listens there");
  });
});
