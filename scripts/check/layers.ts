// The layers of the project and the direction of imports between them, as the
// architecture has it: one table, from which everything else follows.

/** Folders of `runtime/` that meet in the wiring and never import each other. */
const PARTS = [
  "api",
  "code",
  "owner",
  "scheduler",
  "executor",
  "object_store",
  "control",
  "observe",
  "dashboard",
] as const;

const BELOW_PARTS = ["base", "protocol", "platform", "transport"] as const;
const RUNTIME = [...BELOW_PARTS, ...PARTS, "wiring"] as const;

/** For each layer the others that it may import. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ["base"],
  platform: ["base"],
  transport: ["base", "protocol", "platform"],
  ...Object.fromEntries(PARTS.map((part) => [part, BELOW_PARTS])),
  wiring: RUNTIME,
  mod: RUNTIME,
  lib: ["mod"],
  examples: ["mod", "lib"],
  // For objects that cross a connection, without a session around them, and to
  // time what an example does.
  bench: ["mod", "lib", "examples", "object_store", ...BELOW_PARTS],
  cli: [
    ...["mod", "lib", "bench", "base", "protocol", "platform", "wiring"],
    ...["api", "code"],
  ],
  // For the page of states, which is made from the tables themselves.
  scripts: ["scheduler", "control"],
  tests: ["mod", "lib", "cli", "bench", "scripts", "examples", ...RUNTIME],
};

/** The layer that a file belongs to. */
export function layerOf(path: string): string {
  const [top = "", second = ""] = path.split("/");
  if (path === "mod.ts") return "mod";
  if (top !== "runtime") return top;
  return second.endsWith(".ts") ? "wiring" : second;
}

/** Whether the architecture lets a file import another one. */
export function mayImport(path: string, target: string): boolean {
  const from = layerOf(path);
  const to = layerOf(target);
  return from === to || (IMPORTS[from]?.includes(to) ?? false);
}
