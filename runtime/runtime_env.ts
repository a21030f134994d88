// Runtime environments on their way to a task or actor: what is asked for over
// what the caller passes on, as executors are told of it, and the copy of the
// code that belongs to it. Says no to what threads of one process cannot have.

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import type { RuntimeEnv } from "./api/option_types.ts";
import { RuntimeEnvError } from "./base/errors.ts";
import { packageFolder } from "./code/package_store.ts";
import type { CodeVariant } from "./code/variant.ts";
import type { WireEnvironment } from "./protocol/messages.ts";

/**
 * The environment for what a caller starts. To be called in the caller's own
 * context, whose variables and directory it means.
 *
 * @throws {RuntimeEnvError} If there cannot be such an environment.
 */
export function environmentFor(
  inherited: WireEnvironment | undefined,
  given: RuntimeEnv | undefined,
): WireEnvironment | undefined {
  if (!given) return inherited;
  refusePermissions(given);
  const envVars = { ...inherited?.envVars, ...expanded(given, inherited) };
  const workingDirectory = given.workingDirectory === undefined
    ? inherited?.workingDirectory
    : existing(given.workingDirectory);
  const npm = given.npm ?? inherited?.npm ?? [];
  const environment: WireEnvironment = {
    ...(Object.keys(envVars).length > 0 ? { envVars } : {}),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(npm.length > 0 ? { npm } : {}),
  };
  return Object.keys(environment).length > 0 ? environment : undefined;
}

/**
 * The variant of the code that runs in the environment; installs its packages
 * first. Rejects with `RuntimeEnvError` when they cannot be.
 */
export async function variantFor(
  environment: WireEnvironment | undefined,
): Promise<CodeVariant | undefined> {
  if (!environment) return undefined;
  const { envVars = {}, workingDirectory, npm } = environment;
  const packages = npm && await packageFolder(npm);
  const parts = [
    Object.entries(envVars).sort(([a], [b]) => a < b ? -1 : 1),
    workingDirectory ?? null,
    packages?.key ?? null,
  ];
  const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return { key, ...(packages ? { packages } : {}) };
}

const REFERENCE = /\$\{([^}]*)\}/g;

/** `${NAME}` is what the caller has there; nothing when it has not. */
function expanded(
  { envVars = {} }: RuntimeEnv,
  inherited: WireEnvironment | undefined,
): Record<string, string> {
  const known = inherited?.envVars ?? {};
  const valueOf = (name: string) => {
    if (Object.hasOwn(known, name)) return known[name]!;
    return Object.hasOwn(process.env, name) ? process.env[name]! : "";
  };
  return Object.fromEntries(
    Object.entries(envVars).map(([name, value]) => [
      name,
      value.replace(REFERENCE, (_, wanted: string) => valueOf(wanted)),
    ]),
  );
}

function existing(directory: string): string {
  const path = resolve(process.cwd(), directory);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new RuntimeEnvError(
    `Cannot use working directory "${path}": there is no such folder. ` +
      "Create it, or name one that is there",
    { details: { workingDirectory: path } },
  );
}

function refusePermissions({ permissions = "inherit" }: RuntimeEnv): void {
  if (permissions === "inherit") return;
  throw new RuntimeEnvError(
    "Cannot limit the permissions of a task or actor: it runs in a thread of " +
      "a process whose permissions all threads share. Leave `permissions` " +
      'out, or start the driver itself with fewer, such as "deno run ' +
      '--allow-read"',
  );
}
