import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { classifySpecifier } from "../../../runtime/code/specifier.ts";
import { CodeProject } from "../../support/code_project.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url).href);

describe("classifySpecifier", () => {
  it("knows Manta by each of its names", () => {
    using project = new CodeProject();
    const importer = join(project.folder, "main.ts");
    const names = [
      "manta",
      "npm:manta@1",
      "jsr:@manta/manta@^0.1",
      "./manta/mod.ts",
    ];

    for (const name of names) {
      assertEquals(classifySpecifier(name, importer), { kind: "manta" });
    }
  });

  it("knows the project's own mod.ts by its path", () => {
    const importer = join(root, "examples", "any.ts");

    assertEquals(classifySpecifier("../mod.ts", importer).kind, "manta");
    assertEquals(classifySpecifier("../other/mod.ts", importer).kind, "file");
  });

  it("knows the modules that are built on the API", () => {
    const library = { kind: "library", name: "util" };

    assertEquals(classifySpecifier("manta/util", "/a.ts"), library);
    assertEquals(
      classifySpecifier("jsr:@manta/manta@1/util", "/a.ts"),
      library,
    );
  });

  it("leaves to the runtime what it brings or fetches", () => {
    for (
      const url of ["node:fs", "fs", "bun", "bun:ffi", "jsr:@a/b", "npm:x@1"]
    ) {
      assertEquals(classifySpecifier(url, "/a.ts"), { kind: "external", url });
    }
  });

  it("takes other names for packages", () => {
    assertEquals(classifySpecifier("hono/cors", "/a.ts"), {
      kind: "package",
      name: "hono/cors",
    });
  });

  it("asks the nearest deno.json that knows the name", () => {
    using project = new CodeProject();
    project.write(
      "deno.jsonc",
      `{ /* outer */ "imports": { "h": "npm:hono@4", "near": "npm:outer" } }`,
    );
    project.write(
      "inner/deno.json",
      `{ "imports": { "near": "./near.ts", "api": "jsr:@manta/manta@1" } }`,
    );
    const importer = join(project.folder, "inner", "main.ts");

    assertEquals(classifySpecifier("near", importer), {
      kind: "file",
      path: join(project.folder, "inner", "near.ts"),
    });
    assertEquals(classifySpecifier("h/cors", importer), {
      kind: "package",
      name: "h/cors",
      fallback: "npm:hono@4/cors",
    });
    assertEquals(classifySpecifier("api", importer), { kind: "manta" });
  });
});
