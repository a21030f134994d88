// Our tidy: checks the rules of the house that no compiler or linter knows. Each
// rule is one file in scripts/check/; this one runs them all and prints what
// they find. It must not change any file.

import process from "node:process";

import { checkImports } from "./check/import_rules.ts";
import { checkNames } from "./check/name_rules.ts";
import { checkProtocolPage } from "./check/protocol_page.ts";
import { checkPublicDocs } from "./check/public_docs.ts";
import { checkSizes } from "./check/size_rules.ts";
import { loadProject } from "./check/source_file.ts";
import { checkSyntax } from "./check/syntax_rules.ts";
import { checkVersions } from "./check/version_rules.ts";

const project = loadProject(process.cwd());
const rules = [
  ...checkImports,
  ...checkSizes,
  ...checkNames,
  ...checkSyntax,
  ...checkPublicDocs,
  ...checkProtocolPage,
  ...checkVersions,
];
const findings = [
  ...project.broken,
  ...rules.flatMap((rule) => rule(project)),
];

for (const { path, line, message } of findings) {
  console.error(`${path}:${line}: ${message}`);
}
console.log(
  `check: ${project.files.size} files, ${findings.length} findings`,
);
if (findings.length > 0) process.exitCode = 1;
