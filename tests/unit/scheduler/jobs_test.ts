// Jobs: their threads run no other job's code, and go when their driver is
// gone and nothing is left to do on them.

import type { JobId, WorkerId } from "../../../runtime/base/ids.ts";
import { THREADS_MAX } from "../../../runtime/base/limits.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import {
  demandEvent,
  DrivenScheduler,
  type PlainEvent,
  typesOf,
} from "./scheduler_fixture.ts";

const [FIRST, SECOND] = ["j-1", "j-2"] as [JobId, JobId];

/** A node on which both jobs have run a task, one after the other. */
function nodeWithTwoJobs() {
  const node = new DrivenScheduler({ CPU: 1 });
  const [first] = node.grant("w-d1", { count: 1, jobId: FIRST });
  node.demand("w-d1", { count: 0, jobId: FIRST });
  node.returned(first!.leaseId);
  const [second] = node.grant("w-d2", { count: 1, jobId: SECOND });
  return { node, first: first!, second: second! };
}

/** Without validation of each step: there are many. */
function nodeFullOfIdleThreads() {
  const node = new DrivenScheduler({ CPU: THREADS_MAX });
  const { scheduler } = node;
  const threads: WorkerId[] = [];
  const send = (event: PlainEvent) => {
    for (const action of scheduler.handle({ ...event, cause: "" })) {
      if (action.type !== "start_thread") continue;
      threads.push(action.threadId);
      send({ type: "thread_started", threadId: action.threadId });
    }
  };
  send(demandEvent("w-d1", { count: THREADS_MAX, jobId: FIRST }));
  send({ type: "owner_ended", owner: "w-d1" as WorkerId });
  return { node, threads };
}

describe("Scheduler jobs", () => {
  it("gives no thread of one job to another, though it is idle", () => {
    const { node, first, second } = nodeWithTwoJobs();

    assertEquals(first.threadId === second.threadId, false);

    node.demand("w-d2", { count: 0, jobId: SECOND });
    node.returned(second.leaseId);
    const [again] = node.grant("w-d1", { count: 1, jobId: FIRST });
    assertEquals(again!.threadId, first.threadId);
  });

  it("stops the idle threads of a job whose driver is gone", () => {
    const { node, first, second } = nodeWithTwoJobs();
    node.ownerEnded("w-d1");

    const actions = node.send({ type: "job_ended", jobId: FIRST });

    const stopped = actions.map((action) => [
      action.type,
      "threadId" in action && action.threadId,
    ]);
    assertEquals(stopped, [["stop_thread", first.threadId]]);
    assertEquals(node.scheduler.leases()[0]!.leaseId, second.leaseId);
  });

  it("lets the tasks of detached actors run, and stops their threads", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.startAll(node.actor("a-1", { jobId: FIRST }));
    assertEquals(node.send({ type: "job_ended", jobId: FIRST }), []);

    const [lease] = node.grant("w-t0", { count: 1, jobId: FIRST });
    node.demand("w-t0", { count: 0, jobId: FIRST });

    assertEquals(typesOf(node.returned(lease!.leaseId)), ["stop_thread"]);
    assertEquals(typesOf(node.actorEnded("a-1")), ["stop_thread"]);
  });

  it("gives shared actors of two jobs threads of their own", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const isolation = "shared";
    node.startAll(node.actor("a-1", { isolation, jobId: FIRST }));
    node.startAll(node.actor("a-2", { isolation, jobId: SECOND }));

    const threads = node.scheduler.actors().map(({ threadId }) => threadId);
    assertEquals(new Set(threads).size, 2);
  });

  it("tells what waits for room, job by job", () => {
    const { node } = nodeWithTwoJobs();
    node.demand("w-d1", { count: 3, jobId: FIRST });
    node.demand("w-d2", { count: 3, jobId: SECOND });

    const counts = node.scheduler.pending().map(({ count, why }) => [
      count,
      why,
    ]);
    assertEquals(counts, [[3, "busy"], [2, "busy"]]);
  });

  it("stops an idle thread when there may be no more for those who wait", () => {
    const { node, threads } = nodeFullOfIdleThreads();
    assertEquals(node.demand("w-d2", { count: 1, jobId: SECOND }), []);

    assertEquals(typesOf(node.tick(0)), ["stop_thread"]);

    const actions = node.threadEnded(threads[0]!);
    assertEquals(typesOf(actions), ["start_thread"]);
  });
});
