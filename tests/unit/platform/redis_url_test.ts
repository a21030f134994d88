// The address of a head's state in Redis: what it names, and what it may not be.

import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import {
  isRedisUrl,
  readRedisUrl,
} from "../../../runtime/platform/redis_server.ts";

describe("readRedisUrl()", () => {
  it("gives the state the name of the head's port, or the one that is said", () => {
    assertEquals(readRedisUrl("redis://some:secret@host:7000/2", 6380), {
      url: "redis://some:secret@host:7000/2",
      shown: "redis://host:7000/2",
      name: "6380",
    });
    assertEquals(readRedisUrl("rediss://host?name=blue-1", 6380), {
      url: "rediss://host",
      shown: "rediss://host",
      name: "blue-1",
    });
  });

  it("refuses what names no state", () => {
    const refused: [url: string, port: number, why: RegExp][] = [
      ["redis://", 6380, /host/],
      ["redis://host:port", 6380, /./],
      ["redis://host/two", 6380, /number of a database/],
      ["redis://host?name=", 6380, /1 to 64 letters/],
      ["redis://host?name=a}b", 6380, /1 to 64 letters/],
      ["redis://host?nam=a", 6380, /no option "nam"/],
      ["redis://host", 0, /give a port/],
    ];
    for (const [url, port, why] of refused) {
      const { message } = assertThrows(() => readRedisUrl(url, port), Error);
      assertEquals(why.test(message), true, `${url}: ${message}`);
      assertEquals(isRedisUrl(url), true);
    }
  });

  it("takes folders for folders", () => {
    for (const folder of ["redis", "./redis://host", "/redis", "redis:/a"]) {
      assertEquals(isRedisUrl(folder), false, folder);
    }
  });
});
