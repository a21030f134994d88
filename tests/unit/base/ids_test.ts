import {
  newId,
  objectIdText,
  taskIdText,
  type WorkerId,
} from "../../../runtime/base/ids.ts";
import {
  assertEquals,
  assertMatch,
  describe,
  it,
} from "../../support/harness.ts";

describe("newId", () => {
  it("shows what it is an id of", () => {
    assertMatch(newId("worker"), /^w-[a-z2-7]{12}$/);
    assertMatch(newId("placement_group"), /^p-[a-z2-7]{12}$/);
  });

  it("never gives the same id twice", () => {
    const ids = new Set(Array.from({ length: 1_000 }, () => newId("actor")));

    assertEquals(ids.size, 1_000);
  });

  it("takes its chance from who asks", () => {
    assertEquals(newId("node", (bytes) => bytes.fill(1)), "n-bbbbbbbbbbbb");
  });
});

describe("objectIdText", () => {
  it("names the owner and the number", () => {
    const owner = "w-abc" as WorkerId;

    assertEquals(objectIdText(owner, 36), "o-abc-10");
    assertEquals(taskIdText(owner, 36), "t-abc-10");
  });
});
