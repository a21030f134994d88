import { checkHosts } from "../../../cli/commands/reach_head.ts";
import { ConnectionError } from "../../../runtime/base/errors.ts";
import { assertThrows, describe, it } from "../../support/harness.ts";

describe("checkHosts", () => {
  it("takes a name of one machine, with an address of each kind", () => {
    checkHosts("head:6380", [{ address: "10.0.0.5", family: 4 }]);
    checkHosts("localhost:6380", [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ]);
  });

  it("refuses a name of several machines, and names them", () => {
    const hosts = ["10.0.0.5", "10.0.0.6"].map((address) => (
      { address, family: 4 }
    ));
    assertThrows(
      () => checkHosts("heads:6380", hosts),
      ConnectionError,
      "2 addresses (10.0.0.5, 10.0.0.6)",
    );
  });
});
