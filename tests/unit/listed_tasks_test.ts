import type { JobId, NodeId, WorkerId } from "../../runtime/base/ids.ts";
import { listedTasks } from "../../runtime/listed_tasks.ts";
import type { NodePart } from "../../runtime/protocol/state_answers.ts";
import { TaskEventsWriter } from "../../runtime/protocol/task_events.ts";
import type { ThreadTasks } from "../../runtime/protocol/thread_tasks.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

const NODE = "n-aaaaaaaaaaaa" as NodeId;
const DRIVER = "w-driverdriver" as WorkerId;
const THREAD = "w-threadthread-aaaaaaaaaaaa" as WorkerId;
const JOB = "j-1" as JobId;
const DIED = { errorType: "WorkerDiedError", errorMessage: "It exited" };

const NOTHING: ThreadTasks = {
  open: [],
  openOmitted: 0,
  lost: [],
  running: [],
};

function part(
  driver: Partial<ThreadTasks>,
  thread: Partial<ThreadTasks> | "silent" = {},
  ended: readonly { number: number; attempt: number; error?: Error }[] = [],
): NodePart {
  const writer = new TaskEventsWriter();
  const template = { name: "square" };
  for (const { number, attempt, error } of ended) {
    const startedAtMs = 1_000 + number;
    const endedAtMs = startedAtMs + 1;
    const owner = DRIVER;
    writer.add({
      ...{ owner, number, attempt, template, startedAtMs, endedAtMs, error },
    });
  }
  const told = (
    workerId: WorkerId,
    tasks: Partial<ThreadTasks> | "silent",
  ) => ({
    ...{ workerId, jobId: JOB },
    ...(tasks === "silent" ? {} : { tasks: { ...NOTHING, ...tasks } }),
  });
  return {
    nodeId: NODE,
    events: [{ workerId: THREAD, jobId: JOB, events: writer.take() }],
    threads: [told(DRIVER, driver), told(THREAD, thread)],
  };
}

function states(parts: readonly NodePart[]): string[] {
  return listedTasks(parts).items
    .map(({ id, attempt, state }) => `${id.slice(-1)}/${attempt} ${state}`)
    .sort();
}

const SQUARE = { number: 1, attempt: 0, name: "square" };
const SENT = {
  ...SQUARE,
  state: "SUBMITTED_TO_WORKER",
  workerId: THREAD,
} as const;

describe("listedTasks()", () => {
  it("has an item for each attempt, with what is known of it", () => {
    const lost = { ...SQUARE, ...DIED, endedAtMs: 900, workerId: THREAD };

    const { items } = listedTasks([
      part({ lost: [lost] }, {}, [{ number: 1, attempt: 1 }]),
    ]);

    const common = {
      ...{ id: "t-driverdriver-1", name: "square", type: "NORMAL_TASK" },
      ...{ jobId: JOB, nodeId: NODE, workerId: THREAD, ownerId: DRIVER },
    };
    assertEquals(items as unknown, [
      {
        ...common,
        ...{ attempt: 1, state: "FINISHED" },
        ...{ startedAtMs: 1_001, endedAtMs: 1_002 },
      },
      { ...common, ...DIED, attempt: 0, state: "FAILED", endedAtMs: 900 },
    ]);
  });

  it("believes the owner that an attempt was lost with its result", () => {
    const lost = { ...SQUARE, ...DIED, endedAtMs: 2_000, workerId: THREAD };

    const parts = [part({ lost: [lost] }, {}, [{ number: 1, attempt: 0 }])];

    assertEquals(states(parts), ["1/0 FAILED"]);
    assertEquals(listedTasks(parts).items[0]?.errorType, "WorkerDiedError");
  });

  it("knows what runs from who runs it", () => {
    const open = [SENT, { ...SENT, number: 2 }];
    const running = [{ ...SQUARE, owner: DRIVER, startedAtMs: 5 }];

    assertEquals(
      states([part({ open }, { running })]),
      ["1/0 RUNNING", "2/0 SUBMITTED_TO_WORKER"],
    );
  });

  it("takes what comes first at a busy thread for running there", () => {
    const open = [{ ...SENT, isFirst: true } as const, { ...SENT, number: 2 }];

    const parts = [part({ open }, "silent")];

    assertEquals(
      states(parts),
      ["1/0 RUNNING", "2/0 SUBMITTED_TO_WORKER"],
    );
    assertEquals(listedTasks(parts).warnings, [
      "1 thread was busy: what such a thread has submitted is missing",
    ]);
  });

  it("does not list what has ended as open", () => {
    const lost = { ...SQUARE, number: 2, ...DIED, endedAtMs: 1 };
    const open = [SENT, { ...SENT, number: 2 }];

    const parts = [
      part({ open, lost: [lost] }, {}, [{ number: 1, attempt: 0 }]),
    ];

    assertEquals(states(parts), ["1/0 FINISHED", "2/0 FAILED"]);
  });

  it("names nodes that did not answer, and counts what is left out", () => {
    const failed = { nodeId: NODE, failure: "it did not answer" };
    const many = { ...part({ openOmitted: 3 }), omitted: 4 };

    const { omitted, warnings } = listedTasks([many, failed]);

    assertEquals(omitted, 7);
    assertEquals(warnings, [
      `Nothing is known of node ${NODE}: it did not answer`,
    ]);
  });
});
