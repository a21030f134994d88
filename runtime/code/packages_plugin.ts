// Leads esbuild to the packages of a task's environment, before those that
// the user's project has. Packages find what they need beside themselves.

import type {
  ImportKind,
  OnResolveArgs,
  OnResolveResult,
  Plugin,
  PluginBuild,
} from "esbuild";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isInNativePackage } from "./native_package.ts";
import type { PackageFolder } from "./variant.ts";

/** Says that a resolution is ours, so that our plugins let it pass. */
export const PASS = { isManta: true };

/** For texts that have no plugin of their own. */
export function packagesPlugin(
  packages: PackageFolder,
  rest?: "rest_is_external",
): Plugin {
  return {
    name: "manta-packages",
    setup: (build) => {
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.pluginData === PASS || args.kind === "entry-point") return;
        const found = await findInPackages(build, args, packages);
        if (found || !rest || isOfPackage(args)) return found;
        return { path: args.path, external: true };
      });
    },
  };
}

/** The package's file, if the environment has it and the user asks. */
export async function findInPackages(
  build: PluginBuild,
  args: OnResolveArgs,
  { path }: PackageFolder,
): Promise<OnResolveResult | undefined> {
  if (isOfPackage(args) || !isInstalled(args.path, path)) return undefined;
  const found = await build.resolve(args.path, {
    kind: args.kind as Exclude<ImportKind, "entry-point">,
    resolveDir: path,
    with: args.with,
    pluginData: PASS,
  });
  if (found.errors.length > 0) return undefined;
  if (isInNativePackage(found.path)) {
    return { path: found.path, external: true };
  }
  const { namespace, sideEffects } = found;
  return { path: found.path, namespace, sideEffects };
}

function isOfPackage({ importer }: OnResolveArgs): boolean {
  return importer.includes("/node_modules/");
}

/** What the folders above have is no part of the environment. */
function isInstalled(specifier: string, folder: string): boolean {
  const [name] = /^(?:@[^/]+\/)?[^@./:][^/:]*(?=\/|$)/.exec(specifier) ?? [];
  return name !== undefined && existsSync(join(folder, "node_modules", name));
}
