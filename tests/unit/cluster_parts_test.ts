import type { JobId, NodeId } from "../../runtime/base/ids.ts";
import {
  ClusterParts,
  type ClusterPartsPorts,
} from "../../runtime/cluster_parts.ts";
import type { ClusterMessage } from "../../runtime/protocol/cluster_messages.ts";
import type {
  NodePart,
  PartRequest,
} from "../../runtime/protocol/state_answers.ts";
import { assertEquals, assertMatch, describe, it } from "../support/harness.ts";

const OWN = "n-aaaaaaaaaaaa" as NodeId;
const OTHER = "n-bbbbbbbbbbbb" as NodeId;
const THIRD = "n-cccccccccccc" as NodeId;
const JOB = "j-1" as JobId;

const PENDING: PartRequest = { noun: "pending", bytesMax: 9 };

function make(ports: Partial<ClusterPartsPorts> = {}) {
  const sent: [NodeId, ClusterMessage][] = [];
  const parts = new ClusterParts({
    nodeId: OWN,
    own: ({ jobId, bytesMax }) =>
      Promise.resolve({
        nodeId: OWN,
        pending: [],
        omitted: jobId === JOB ? bytesMax : 0,
      }),
    others: () => [OTHER, THIRD],
    askHead: () => undefined,
    send: (to, message) => sent.push([to, message]),
    flush: () => {},
    ...ports,
  });
  return { parts, sent };
}

type Sent = readonly [NodeId, ClusterMessage][];

function questionTo(sent: Sent, to: NodeId) {
  const found = sent.find(([nodeId]) => nodeId === to)![1];
  return found as Extract<ClusterMessage, { type: "part_wanted" }>;
}

function requestTo(sent: Sent, to: NodeId): number {
  return questionTo(sent, to).request;
}

function wantedOf(sent: Sent, to: NodeId): PartRequest {
  return questionTo(sent, to).wanted;
}

describe("ClusterParts", () => {
  it("asks every other node, and names who does not answer", async () => {
    const { parts, sent } = make();
    const collected = parts.collect(PENDING);
    const part: NodePart = { nodeId: OTHER, pending: [] };
    const request = requestTo(sent, OTHER);
    assertEquals(wantedOf(sent, OTHER), { noun: "pending", bytesMax: 3 });

    parts.given(OTHER, { type: "part_given", request, part });
    const [own, other, third] = await collected;

    assertEquals([own!.nodeId, other], [OWN, part]);
    assertEquals(third!.nodeId, THIRD);
    assertMatch(third!.failure!, /did not answer within \d+ ms/);
    // Late answers are for nobody.
    parts.given(THIRD, {
      type: "part_given",
      request: requestTo(sent, THIRD),
      part: { nodeId: THIRD },
    });
  });

  it("hears of a node by that node alone", async () => {
    const { parts, sent } = make({ others: () => [OTHER] });
    const collected = parts.collect(PENDING);
    const request = requestTo(sent, OTHER);
    const type = "part_given";

    parts.given(THIRD, { type, request, part: { nodeId: OTHER, omitted: 9 } });
    parts.given(THIRD, { type, request, part: { nodeId: THIRD, omitted: 9 } });
    parts.given(OTHER, { type, request, part: { nodeId: OTHER } });

    assertEquals((await collected)[1], { nodeId: OTHER });
  });

  it("answers with what this node knows", async () => {
    const { parts, sent } = make();

    await parts.wanted(OTHER, {
      type: "part_wanted",
      request: 7,
      wanted: { noun: "tasks", jobId: JOB, bytesMax: 1 },
    });

    assertEquals(sent, [[OTHER, {
      type: "part_given",
      request: 7,
      part: { nodeId: OWN, pending: [], omitted: 1 },
    }]]);
  });

  it("asks nobody for what the head knows alone", async () => {
    const { parts, sent } = make();

    const collected = await parts.collect({ noun: "actors", bytesMax: 9 });

    assertEquals([collected.length, sent.length], [1, 0]);
  });

  it("knows what it knows without a head that answers", async () => {
    const { parts } = make({
      askHead: () => ({
        headId: OTHER,
        calls: { parts: () => Promise.reject(new Error("It is gone")) },
      }),
    });

    const [own, head] = await parts.collect({
      noun: "tasks",
      jobId: JOB,
      bytesMax: 1,
    });

    assertEquals([own!.nodeId, own!.omitted], [OWN, 1]);
    assertEquals(head!.nodeId, OTHER);
    assertMatch(head!.failure!, /did not answer/);
  });
});
