// The rows of `manta microbenchmark --address`: Ray's rows from a driver whose
// head is another process, beside what a bare WebSocket and a bare TCP stream
// reach in the same run, and how long it takes to join.

import {
  clusterResources,
  get,
  init,
  type ObjectRef,
  put,
  shutdown,
  wait,
} from "manta";
import { TCP_GIGABYTE, WEB_SOCKET_ECHO } from "./limits.ts";
import { RAY_ROWS } from "./ray_rows.ts";
import { lengthOf, makeBytes } from "./remotes.ts";
import {
  type Measured,
  type Pace,
  repeat,
  type Row,
  summarizeByMedian,
  type Target,
} from "./row.ts";

const GIGABYTE = 1_000_000_000;
const JOINS = 10;
/** A store has one gigabyte given back while the next one is written. */
const WARM_UPS = 2;
/** Nodes compile their code side by side, as far as there are cores. */
const WARM_UP_CPUS_MAX = 8;

const HALF_OF_ECHO: Target = { ratios: { [WEB_SOCKET_ECHO]: 0.5 } };
const MOST_OF_TCP: Target = { ratios: { [TCP_GIGABYTE]: 0.6 } };

/** What Ray's rows must reach over a connection; the others nothing. */
const TARGETS: Readonly<Record<string, Target>> = {
  "single client tasks sync": HALF_OF_ECHO,
  "1:1 actor calls sync": HALF_OF_ECHO,
  "single client tasks async": { value: 200_000 },
};

/** All of them, for a cluster that is reached by this address. */
export function connectedRows(address: string): Row[] {
  return [
    ...RAY_ROWS.map(({ target: _, ...row }) => {
      const target = TARGETS[row.name];
      return {
        ...row,
        ...(target && { target }),
        measure: async (pace: Pace) => row.measure(await paceOfCluster(pace)),
      };
    }),
    {
      name: "1 GB to the head gigabytes",
      unit: "per second",
      target: MOST_OF_TCP,
      measure: putGigabyte,
    },
    {
      name: "1 GB from the head gigabytes",
      unit: "per second",
      target: MOST_OF_TCP,
      measure: getGigabyte,
    },
    {
      name: "join of a driver",
      unit: "microseconds",
      target: { value: 30_000 },
      measure: () => joinAndLeave(address),
    },
  ];
}

/** Each executor of the cluster has to compile what it runs. */
async function paceOfCluster(pace: Pace): Promise<Pace> {
  const { CPU: cpus = 1 } = await clusterResources();
  const times = Math.max(1, Math.min(cpus, WARM_UP_CPUS_MAX));
  return { ...pace, warmUpMs: pace.warmUpMs * times };
}

/** From the call of `put` until a task there has the value. */
async function putGigabyte({ runs }: Pace): Promise<Measured> {
  const bytes = new Uint8Array(GIGABYTE).fill(1);
  return await repeatWarm(runs, async () => {
    const startMs = performance.now();
    using ref = await put(bytes);
    using length = lengthOf.remote(ref);
    await get(length);
    return perSecond(startMs);
  });
}

async function getGigabyte({ runs }: Pace): Promise<Measured> {
  return await repeatWarm(runs, async () => {
    using ref: ObjectRef<Uint8Array> = makeBytes.remote(GIGABYTE);
    await wait([ref], { fetchLocal: false });
    const startMs = performance.now();
    await get(ref);
    return perSecond(startMs);
  });
}

/** The first times are for memory that was never used, on both sides. */
async function repeatWarm(
  runs: number,
  measureOnce: () => Promise<number>,
): Promise<Measured> {
  for (let n = 0; n < WARM_UPS; n++) await measureOnce();
  return await repeat(runs, measureOnce);
}

function perSecond(startMs: number): number {
  return 1_000 / (performance.now() - startMs);
}

async function joinAndLeave(address: string): Promise<Measured> {
  const figures: number[] = [];
  for (let join = 0; join < JOINS; join++) {
    await shutdown();
    const startMs = performance.now();
    await init({ address });
    figures.push((performance.now() - startMs) * 1_000);
  }
  return summarizeByMedian(figures);
}
