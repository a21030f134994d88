import { ClusterWorld } from "./cluster_world.ts";
import { Dice } from "./dice.ts";
import { withSimWeakRefs } from "./sim_collector.ts";
await withSimWeakRefs(async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const w = new ClusterWorld(new Dice(seed), {
      isLossy: seed % 3 === 0,
      threadsDie: seed % 4 !== 0,
      driversDie: seed % 4 === 1,
      tasksAreCancelled: seed % 2 === 1,
    });
    const t0 = performance.now();
    for (let i = 0; i < 400; i++) await w.step();
    const t1 = performance.now();
    let n = 0;
    while (n < 6000 && !(n % 50 === 0 && w.isOver)) {
      n++;
      await w.calmStep();
    }
    console.log(
      seed,
      Math.round(t1 - t0),
      n,
      Math.round(performance.now() - t1),
    );
  }
});
