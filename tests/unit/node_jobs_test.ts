// The table of a node's jobs: who belongs to which, and how long one is known.

import type { JobId, NodeId, WorkerId } from "../../runtime/base/ids.ts";
import { NodeJobs } from "../../runtime/node_jobs.ts";
import type { NodeOutput } from "../../runtime/node_output.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

const JOB = "j-1" as JobId;
const [DRIVER, THREAD] = ["w-d", "w-1"] as [WorkerId, WorkerId];

function makeJobs() {
  const withActors = new Set<JobId>();
  const jobs = new NodeJobs((jobId) => withActors.has(jobId));
  jobs.add(
    { jobId: JOB, nodeId: "n-1" as NodeId, workerId: DRIVER, namespace: "ns" },
    {} as NodeOutput,
  );
  jobs.threadStarted(JOB, THREAD);
  return { jobs, withActors };
}

describe("NodeJobs", () => {
  it("knows the job of a driver and of its threads", () => {
    const { jobs } = makeJobs();

    assertEquals(jobs.of(DRIVER), jobs.get(JOB));
    assertEquals(jobs.of(THREAD), jobs.get(JOB));
    assertEquals(jobs.of("w-2" as WorkerId), undefined);
  });

  it("forgets a job when its driver and its threads are gone", () => {
    const { jobs } = makeJobs();
    jobs.driverEnded(DRIVER);
    assertEquals(jobs.forgetOver(), []);

    jobs.threadEnded(THREAD);

    assertEquals(jobs.forgetOver(), [JOB]);
    assertEquals(jobs.forgetOver(), []);
    assertEquals(jobs.get(JOB), undefined);
  });

  it("keeps a job whose actors live on without threads for now", () => {
    const { jobs, withActors } = makeJobs();
    withActors.add(JOB);
    jobs.driverEnded(DRIVER);
    jobs.threadEnded(THREAD);
    assertEquals(jobs.forgetOver(), []);

    withActors.clear();
    assertEquals(jobs.forgetOver(), [JOB]);
  });
});
