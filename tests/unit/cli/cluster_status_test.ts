import {
  bytes,
  clusterStatus,
  duration,
  statusText,
} from "../../../cli/commands/cluster_status.ts";
import { formatTable, formatValue } from "../../../cli/commands/formats.ts";
import type { NodeListing } from "../../../runtime/node_control.ts";
import {
  assertEquals,
  assertStringIncludes,
  describe,
  it,
} from "../../support/harness.ts";

const NODE: NodeListing = {
  nodeId: "n-1",
  address: "127.0.0.1:6380",
  hostname: "here",
  alive: true,
  isHead: true,
  state: "alive",
  resources: { CPU: 4, GPU: 0, memory: 2 ** 31, objectStoreMemory: 2 ** 30 },
  available: { CPU: 1.7, GPU: 0, memory: 2 ** 31, objectStoreMemory: 2 ** 30 },
  labels: {},
  objectStore: {
    capacityBytes: 2 ** 30,
    usedBytes: 3 * 2 ** 20,
    spilledBytes: 5,
  },
  pid: 7,
  version: "0.1.0",
  startedAtMs: 100_000,
};
const ANSWERS = {
  address: "127.0.0.1:6380",
  nowMs: 165_000,
  nodes: [NODE],
  pending: [],
  jobs: [],
};

describe("clusterStatus", () => {
  it("sums what nodes have that are alive", () => {
    const dead = {
      ...NODE,
      nodeId: "n-2",
      alive: false,
      state: "dead",
    } as const;
    const status = clusterStatus({ ...ANSWERS, nodes: [NODE, NODE, dead] });

    assertEquals(status.resources["CPU"], { used: 4.6, total: 8 });
    assertEquals(status.nodes.length, 3);
  });

  it("has nothing start in the future when the clock was set back", () => {
    const status = clusterStatus({ ...ANSWERS, nowMs: 1 });

    assertEquals(status.nodes[0]?.upMs, 0);
    assertStringIncludes(statusText(status), " 0 s\n");
  });
});

describe("statusText", () => {
  it("says what is in use, what waits and why", () => {
    const text = statusText(clusterStatus({
      ...ANSWERS,
      pending: [
        { kind: "task", resources: { CPU: 1 }, count: 12, why: "busy" },
        {
          kind: "actor",
          resources: { memory: 2 ** 40 },
          count: 1,
          why: "resources",
        },
      ],
      jobs: [{
        jobId: "j-1",
        namespace: "ns",
        state: "running",
        startedAtMs: 160_000,
        threads: 2,
      }],
    }));

    assertEquals(
      text,
      `Cluster at 127.0.0.1:6380: 1 node, 1 job

NODE  ROLE  STATE  ADDRESS         HOST  PROCESS  CPU    VERSION  UP
n-1   head  alive  127.0.0.1:6380  here  7        2.3/4  0.1.0    1 min 5 s

RESOURCE  IN USE  TOTAL
CPU       2.3     4
memory    0 B     2.0 GiB

OBJECT STORE  IN USE   CAPACITY  ON DISK
n-1           3.0 MiB  1.0 GiB   5 B

WAITING  COUNT  EACH NEEDS      WHY
task     12     CPU 1           all that could run it is in use
actor    1      memory 1.0 TiB  no node has that much

JOB  STATE    NAMESPACE  THREADS  UP
j-1  running  ns         2        5 s
`,
    );
  });
});

describe("statusText of many nodes", () => {
  const worker = { ...NODE, isHead: false, address: "10.0.0.7:40001" };

  it("shows the head first, then who works, who leaves and who is dead", () => {
    const text = statusText(clusterStatus({
      ...ANSWERS,
      nodes: [
        {
          ...worker,
          nodeId: "n-4",
          alive: false,
          state: "dead",
          deathReason: "its process is gone",
        },
        { ...worker, nodeId: "n-3", state: "draining" },
        { ...worker, nodeId: "n-2" },
        NODE,
      ],
    }));

    assertStringIncludes(text, ": 3 nodes (1 draining, 1 dead), 0 jobs\n");
    assertStringIncludes(
      text,
      `
NODE  ROLE    STATE     ADDRESS         HOST  PROCESS  CPU    VERSION  UP
n-1   head    alive     127.0.0.1:6380  here  7        2.3/4  0.1.0    1 min 5 s
n-2   worker  alive     10.0.0.7:40001  here  7        2.3/4  0.1.0    1 min 5 s
n-3   worker  draining  10.0.0.7:40001  here  7        2.3/4  0.1.0    1 min 5 s

DEAD NODE  ADDRESS         HOST  PROCESS  WHY
n-4        10.0.0.7:40001  here  7        its process is gone
`,
    );
  });

  it("shows the latest of many dead ones", () => {
    const nodes = Array.from({ length: 25 }, (_, n) => ({
      ...worker,
      nodeId: `n-${n}-`,
      alive: false,
      state: "dead" as const,
      deathReason: "it has left the cluster",
    }));

    const text = statusText(clusterStatus({ ...ANSWERS, nodes }));

    assertStringIncludes(text, "n-24-");
    assertStringIncludes(text, "n-15-");
    assertEquals(text.includes("n-14-"), false);
    assertStringIncludes(text, "and 15 more before\n");
  });
});

describe("formats", () => {
  it("are the same for programs in each", async () => {
    const value = { a: [1, "x"], b: null };

    assertEquals(JSON.parse(await formatValue(value, "json")), value);
    assertEquals(
      await formatValue(value, "yaml"),
      "a:\n  - 1\n  - x\nb: null\n",
    );
  });

  it("align columns", () => {
    assertEquals(formatTable(["A", "B"], [["long", ""]]), "A     B\nlong\n");
  });

  it("say sizes and times with the digits that matter", () => {
    assertEquals(
      [0, 1023, 1024, 1536, 200 * 2 ** 20, 2 ** 50].map(bytes),
      ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "200 MiB", "1024 TiB"],
    );
    assertEquals(
      [0, 59_999, 60_000, 3_600_000, 90_000_000].map(duration),
      ["0 s", "59 s", "1 min 0 s", "1 h 0 min", "1 d 1 h"],
    );
  });
});
