// Segment sizes: enough for the object, little more, few of them.

import { segmentBytesFor } from "../../../runtime/object_store/size_class.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const KIB = 1024;
const LARGE = 2 ** 40;

describe("segmentBytesFor()", () => {
  it("wastes at most an eighth and never cuts an object off", () => {
    for (let sizeBytes = 64 * KIB; sizeBytes < 2 ** 32; sizeBytes *= 1.013) {
      const objectBytes = Math.ceil(sizeBytes);
      const segmentBytes = segmentBytesFor(objectBytes, LARGE);
      const isTight = segmentBytes <= objectBytes * 1.125;
      assert(segmentBytes >= objectBytes && isTight, `${objectBytes}`);
    }
  });

  it("has eight sizes per power of two", () => {
    const sizes = new Set<number>();
    for (let bytes = 1024 * KIB + 1; bytes <= 2048 * KIB; bytes += 1000) {
      sizes.add(segmentBytesFor(bytes, LARGE));
    }
    sizes.add(segmentBytesFor(2048 * KIB, LARGE));

    assertEquals(sizes.size, 8);
  });

  it("keeps to the capacity and to what one segment may have", () => {
    assertEquals(segmentBytesFor(1_000_001, 1_000_001), 1_000_001);
    assertEquals(segmentBytesFor(900_000, 1_000_001), 917_504);
    assertEquals(segmentBytesFor(2 ** 32 - 65_536, LARGE), 2 ** 32);
    assertEquals(segmentBytesFor(0, LARGE), 64 * KIB);
    assertEquals(segmentBytesFor(10, 100), 100);
  });
});
