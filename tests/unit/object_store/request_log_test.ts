// Requests that come again are told from those that come late.

import { REQUESTS_MISSING_MAX } from "../../../runtime/base/limits.ts";
import { RequestLog } from "../../../runtime/object_store/request_log.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("RequestLog", () => {
  it("takes each request once, in any order", () => {
    const log = new RequestLog();

    const answers = [1, 2, 2, 5, 4, 5, 1, 3, 3, 6].map((id) => log.add(id));

    assertEquals(
      answers,
      [true, true, false, true, true, false, false, true, false, true],
    );
  });

  it("refuses numbers far out of sequence", () => {
    const log = new RequestLog();

    assertEquals(log.add(REQUESTS_MISSING_MAX + 2), false);
    assertEquals(log.add(1), true);
  });
});
