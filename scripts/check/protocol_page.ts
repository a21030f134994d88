// docs/protocol.md names every message: whoever adds one to the unions must say
// there what it means. What is said of it is for people to judge.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  at,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  walk,
} from "./source_file.ts";

const PAGE = "docs/protocol.md";

/** Files that consist of messages. */
const MESSAGE_FILES = [
  "runtime/protocol/messages.ts",
  "runtime/protocol/node_messages.ts",
  "runtime/host_messages.ts",
  "runtime/child_messages.ts",
  "runtime/object_store/messages.ts",
];

/** The rules of this file. */
export const checkProtocolPage: readonly Rule[] = [checkNamed];

function checkNamed(project: Project): Finding[] {
  const page = join(project.root, PAGE);
  const text = existsSync(page) ? readFileSync(page, "utf8") : "";
  const findings: Finding[] = [];
  for (const path of MESSAGE_FILES) {
    const file = project.files.get(path);
    if (!file) continue;
    walk(file.program, (node) => {
      if (node.type !== "TSPropertySignature") return;
      if (nameOf(node.key) !== "type") return;
      walk(node, (inner) => {
        if (inner.type !== "TSLiteralType" || !isNode(inner.literal)) return;
        const name = nameOf(inner.literal);
        if (name === undefined || text.includes(`\`${name}\``)) return;
        findings.push(at(file, node, `${PAGE} does not name "${name}"`));
      });
    });
  }
  return findings;
}
