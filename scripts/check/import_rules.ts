// Who may import whom: the direction of imports, cycles (types included), files
// that nothing uses, and packages that must not be imported.

import { dirname, join } from "node:path/posix";

import { layerOf, mayImport } from "./layers.ts";
import {
  at,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  type SourceFile,
  type SyntaxNode,
  walk,
} from "./source_file.ts";

interface Import {
  readonly node: SyntaxNode;
  readonly specifier: string;
  /** The imported file of this project; undefined for packages. */
  readonly target: string | undefined;
}

const OWN_NAMES: Readonly<Record<string, string>> = {
  "manta": "mod.ts",
  "@std/testing/bdd": "tests/support/std_testing/bdd.ts",
};
const OWN_PREFIX = "manta/";

/** Packages that bring a native addon which breaks both runtimes. */
const FORBIDDEN_PACKAGES: Readonly<Record<string, string>> = {
  "cbor-x": 'import "cbor-x/encode" and "cbor-x/decode" instead',
  "cbor-extract": "it breaks both runtimes",
};

/** The rules of this file. */
export const checkImports: readonly Rule[] = [
  checkDirection,
  checkCycles,
  checkDeadFiles,
];

function checkDirection(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    for (const { node, specifier, target } of importsOf(file)) {
      const why = FORBIDDEN_PACKAGES[specifier];
      if (why !== undefined) {
        findings.push(at(file, node, `must not import "${specifier}": ${why}`));
      }
      if (target === undefined || node.type === "StringLiteral") continue;
      if (!project.files.has(target)) {
        findings.push(at(file, node, `imports ${target}, which is not there`));
      } else if (!mayImport(file.path, target)) {
        const from = layerOf(file.path);
        const to = layerOf(target);
        findings.push(
          at(file, node, `${from} must not import ${to} (${target})`),
        );
      }
    }
  }
  return findings;
}

/** Tarjan's strongly connected components over the files' imports. */
function checkCycles(project: Project): Finding[] {
  const findings: Finding[] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];

  function visit(path: string): number {
    order.set(path, order.size);
    let lowest = order.get(path) ?? 0;
    stack.push(path);
    for (const target of targetsOf(project, path)) {
      if (!order.has(target)) lowest = Math.min(lowest, visit(target));
      else if (stack.includes(target)) {
        lowest = Math.min(lowest, order.get(target) ?? lowest);
      }
    }
    low.set(path, lowest);
    if (lowest === order.get(path)) {
      const members = stack.splice(stack.indexOf(path));
      if (members.length > 1) {
        const message = `import cycle: ${members.join(" -> ")} -> ${path}`;
        findings.push({ path, line: 1, message });
      }
    }
    return lowest;
  }

  for (const path of project.files.keys()) if (!order.has(path)) visit(path);
  return findings;
}

/** Written and tested before what will use it; docs/decisions has why. */
const AHEAD: ReadonlySet<string> = new Set();

function checkDeadFiles(project: Project): Finding[] {
  const paths = [...project.files.keys()];
  const live = reach(project, paths.filter((path) => isProgramRoot(path)));
  const tested = reach(project, paths.filter((path) => isTestRoot(path)));
  return paths
    .filter((path) => !live.has(path))
    .filter((path) => !(tested.has(path) && path.startsWith("tests/")))
    .filter((path) => !AHEAD.has(path))
    .map((path) => ({
      path,
      line: 1,
      message: tested.has(path)
        ? "only tests import this file"
        : "nothing imports this file",
    }));
}

function isProgramRoot(path: string): boolean {
  return path === "mod.ts" || path === "cli/main.ts" ||
    /^(lib\/\w+\/mod|examples\/\w+|scripts\/\w+|bench\/\w+|bench\/side_by_side\/programs\/\w+)\.ts$/
      .test(path) ||
    /^tests\/support\/std_testing\//.test(path);
}

function isTestRoot(path: string): boolean {
  return /^tests\/.*_test\.ts$/.test(path) || /^tests\/types\//.test(path) ||
    path === "tests/simulation/by_hand.ts" || path === "tests/system/soak.ts";
}

function reach(project: Project, roots: readonly string[]): Set<string> {
  const found = new Set<string>();
  const queue = [...roots];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    queue.push(...targetsOf(project, path));
  }
  return found;
}

function targetsOf(project: Project, path: string): string[] {
  const file = project.files.get(path);
  if (file === undefined) return [];
  return importsOf(file)
    .map(({ target }) => target)
    .filter((target) => target !== undefined)
    .filter((target) => project.files.has(target));
}

const importsByFile = new WeakMap<SourceFile, readonly Import[]>();

function importsOf(file: SourceFile): readonly Import[] {
  const known = importsByFile.get(file);
  if (known !== undefined) return known;
  const imports: Import[] = [];
  walk(file.program, (node) => {
    const specifier = specifierOf(node) ?? pathIn(file, node);
    if (specifier !== undefined) {
      imports.push({ node, specifier, target: resolve(file.path, specifier) });
    }
  });
  importsByFile.set(file, imports);
  return imports;
}

/** What a node imports: statements, `import()`, types, and `new URL()`. */
function specifierOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return nameOf(node.source ?? node.argument);
    case "CallExpression": {
      const isImport = isNode(node.callee) && node.callee.type === "Import";
      return isImport ? nameOf(firstArgument(node)) : undefined;
    }
    case "NewExpression": {
      if (nameOf(node.callee) !== "URL") return undefined;
      const path = nameOf(firstArgument(node));
      return path?.startsWith(".") && path.endsWith(".ts") ? path : undefined;
    }
    default:
      return undefined;
  }
}

/** Tests start threads and processes by the path of a file. */
function pathIn(file: SourceFile, node: SyntaxNode): string | undefined {
  if (node.type !== "StringLiteral" || !file.path.startsWith("tests/")) return;
  const path = nameOf(node);
  return path?.startsWith(".") && path.endsWith(".ts") ? path : undefined;
}

function firstArgument(node: SyntaxNode): unknown {
  return Array.isArray(node.arguments) ? node.arguments[0] : undefined;
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const target = join(dirname(from), specifier);
    return target.endsWith(".ts") ? target : undefined;
  }
  if (specifier.startsWith(OWN_PREFIX)) {
    return `lib/${specifier.slice(OWN_PREFIX.length)}/mod.ts`;
  }
  return OWN_NAMES[specifier];
}
