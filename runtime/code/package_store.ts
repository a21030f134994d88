// Packages of runtime environments, installed once per list of packages into
// a folder of the user's cache: whole or not at all, and by one process at a
// time. Rejects with `RuntimeEnvError` and what the installer said.

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { RuntimeEnvError } from "../base/errors.ts";
import {
  INSTALLER_OUTPUT_CHARS_MAX,
  PACKAGES_INSTALL_MS_MAX,
} from "../base/limits.ts";
import { type Installer, installers } from "../platform/installer.ts";
import { codeDirectory } from "./code_cache.ts";
import { sha256 } from "./source_file.ts";
import type { PackageFolder } from "./variant.ts";

/** How often it is looked whether another process is done. */
const LOCK_POLL_MS = 50;

const installing = new Map<string, Promise<PackageFolder>>();
let serial = 0;

/** The folder that has these packages; installs them at first. */
export async function packageFolder(
  specs: readonly string[],
): Promise<PackageFolder> {
  for (const spec of specs) refuseOption(spec);
  const wanted = [...new Set(specs)].sort();
  const { platform, arch } = process;
  const key = sha256(JSON.stringify([wanted, platform, arch]));
  let folder = installing.get(key);
  if (!folder) {
    folder = installed(key, wanted).finally(() => installing.delete(key));
    installing.set(key, folder);
  }
  return await folder;
}

async function installed(
  key: string,
  specs: readonly string[],
): Promise<PackageFolder> {
  const path = join(dirname(codeDirectory()), "npm", key);
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) {
    using _lock = await lock(`${path}.lock`);
    if (!existsSync(path)) await install(path, specs);
  }
  return { path: realpathSync(path), key };
}

async function install(path: string, specs: readonly string[]): Promise<void> {
  const partial = `${path}.${process.pid}.${serial++}.partial`;
  mkdirSync(partial);
  try {
    writeFileSync(join(partial, "package.json"), '{ "private": true }\n');
    await runInstaller(partial, specs);
    // Somebody may have taken our lock for a dead one's, and be done.
    if (!existsSync(path)) renameSync(partial, path);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Takes the first installer that can be started. */
async function runInstaller(
  folder: string,
  specs: readonly string[],
): Promise<void> {
  for (const installer of installers(specs)) {
    const outcome = await run(installer, folder);
    if (outcome.type === "absent") continue;
    if (outcome.type === "done") return;
    const { output, reason } = outcome;
    throw new RuntimeEnvError(
      `Cannot install ${specs.join(", ")}: ${installer.name} ${reason}. ` +
        `Its output:\n${output}`,
      { details: { packages: specs, output } },
    );
  }
  throw new RuntimeEnvError(
    `Cannot install ${specs.join(", ")}: there is no npm, bun or deno to do ` +
      "it. Install one of them, or bundle the packages with the driver",
    { details: { packages: specs, output: "" } },
  );
}

type Outcome =
  | { readonly type: "done" }
  /** There is no such program on this machine. */
  | { readonly type: "absent" }
  | {
    readonly type: "failed";
    readonly reason: string;
    readonly output: string;
  };

function run(
  { command, args, env }: Installer,
  folder: string,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = spawn(command, [...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let reason = "";
  const collect = (chunk: unknown) => {
    output = (output + String(chunk)).slice(-INSTALLER_OUTPUT_CHARS_MAX);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const timer = setTimeout(() => {
    reason = `took more than ${PACKAGES_INSTALL_MS_MAX / 1000} s`;
    child.kill("SIGKILL");
  }, PACKAGES_INSTALL_MS_MAX);
  child.on("error", (error: Error & { code?: string }) => {
    clearTimeout(timer);
    if (error.code === "ENOENT") return resolve({ type: "absent" });
    resolve({ type: "failed", reason: `did not start: ${error}`, output });
  });
  child.on("close", (code) => {
    clearTimeout(timer);
    if (code === 0) return resolve({ type: "done" });
    reason ||= `ended with code ${code}`;
    resolve({ type: "failed", reason, output: output.trim() });
  });
  return promise;
}

/** What starts with a dash would be an option of the installer's. */
function refuseOption(spec: string): void {
  if (!spec.startsWith("-")) return;
  throw new RuntimeEnvError(
    `Cannot install "${spec}": it is no package. Write "name" or ` +
      '"name@version"',
  );
}

/** Waits until no other process has the lock. */
async function lock(path: string): Promise<Disposable> {
  while (!tryLock(path)) {
    if (isStale(path)) rmSync(path, { recursive: true, force: true });
    else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  return {
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

function tryLock(path: string): boolean {
  try {
    // Fails when it is there.
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "EEXIST") return false;
    throw error;
  }
}

/** Its process is gone, or has had more time than it needs. */
function isStale(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  if (Date.now() - stat.mtimeMs > PACKAGES_INSTALL_MS_MAX) return true;
  const pid = parseInt(readText(path), 10);
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === "ESRCH";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
