// Labels of bundles: a copy of a bundle for each environment, and back.

import { inlineMapComment } from "../../../runtime/code/source_map.ts";
import { labelled, packagesOf } from "../../../runtime/code/variant.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const MAP = inlineMapComment("{}");
const TEXT = `export const a = 1;\n${MAP}`;
const PACKAGES = { path: "/packages", key: "p1" };

describe("labelled()", () => {
  it("gives each environment another text, with the map at its end", () => {
    const red = labelled(TEXT, { key: "red" });
    const blue = labelled(TEXT, { key: "blue" });

    assert(red !== blue && red !== TEXT);
    assert(red.startsWith("export const a = 1;\n"));
    assert(red.endsWith(MAP));
  });

  it("replaces a label, and takes it away", () => {
    const red = labelled(TEXT, { key: "red", packages: PACKAGES }, "hash");

    assertEquals(
      labelled(red, { key: "blue" }),
      labelled(TEXT, { key: "blue" }),
    );
    assertEquals(labelled(red, undefined), TEXT);
    assertEquals(labelled(TEXT, undefined), TEXT);
  });
});

describe("packagesOf()", () => {
  it("tells what a bundle was made with", () => {
    const red = labelled(TEXT, { key: "red", packages: PACKAGES }, "hash");

    assertEquals(packagesOf(red), { key: "p1", plainHash: "hash" });
    assertEquals(packagesOf(TEXT), { key: "", plainHash: "" });
    const plain = labelled(TEXT, { key: "red" });
    assertEquals(packagesOf(plain), { key: "", plainHash: "" });
  });
});
