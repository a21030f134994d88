// The timeline of a session: what ran, seen as soon as it has a result.

import {
  assert,
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import { get, remote, timeline } from "../../mod.ts";
import { testCluster } from "../support/cluster.ts";

interface TraceEvent {
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly failed: boolean };
}

const square = remote(function square(x: number) {
  return x * x;
});
const fail = remote({ maxRetries: 0 }, function fail() {
  throw new Error("on purpose");
});

describe("timeline()", () => {
  it("has the tasks that have a result by now", async () => {
    await using _cluster = await testCluster();
    await get([1, 2, 3].map((x) => square.remote(x)));
    await get(fail.remote()).catch(() => {});

    const events = await timeline() as TraceEvent[];

    const squares = events.filter(({ name }) => name === "square");
    assertEquals(squares.length, 3);
    assert(squares.every(({ dur }) => dur >= 0));
    const failures = events.filter(({ args }) => args.failed);
    assertEquals(failures.map(({ name }) => name), ["fail"]);
  });

  it("is written to a path, and to nothing else", async () => {
    await using _cluster = await testCluster();
    await assertRejects(() => timeline(1 as never), TypeError, "takes a path");
  });
});
