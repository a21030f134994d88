// Names that say nothing: words that the house does not use in identifiers and
// file names. Only declarations are looked at, since what others named stays.

import { basename } from "node:path/posix";

import {
  at,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  type SyntaxNode,
  walk,
} from "./source_file.ts";

const FORBIDDEN_WORDS = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "misc",
  "manager",
  "data",
  "info",
]);

/** Names that the public API or the platform fixes, and nouns that look wrong. */
const ALLOWED_NAMES = new Set([
  "ClusterInfo",
  "NodeInfo",
  "clusterInfo",
  "nodeInfo",
  "dataView",
  "processCpuMs",
]);
const ALLOWED_FILES = new Set(["lib/util/mod.ts"]);

/** The rules of this file. */
export const checkNames: readonly Rule[] = [checkFileNames, checkIdentifiers];

function checkFileNames(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const path of project.files.keys()) {
    if (ALLOWED_FILES.has(path)) continue;
    const name = basename(path, ".ts");
    const word = name.split(/[_.]/).find((part) => FORBIDDEN_WORDS.has(part));
    // A test is named after what it tests, `manta/util` included.
    if (word !== undefined && !path.startsWith("tests/")) {
      findings.push({ path, line: 1, message: `file name has "${word}"` });
    }
    if (!/^[a-z0-9]+([_.][a-z0-9]+)*$/.test(name)) {
      findings.push({ path, line: 1, message: "file name is not snake_case" });
    }
  }
  return findings;
}

function checkIdentifiers(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    if (/^(tests|examples)\//.test(file.path)) continue;
    walk(file.program, (node) => {
      for (const { name, isCallable, isType } of declaredNames(node)) {
        if (ALLOWED_NAMES.has(name)) continue;
        const problem = findProblem(name, isCallable, isType);
        if (problem === undefined) continue;
        findings.push(at(file, node, `"${name}" ${problem}`));
      }
    });
  }
  return findings;
}

interface DeclaredName {
  readonly name: string;
  readonly isCallable: boolean;
  readonly isType: boolean;
}

function declaredNames(node: SyntaxNode): DeclaredName[] {
  switch (node.type) {
    case "FunctionDeclaration":
      return [
        ...named(node.id, { isCallable: true }),
        ...patternNames(node.params),
      ];
    case "ClassMethod":
    case "ClassPrivateMethod":
    case "ObjectMethod":
      return [
        ...named(node.key, { isCallable: true }),
        ...patternNames(node.params),
      ];
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return patternNames(node.params);
    case "ClassDeclaration":
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return named(node.id, { isType: true });
    case "VariableDeclarator":
      return patternNames([node.id]);
    case "ClassProperty":
    case "ClassPrivateProperty":
      return named(node.key, {});
    default:
      return [];
  }
}

function named(
  node: unknown,
  kind: { isCallable?: boolean; isType?: boolean },
): DeclaredName[] {
  const name = nameOf(node);
  if (name === undefined) return [];
  return [{ name, isCallable: false, isType: false, ...kind }];
}

/** The names that parameters or a destructuring bring into being. */
function patternNames(patterns: unknown): DeclaredName[] {
  if (!Array.isArray(patterns)) return [];
  return patterns.filter(isNode).flatMap((node) => {
    switch (node.type) {
      case "Identifier":
        return named(node, {});
      case "AssignmentPattern":
        return patternNames([node.left]);
      case "RestElement":
        return patternNames([node.argument]);
      case "ArrayPattern":
        return patternNames(node.elements);
      case "ObjectPattern":
        return patternNames(node.properties);
      case "ObjectProperty":
        return patternNames([node.value]);
      default:
        return [];
    }
  });
}

function findProblem(
  name: string,
  isCallable: boolean,
  isType: boolean,
): string | undefined {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[_$]+/);
  const word = words.find((part) => FORBIDDEN_WORDS.has(part));
  if (word !== undefined) return `has the word "${word}", which says nothing`;
  if (isCallable && words[0] === "process" && words.length > 1) {
    return 'uses "process" as a verb: say what it does';
  }
  if (isType && words.at(-1) === "handle" && !words.includes("actor")) {
    return 'uses "handle" as a noun: say what it is';
  }
  return undefined;
}
