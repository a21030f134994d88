import {
  NodeDiedError,
  OutOfMemoryError,
} from "../../../runtime/base/errors.ts";
import type { LeaseId } from "../../../runtime/base/ids.ts";
import {
  MEMORY_RETRY_MS,
  MEMORY_RETRY_MS_MAX,
  STATE_LOST_ATTEMPTS_MAX,
} from "../../../runtime/base/limits.ts";
import type { WireError } from "../../../runtime/protocol/wire_error.ts";
import type { TaskRecord } from "../../../runtime/owner/task_record.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { EXECUTOR, OwnerFixture } from "./owner_fixture.ts";

describe("an owner whose task was on a node that died", () => {
  it("tries it again, and names the node when that is over", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 1 });
    const task = fixture.owner.submit(template, []);
    const reason = new NodeDiedError("Node n-2 is dead: it was killed", {
      details: { nodeId: "n-2" },
    });

    die(fixture, "l-1", reason);
    const between = task.status;
    die(fixture, "l-2", reason);

    assertEquals(between, "queued");
    const error = errorOf(fixture, task);
    assert(error instanceof NodeDiedError);
    assertEquals(Reflect.get(error, "nodeId"), "n-2");
    assertEquals(
      error.message,
      "Cannot finish task: the node that ran it ended (attempt 2): Node n-2 " +
        "is dead: it was killed",
    );
  });
});

describe("Owner.listTasks()", () => {
  it("has each attempt that was lost, once, and the one under way", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 1 });
    const task = fixture.owner.submit(template, []);
    const reason = new NodeDiedError("Node n-2 is dead: it was killed");
    const before = fixture.owner.listTasks();

    die(fixture, "l-1", reason);
    const between = fixture.owner.listTasks();
    die(fixture, "l-2", reason);
    const after = fixture.owner.listTasks();

    const { number } = task;
    const common = { number, name: "task" };
    const waiting = { ...common, state: "PENDING_NODE_ASSIGNMENT" };
    assertEquals(before.open as unknown, [{ ...waiting, attempt: 0 }]);
    assertEquals(before.lost, []);
    assertEquals(between.open as unknown, [{ ...waiting, attempt: 1 }]);
    assertEquals(after.open, []);
    assertEquals(
      after.lost.map((
        { attempt, workerId, errorType },
      ) => [attempt, workerId, errorType]),
      [[0, EXECUTOR, "NodeDiedError"], [1, EXECUTOR, "NodeDiedError"]],
    );
  });

  it("names the thread that a task was sent to, and which is first", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const numbers = [1, 2].map(() => fixture.owner.submit(template, []).number);
    fixture.grant();

    const { open, openOmitted } = fixture.owner.listTasks();

    const state = "SUBMITTED_TO_WORKER";
    const sent = { attempt: 0, name: "task", state, workerId: EXECUTOR };
    assertEquals(open as unknown, [
      { number: numbers[0], ...sent, isFirst: true },
      { number: numbers[1], ...sent },
    ]);
    assertEquals(openOmitted, 0);
  });

  it("keeps the latest of many", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const count = STATE_LOST_ATTEMPTS_MAX + 5;
    for (let made = 0; made < count; made++) {
      const task = fixture.owner.submit(template, []);
      fixture.owner.cancel(task, { force: false, recursive: false });
    }

    const { lost } = fixture.owner.listTasks();

    assertEquals(lost.length, STATE_LOST_ATTEMPTS_MAX);
    assertEquals(lost.at(-1)!.errorType, "TaskCancelledError");
  });
});

describe("an owner whose task was stopped for memory", () => {
  it("fails it when nothing may run again, with the figures", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();

    stopThread(fixture, false);

    const error = errorOf(fixture, task);
    assert(error instanceof OutOfMemoryError);
    assertEquals(Reflect.get(error, "usedBytes"), 7);
    assertEquals(Reflect.get(error, "attempts"), 1);
  });

  it("fails it when its options allow no retry", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 0 });
    const task = fixture.owner.submit(template, []);
    fixture.grant();

    stopThread(fixture, true);

    assert(errorOf(fixture, task) instanceof OutOfMemoryError);
  });

  it("runs it again after longer and longer pauses, uncounted", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 1 });
    const task = fixture.owner.submit(template, []);
    const pauses: number[] = [];
    for (let round = 0; round < 9; round++) {
      fixture.grant(`l-${round}` as LeaseId);
      fixture.timers.splice(0);
      stopThread(fixture, true);
      const [pause] = fixture.timers.splice(0);
      pauses.push(pause!.delayMs);
      pause!.callback();
    }

    assertEquals(pauses.slice(0, 3), [1, 2, 4].map((n) => n * MEMORY_RETRY_MS));
    assertEquals(pauses.at(-1), MEMORY_RETRY_MS_MAX);
    assertEquals(task.attempt, 9);
    // Its one retry is still there, for a thread that crashes.
    die(fixture, "l-crash", new Error("crash"));
    assertEquals(task.status, "queued");
    die(fixture, "l-again", new Error("crash"));
    assertEquals(nameOf(task), "WorkerDiedError");
  });

  it("runs what had not begun elsewhere, at once", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 0 });
    const first = fixture.owner.submit(template, []);
    const second = fixture.owner.submit(template, []);
    fixture.grant();

    stopThread(fixture, false);

    assertEquals(nameOf(first), "OutOfMemoryError");
    assertEquals(second.status, "queued");
  });

  it("forgets it when it is cancelled in a pause", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    fixture.timers.splice(0);
    stopThread(fixture, true);

    fixture.owner.cancel(task, { force: false, recursive: false });
    for (const timer of fixture.timers.splice(0)) timer.callback();

    assertEquals(nameOf(task), "TaskCancelledError");
    assertEquals(task.status, "ended");
  });
});

function stopThread(fixture: OwnerFixture, mayRetry: boolean): void {
  const details = { usedBytes: 7, mayRetry };
  fixture.take();
  fixture.die(EXECUTOR, new OutOfMemoryError("It was full", { details }));
  fixture.closed.clear();
  fixture.take();
}

function die(fixture: OwnerFixture, lease: string, reason: Error): void {
  fixture.grant(lease as LeaseId);
  fixture.take();
  fixture.die(EXECUTOR, reason);
  fixture.closed.clear();
  fixture.take();
}

function errorOf(fixture: OwnerFixture, { refs }: TaskRecord): Error {
  return fixture.codec.decodeError(refs[0]!.value as WireError);
}

function nameOf({ refs }: TaskRecord): string {
  return (refs[0]!.value as Error).name;
}
