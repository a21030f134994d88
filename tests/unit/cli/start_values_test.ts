import {
  parseBytes,
  parseCount,
  parseLabels,
  parseNames,
  parsePort,
  parseResources,
} from "../../../cli/commands/start_values.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

function refuses(parse: (text: string) => unknown, texts: readonly string[]) {
  for (const text of texts) assertThrows(() => parse(text), SyntaxError);
}

describe("parsePort", () => {
  it("takes the ports that there are", () => {
    assertEquals(["0", "6380", "65535"].map(parsePort), [0, 6380, 65_535]);
    refuses(parsePort, ["", "-1", "65536", "1.5", "0x10", "80a", "999999"]);
  });
});

describe("parseCount", () => {
  it("takes amounts, and no other notation of numbers", () => {
    assertEquals(["0", "2", "0.5"].map(parseCount), [0, 2, 0.5]);
    refuses(parseCount, ["", "-1", "1e3", "Infinity", "NaN", " 2", "two"]);
  });
});

describe("parseBytes", () => {
  it("takes bytes and units of them", () => {
    const texts = ["1000", "1k", "2M", "1.5GiB", "1gb", "0", "7B"];
    const expected = [1000, 1024, 2 ** 21, 1.5 * 2 ** 30, 2 ** 30, 0, 7];
    assertEquals(texts.map(parseBytes), expected);
    refuses(parseBytes, ["", "-1", "1x", "1 M", "M", "1e9", "30%"]);
  });
});

describe("parseResources", () => {
  it("takes an object of numbers", () => {
    assertEquals(parseResources('{"a": 1, "b": 0.5}'), { a: 1, b: 0.5 });
    refuses(parseResources, ["", "{", "1", "[1]", "null", '{"a":"1"}', "a=1"]);
  });
});

describe("parseNames", () => {
  it("takes names and addresses", () => {
    const names = ["example.org", "10.0.0.5", "::1"];
    assertEquals(parseNames(names.join(", ")), names);
    refuses(parseNames, ["", "a,", "a:1", "[::1]", "http://a", "a b"]);
  });
});

describe("parseLabels", () => {
  it("takes pairs", () => {
    assertEquals(parseLabels("zone=a, disk=s=d"), { zone: "a", disk: "s=d" });
    refuses(parseLabels, ["", "zone", "=a", "a=1,,b=2", "a=1,a=2"]);
  });
});
