// Completion of a script's path, against a real folder.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completeScript } from "../../../cli/commands/complete_script.ts";
import { afterAll, assertEquals, describe, it } from "../../support/harness.ts";

describe("completeScript()", () => {
  const folder = mkdtempSync(join(tmpdir(), "manta-complete-"));
  mkdirSync(join(folder, "src"));
  for (const name of ["app.ts", "also.js", "notes.md", ".hidden.ts"]) {
    writeFileSync(join(folder, name), "");
  }
  afterAll(() => rmSync(folder, { recursive: true }));

  it("proposes scripts that go on from the partial name", () => {
    assertEquals(completeScript(`${folder}/ap`), [`${folder}/app.ts`]);
    assertEquals(
      completeScript(`${folder}/a`).sort(),
      [`${folder}/also.js`, `${folder}/app.ts`],
    );
  });

  it("proposes folders with a slash, and no other files", () => {
    assertEquals(
      completeScript(`${folder}/`).sort(),
      [`${folder}/also.js`, `${folder}/app.ts`, `${folder}/src/`],
    );
  });

  it("proposes nothing where there is no folder", () => {
    assertEquals(completeScript(`${folder}/nowhere/x`), []);
  });
});
