// The node's part in showing output, fed by hand: what it leads to the driver,
// what it skips, and whom it asks at a driver's end.

import type { NodeId, WorkerId } from "../../runtime/base/ids.ts";
import { OUTPUT_UNREAD_BYTES_MAX } from "../../runtime/base/limits.ts";
import { NodeOutput } from "../../runtime/node_output.ts";
import type { FromNode } from "../../runtime/protocol/node_messages.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

const [driver, first, second] = ["w-d", "w-1", "w-2"] as WorkerId[] as [
  WorkerId,
  WorkerId,
  WorkerId,
];
const LINES = [{ stream: "stdout", text: "hello", source: "work" }] as const;

function makeOutput() {
  const sent: string[] = [];
  const timers: (() => void)[] = [];
  const unread = { bytes: 0 };
  const output = new NodeOutput({
    driver,
    nodeId: "n-1" as NodeId,
    pidOf: () => 1,
    logFolder: "/logs",
    send: (to: WorkerId, message: FromNode) => {
      const text = message.type === "warning" ? `: ${message.text}` : "";
      sent.push(`${to} ${message.type}${text}`);
    },
    otherNodes: () => [],
    askNode: () => {},
    unreadBytes: () => unread.bytes,
    after: (_delayMs, callback) => void timers.push(callback),
  });
  return { output, timers, unread, take: () => sent.splice(0) };
}

describe("NodeOutput", () => {
  it("leads lines to the driver", () => {
    const { output, take } = makeOutput();
    output.printed(first, LINES);

    assertEquals(take(), ["w-d output"]);
  });

  it("skips what a driver does not read, and says so", () => {
    const { output, take, unread } = makeOutput();
    unread.bytes = OUTPUT_UNREAD_BYTES_MAX + 1;
    output.printed(first, LINES);
    output.printed(second, [...LINES, ...LINES]);
    assertEquals(take(), []);

    unread.bytes = 0;
    output.printed(first, LINES);
    assertEquals(take(), [
      "w-d warning: 3 lines of output were not shown, as the driver did not " +
      "read them in time; /logs has them",
      "w-d output",
    ]);
  });

  it("answers a driver's end once all threads have given theirs", () => {
    const { output, take, timers } = makeOutput();
    for (const thread of [driver, first, second]) output.heard(thread);
    output.wanted();
    assertEquals(take(), ["w-1 output_wanted", "w-2 output_wanted"]);

    output.given(first);
    assertEquals(take(), []);
    output.given(second);
    assertEquals(take(), ["w-d output_given"]);
    for (const timer of timers) timer();
    assertEquals(take(), []);
  });

  it("waits neither for threads that end nor for those that compute", () => {
    const { output, take, timers } = makeOutput();
    for (const thread of [first, second]) output.heard(thread);
    output.wanted();
    take();

    output.threadEnded(first);
    assertEquals(take(), []);
    for (const timer of timers) timer();
    assertEquals(take(), ["w-d output_given"]);
  });

  it("answers at once when no thread has said anything", () => {
    const { output, take } = makeOutput();
    output.heard(driver);
    output.wanted();

    assertEquals(take(), ["w-d output_given"]);
  });
});
