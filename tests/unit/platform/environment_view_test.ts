// Layers of environment variables, and what a program sees through them.

import {
  asRecord,
  EnvironmentLayer,
  EnvironmentView,
} from "../../../runtime/platform/environment_view.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const BASE = { HOME: "/root", COLOR: "base" };

function viewOf(current: () => EnvironmentLayer): EnvironmentView {
  return new EnvironmentView({
    get: (name) => (BASE as Record<string, string>)[name],
    toObject: () => BASE,
  }, current);
}

describe("EnvironmentView", () => {
  it("shows the topmost layer that has the variable", () => {
    const under = new EnvironmentLayer(undefined, { COLOR: "red", A: "1" });
    const top = new EnvironmentLayer(under, { COLOR: "blue" });
    const view = viewOf(() => top);

    assertEquals(view.get("COLOR"), "blue");
    assertEquals(view.get("A"), "1");
    assertEquals(view.get("HOME"), "/root");
    assertEquals(view.get("NONE"), undefined);
    assertEquals(view.toObject(), { HOME: "/root", COLOR: "blue", A: "1" });
  });

  it("keeps changes in the layer that is current", () => {
    const under = new EnvironmentLayer(undefined, { COLOR: "red" });
    const layers = [new EnvironmentLayer(under), new EnvironmentLayer(under)];
    let current = 0;
    const view = viewOf(() => layers[current]!);

    view.set("COLOR", "green");
    view.delete("HOME");
    assertEquals(view.toObject(), { COLOR: "green" });

    current = 1;
    assertEquals(view.toObject(), { HOME: "/root", COLOR: "red" });
    assertEquals(BASE, { HOME: "/root", COLOR: "base" });
  });

  it("has the directory of the nearest layer with one", () => {
    const under = new EnvironmentLayer(undefined, {}, "/work");
    const view = viewOf(() => new EnvironmentLayer(under));

    assertEquals(view.directory, "/work");
    assertEquals(view.ownDirectory, "/work");
    assertEquals(viewOf(() => new EnvironmentLayer()).ownDirectory, undefined);
  });

  it("gives programs what they are not given otherwise", () => {
    const layer = new EnvironmentLayer(undefined, { COLOR: "red" }, "/work");
    const view = viewOf(() => layer);

    assertEquals(view.forProgram({}), {
      env: { HOME: "/root", COLOR: "red" },
      cwd: "/work",
    });
    const given = { env: { A: "1" }, cwd: "/else" };
    assertEquals(view.forProgram(given), given);
  });
});

describe("asRecord()", () => {
  it("behaves like process.env", () => {
    const layer = new EnvironmentLayer(undefined, { COLOR: "red" });
    const record = asRecord(viewOf(() => layer));

    Object.assign(record, { COUNT: 3 });
    assertEquals(record["COUNT"], "3");
    assertEquals("COUNT" in record, true);
    assertEquals(delete record["COUNT"], true);
    assertEquals("COUNT" in record, false);
    assertEquals(delete record["HOME"], true);
    assertEquals(record["HOME"], undefined);
    assertEquals({ ...record }, { COLOR: "red" });
    assertEquals(Object.entries(record), [["COLOR", "red"]]);
    assertEquals(Object.hasOwn(record, "COLOR"), true);
    assertEquals(typeof record.toString, "function");
  });
});
