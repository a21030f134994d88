import {
  joinToken,
  newSecret,
  splitToken,
} from "../../../runtime/protocol/token.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const PIN = "A".repeat(43);

describe("splitToken", () => {
  it("takes apart what joinToken makes", () => {
    for (const parts of [{ secret: "s~-t" }, { secret: "s~x", pin: PIN }]) {
      assertEquals(splitToken(joinToken(parts)), parts);
    }
    assertEquals(splitToken(newSecret())?.pin, undefined);
  });

  it("takes a fingerprint that is none for part of the secret", () => {
    assertEquals(splitToken("s~sha256-short"), { secret: "s~sha256-short" });
  });

  it("knows what cannot be sent in a header", () => {
    for (const text of ["", " ", "a b", "a\r\nb", "ü", "a".repeat(2_000)]) {
      assertEquals(splitToken(text), undefined);
    }
    assertEquals(splitToken(`~sha256-${PIN}`)?.pin, undefined);
  });
});
