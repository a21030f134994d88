// Tasks on a real embedded cluster: calls, results, options, failures.

import { assertEquals, describe, it } from "../support/harness.ts";
import { get, put, remote } from "../../mod.ts";
import {
  blocked,
  blockUntil,
  Gate,
  newFlag,
  testCluster,
} from "../support/cluster.ts";

const square = remote(function square(x: number) {
  return x * x;
});
const hold = remote(function hold(flag: Int32Array) {
  blockUntil(flag);
  return flag[0];
});
const passGate = remote(async function passGate(box: { gate: InstanceType<typeof Object> }) {
  return box;
});

describe("a", () => {
  it("b", async () => {
    await using cluster = await testCluster();
    assertEquals(await get(square.remote(2)), 4);
    using flag = await newFlag();
    const ref = hold.remote(flag.ref);
    await blocked(flag, 1);
    console.log(await cluster.leftovers());
    flag.raise();
    assertEquals(await get(ref), 1);
    const gate = Gate.remote();
    const p = gate.pass.remote();
    await get(gate.arrivals.remote(1));
    await get(gate.open.remote());
    await get(p);
    console.log(await cluster.leftovers());
  });
});
