import type { JobId, NodeId, WorkerId } from "../../runtime/base/ids.ts";
import type { NodePart } from "../../runtime/protocol/state_answers.ts";
import { TaskEventsWriter } from "../../runtime/protocol/task_events.ts";
import type { OpenTask } from "../../runtime/protocol/thread_tasks.ts";
import { trimmedPart } from "../../runtime/trimmed_part.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";

const nodeId = "n-1" as NodeId;
const workerId = "w-1" as WorkerId;
const jobId = "j-1" as JobId;

function events(number: number) {
  const writer = new TaskEventsWriter();
  const times = { startedAtMs: 1, endedAtMs: 2, error: undefined };
  const template = { name: "f" };
  for (const attempt of [0, 1]) {
    writer.add({ owner: workerId, number, attempt, template, ...times });
  }
  return { workerId, jobId, events: writer.take() };
}

function open(count: number): OpenTask[] {
  return Array.from({ length: count }, (_, number) => ({
    ...{ number, attempt: 0, name: "f", state: "PENDING_ARGS_AVAIL" },
  }));
}

describe("trimmedPart()", () => {
  it("leaves what fits as it is", () => {
    const tasks = { open: open(2), openOmitted: 1, lost: [], running: [] };
    const part: NodePart = {
      ...{ nodeId, events: [events(1)], omitted: 3 },
      threads: [{ workerId, jobId, tasks }, { workerId, jobId }],
    };

    assertEquals(trimmedPart(part, 1_000_000), part);
    const failed: NodePart = { nodeId, failure: "it is busy", omitted: 0 };
    assertEquals(trimmedPart(failed, 0), failed);
  });

  it("keeps the latest events and the first tasks, and counts the rest", () => {
    const all = [1, 2, 3, 4].map(events);
    const [batch] = all;
    const perBatchBytes = 600;

    const kept = trimmedPart({ nodeId, events: all }, 2 * perBatchBytes);
    const tasks = { open: open(100), openOmitted: 7, lost: [], running: [] };
    const few = trimmedPart(
      { nodeId, threads: [{ workerId, jobId, tasks }] },
      1_000,
    );

    const count = kept.events!.length;
    assert(count > 0 && count < 4);
    assertEquals(kept.events, all.slice(-count));
    assertEquals(kept.omitted, 2 * (4 - count));
    assert(batch !== kept.events![0]);
    const told = few.threads![0]!.tasks!;
    assertEquals(told.open, open(told.open.length));
    assertEquals(told.open.length + few.omitted!, 100);
    assertEquals(told.openOmitted, 7);
  });

  it("gives up why events failed before the events", () => {
    const batches = [1, 2, 3].map((number) => {
      const { events: ended, ...thread } = events(number);
      const errorMessage = "x".repeat(10_000);
      const failures = [{ row: 0, errorType: "Error", errorMessage }];
      return { ...thread, events: { ...ended, failures } };
    });

    const { events: kept, omitted } = trimmedPart(
      { nodeId, events: batches },
      40_000,
    );

    assertEquals([kept!.length, omitted], [3, 0]);
    assertEquals(kept![2], batches[2]);
    assertEquals(kept![0]!.events.failures, []);
    assertEquals(kept![0]!.events.rows, batches[0]!.events.rows);
  });
});
