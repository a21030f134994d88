// Manta's tasks as a pool of threads, under the rows of pool_rows.ts. Run by
// `manta run`.

import { get, init, remote, shutdown } from "manta";
import { spin } from "../../spin.ts";
import { runPoolRows } from "../pool_rows.ts";

const echo = remote(function echo(value: number): number {
  return value;
});
const burn = remote(spin);
const last = remote(function last(array: Float64Array): number {
  return array[array.length - 1]!;
});

await runPoolRows(async (threads) => {
  await init({ numCpus: threads });
  return {
    echo: (value) => get(echo.remote(value)),
    echoAll: (values) => get(values.map((value) => echo.remote(value))),
    spin: (rounds) => get(burn.remote(rounds)),
    last: (array) => get(last.remote(array)),
    lastOfGiven: (array) => get(last.remote(array)),
    end: () => shutdown(),
  };
});
