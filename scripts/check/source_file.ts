// Reads and parses every source file of the project once, for all rules. Nothing
// here judges; the rules do.

import { parse } from "@babel/parser";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A node of the syntax tree, as far as the rules look at it. */
export interface SyntaxNode {
  readonly type: string;
  readonly loc: {
    readonly start: { readonly line: number };
    readonly end: { readonly line: number };
  };
  readonly leadingComments?: readonly Comment[] | null;
  readonly [key: string]: unknown;
}

/** A comment with its text, without the marks around it. */
export interface Comment {
  readonly type: "CommentBlock" | "CommentLine";
  readonly value: string;
  readonly loc: SyntaxNode["loc"];
}

/** One parsed file; paths are relative to the project and use slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  readonly program: SyntaxNode;
  readonly comments: readonly Comment[];
}

/** All source files by path, where they lie, and which could not be parsed. */
export interface Project {
  readonly root: string;
  readonly broken: readonly Finding[];
  readonly files: ReadonlyMap<string, SourceFile>;
}

/** Something that breaks a rule. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A rule looks at the whole project, since some concern several files. */
export type Rule = (project: Project) => readonly Finding[];

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "fixtures"]);

/** Parses all TypeScript files below `root`. */
export function loadProject(root: string): Project {
  const files = new Map<string, SourceFile>();
  const broken: Finding[] = [];
  for (const path of listFiles(root, "")) {
    try {
      files.set(path, parseFile(path, readFileSync(join(root, path), "utf8")));
    } catch (error) {
      broken.push({ path, line: 1, message: `cannot be parsed: ${error}` });
    }
  }
  return { root, files, broken };
}

function* listFiles(root: string, folder: string): Iterable<string> {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || SKIPPED_FOLDERS.has(entry.name)) continue;
    if (entry.isDirectory()) yield* listFiles(root, path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

function parseFile(path: string, text: string): SourceFile {
  const file = parse(text, {
    sourceType: "module",
    attachComment: true,
    plugins: ["typescript"],
  });
  return {
    path,
    text,
    lineCount: text.trimEnd().split("\n").length,
    program: file.program as unknown as SyntaxNode,
    comments: (file.comments ?? []) as unknown as Comment[],
  };
}

/** Calls `visit` with each node and its ancestors, the nearest one last. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => void,
  ancestors: SyntaxNode[] = [],
): void {
  visit(node, ancestors);
  ancestors.push(node);
  for (const child of childrenOf(node)) walk(child, visit, ancestors);
  ancestors.pop();
}

function* childrenOf(node: SyntaxNode): Iterable<SyntaxNode> {
  for (const [key, value] of Object.entries(node)) {
    if (key.endsWith("Comments") || key === "loc") continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isNode(item)) yield item;
    }
  }
}

/** Narrows a field of a node to a node. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string" && "loc" in value;
}

/** The name of an identifier or private name; undefined for other nodes. */
export function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === "Identifier") return String(value.name);
  if (value.type === "PrivateName") return nameOf(value.id);
  if (value.type === "StringLiteral") return String(value.value);
  return undefined;
}

/** A finding at a node. */
export function at(
  file: SourceFile,
  node: Pick<SyntaxNode, "loc">,
  message: string,
): Finding {
  return { path: file.path, line: node.loc.start.line, message };
}
