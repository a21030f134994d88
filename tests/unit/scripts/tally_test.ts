// The sums of a test run, from what each runtime really writes: Deno lists
// `describe` blocks as cases, Bun nests them as suites.

import { readJunit } from "../../../scripts/test_run/tally.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("readJunit()", () => {
  it("counts Deno's leaves, not their groups", () => {
    const tally = readJunit(`<testsuites>
      <testcase name="a" time="0">
        <failure message="1 test step failed">1 test step failed.</failure>
      </testcase>
      <testcase name="a &gt; b" time="0"></testcase>
      <testcase name="a &gt; c" time="0"><failure message="no">x</failure></testcase>
      <testcase name="a &gt; d" time="0"><skipped/></testcase>
      <testcase name="alone" time="0"></testcase>
    </testsuites>`);

    assertEquals(tally, { passed: 2, failed: 1, skipped: 1 });
  });

  it("counts a group whose own set-up failed", () => {
    const tally = readJunit(
      `<testcase name="a"><failure message="Error: x">x</failure></testcase>` +
        `<testcase name="a &gt; b"></testcase>`,
    );

    assertEquals(tally, { passed: 1, failed: 1, skipped: 0 });
  });

  it("counts Bun's cases in nested suites", () => {
    const tally = readJunit(`<testsuite name="a" failures="1">
      <testcase name="b" classname="a" time="0" />
      <testcase name="c" classname="a"><failure type="Error">x</failure></testcase>
      <testcase name="d" classname="a"><skipped /></testcase>
    </testsuite>`);

    assertEquals(tally, { passed: 1, failed: 1, skipped: 1 });
  });
});
