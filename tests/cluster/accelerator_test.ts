// GPUs on an embedded cluster: which ones a task or actor is told to use.

import process from "node:process";
import { assertEquals, describe, it } from "../support/harness.ts";
import { type ActorHandle, context, get, kill, remote } from "../../mod.ts";
import { Gate, useCluster } from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

const VISIBLE = "CUDA_VISIBLE_DEVICES";

const gpus = remote({ numCpus: 0.1 }, async function gpus(gate?: Passing) {
  const { acceleratorIds } = context();
  if (gate) await get(gate.pass.remote());
  return [acceleratorIds["GPU"] ?? [], process.env[VISIBLE] ?? "unset"];
});

const Trainer = remote(
  class Trainer {
    readonly #first = context().acceleratorIds["GPU"];

    gpus() {
      const { GPU = [] } = context().acceleratorIds;
      return [this.#first, GPU, process.env["CUDA_VISIBLE_DEVICES"]];
    }
  },
);

describe("numGpus", () => {
  useCluster({ numGpus: 3 });

  it("gives a task GPUs of its own and tells it which", async () => {
    using gate = Gate.remote();
    const options = [1, 1, 0.5, 0.5].map((numGpus) => ({ numGpus }));
    const refs = options.map((each) => gpus.options(each).remote(gate));
    await get(gate.arrivals.remote(4));
    await get(gate.open.remote());

    const found = await get(refs);
    assertEquals(found.map(([ids]) => (ids as string[]).length), [1, 1, 1, 1]);
    const [a, b, c, d] = found.map(([ids]) => ids![0]);
    assertEquals(new Set([a, b, c]), new Set(["0", "1", "2"]));
    assertEquals(c, d);
    assertEquals(found.map(([ids]) => ids![0]), found.map(([, env]) => env));
  });

  it("gives none to a task that asks for none", async () => {
    assertEquals(await get(gpus.remote()), [
      [],
      process.env[VISIBLE] ?? "unset",
    ]);
  });

  it("gives an actor its GPUs for as long as it lives", async () => {
    using trainer = Trainer.options({ numGpus: 2 }).remote();
    const ids = ["0", "1"];
    assertEquals(await get(trainer.gpus.remote()), [ids, ids, "0,1"]);
    assertEquals(await get(gpus.options({ numGpus: 1 }).remote()), [
      ["2"],
      "2",
    ]);

    kill(trainer);
    assertEquals(await get(gpus.options({ numGpus: 3 }).remote()), [
      ["0", "1", "2"],
      "0,1,2",
    ]);
  });
});
