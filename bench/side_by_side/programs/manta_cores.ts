// Tasks per second by the number of cores: those that do nothing, and those that
// burn 10 ms each. Run by `manta run`.

import { availableParallelism } from "node:os";
import { get, init, type ObjectRef, remote, shutdown } from "manta";
import { spin } from "../../spin.ts";
import { calibrate, printRate } from "../pool_rows.ts";

const BURNS = 50;
const TASKS = 1_000;

const smallValue = remote(function smallValue(): string {
  return "ok";
});
const burn = remote(spin);

// Calibrated to 20 ms.
const rounds = Math.round(calibrate() / 2);
for (let cores = 1; cores <= availableParallelism(); cores++) {
  await init({ numCpus: cores });
  const [tasks, burns] = [`tasks, ${cores} cores`, `10 ms, ${cores} cores`];
  await printRate(
    tasks,
    TASKS,
    () => get(times(TASKS, () => smallValue.remote())),
  );
  await printRate(
    `tasks of ${burns}`,
    BURNS,
    () => get(times(BURNS, () => burn.remote(rounds))),
  );
  await shutdown();
}

function times<T>(count: number, make: () => ObjectRef<T>): ObjectRef<T>[] {
  return Array.from({ length: count }, make);
}
