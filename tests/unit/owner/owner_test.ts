import type { ActorId, LeaseId, WorkerId } from "../../../runtime/base/ids.ts";
import {
  LEASE_LINGER_MS,
  STREAM_ITEMS_LOST_MAX,
} from "../../../runtime/base/limits.ts";
import type { ObjectRef } from "../../../runtime/owner/object_ref.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import {
  EXECUTOR,
  LEASE,
  OTHER,
  OWNER,
  OwnerFixture,
} from "./owner_fixture.ts";

const FAILURE = encodeError(new Error("no"));
const SECOND = "l-2" as LeaseId;

describe("Owner", () => {
  it("asks for a lease, pushes its tasks and settles their refs", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const tasks = [1, 2].map((n) => fixture.owner.submit(template, [n]));

    const asked = fixture.take();
    fixture.grant();
    const sent = fixture.takeSent();
    const numbers = tasks.map(({ number }) => number);
    fixture.receive({ type: "tasks_done", numbers, values: [10, 20] });

    assertEquals(asked, [{ demand: "CPU", count: 2 }]);
    assertEquals(sent.map(({ type }) => type), [
      "template_define",
      "task_push",
    ]);
    assertEquals(sent[1]?.["args"], [[1], [2]]);
    assertEquals(tasks.map(({ refs }) => refs[0]!.value), [10, 20]);
    assertEquals(fixture.owner.taskCount, 0);
  });

  it("gives a lease back when nothing has come for a while", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.take();
    fixture.grant();
    done(fixture, task.number);
    fixture.take();

    const [timer] = fixture.timers;
    timer!.callback();

    assertEquals(timer!.delayMs, LEASE_LINGER_MS);
    assertEquals(fixture.take(), [
      { demand: "CPU", count: 0 },
      { returned: LEASE },
    ]);
  });

  it("has one timer for a lease that is idle again and again", () => {
    const fixture = new OwnerFixture();
    const first = fixture.owner.submit(fixture.template(), []);
    fixture.take();
    fixture.grant();
    done(fixture, first.number);
    fixture.take();
    const second = fixture.owner.submit(fixture.template(), []);
    fixture.take();
    done(fixture, second.number);
    fixture.take();
    const armed = fixture.timers.length;

    fixture.timers[0]!.callback();
    const kept = fixture.take();
    fixture.timers.at(-1)!.callback();

    assertEquals([armed, fixture.timers.length], [1, 2]);
    assertEquals(kept, []);
    assertEquals(fixture.take(), [
      { demand: "CPU", count: 0 },
      { returned: LEASE },
    ]);
  });

  it("holds a task back until its arguments are there", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const first = fixture.owner.submit(template, []);
    const second = fixture.owner.submit(template, [first.refs[0], 1]);
    fixture.grant();
    const before = pushed(fixture);

    done(fixture, first.number, 9);

    assertEquals(before, [first.number]);
    const [push] = fixture.takeSent("task_push");
    assertEquals(push?.["numbers"], [second.number]);
    assertEquals(push?.["args"], [{ parts: [{ v: 9 }, { v: 1 }] }]);
  });

  it("fails the dependents of a failed task with its error", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const first = fixture.owner.submit(template, []);
    const second = fixture.owner.submit(template, [first.refs[0]]);
    fixture.grant();
    fixture.take();

    failed(fixture, first.number);

    assertEquals(messageOf(second.refs[0]!), "no");
    assertEquals(pushed(fixture), []);
  });

  it("runs tasks of a dead thread again, and each only once more", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    fixture.take();
    // Returned and pushed again: the lease knows of it twice.
    const returned = [task.number];
    fixture.receive({ type: "lease_blocked", lease: LEASE, returned });
    fixture.receive({ type: "lease_resumed", lease: LEASE });
    fixture.take();

    fixture.die(EXECUTOR);
    fixture.closed.clear();
    fixture.grant(SECOND);

    const pushes = fixture.takeSent("task_push");
    assertEquals(pushes.map((push) => push["numbers"]), [[task.number]]);
    assertEquals(pushes[0]?.["attempts"], [1]);
  });

  it("gives up when a task has lost too many threads", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template({ maxRetries: 0 });
    const task = fixture.owner.submit(template, []);
    fixture.grant();
    fixture.take();

    fixture.die(EXECUTOR);

    const error = task.refs[0]!.value as { name: string };
    assertEquals(error.name, "WorkerDiedError");
    // What the thread may have stored for it and could not tell.
    const { number } = task;
    const [freed] = fixture.take().filter((deed) => deed["freed"]);
    assertEquals(freed, { freed: [OWNER, number] });
  });

  it("retries failures of user code only where that is wanted", () => {
    const fixture = new OwnerFixture();
    const retries = () => true;
    const retried = fixture.owner.submit(fixture.template({ retries }), []);
    const failing = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    fixture.take();

    failed(fixture, retried.number);
    failed(fixture, failing.number);

    assertEquals(pushed(fixture), [retried.number]);
    assertEquals(failing.refs[0]!.state, "failed");
  });

  it("never runs a task that is cancelled before it began", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    const [push] = fixture.takeSent("task_push");

    fixture.owner.cancel(task, { force: false, recursive: true });

    const claim = push!["claim"] as number;
    assertEquals(fixture.claims.start(claim), false);
    assertEquals(nameOf(task.refs[0]!), "TaskCancelledError");
    assertEquals(fixture.owner.taskCount, 0);
  });

  it("wants no lease for a task that is cancelled while it waits", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.owner.flush();
    fixture.take();

    fixture.owner.cancel(task, { force: false, recursive: true });
    fixture.owner.flush();

    assertEquals(fixture.take(), [{ demand: "CPU", count: 0 }]);
  });

  it("keeps the place of a cancelled task until its thread is done", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    const [push] = fixture.takeSent("task_push");
    fixture.claims.start(push!["claim"] as number);

    fixture.owner.cancel(task, { force: true, recursive: true });

    assertEquals(nameOf(task.refs[0]!), "TaskCancelledError");
    assertEquals(fixture.take(), [
      { to: EXECUTOR, type: "task_cancel", number: 1, recursive: true },
      { killed: EXECUTOR },
    ]);
    assertEquals(fixture.owner.taskCount, 1);
    failed(fixture, task.number);
    assertEquals(fixture.owner.taskCount, 0);
  });

  it("forces a task that goes on after it was cancelled", () => {
    const fixture = new OwnerFixture();
    const task = fixture.owner.submit(fixture.template(), []);
    fixture.grant();
    const [push] = fixture.takeSent("task_push");
    fixture.claims.start(push!["claim"] as number);
    const how = { force: false, recursive: true };

    fixture.owner.cancel(task, how);
    fixture.owner.cancel(task, how);
    assertEquals(fixture.take().length, 1);
    fixture.owner.cancel(task, { ...how, force: true });

    assertEquals(fixture.take(), [
      { to: EXECUTOR, type: "task_cancel", number: 1, recursive: true },
      { killed: EXECUTOR },
    ]);
  });

  it("cancels what a run has submitted, and nothing of another", () => {
    const fixture = new OwnerFixture();
    const [parent, stranger] = [{ number: 1 }, { number: 1 }];
    const template = fixture.template();
    const mine = fixture.owner.submit(template, [], { parent });
    const other = fixture.owner.submit(template, [], { parent: stranger });

    fixture.owner.cancelChildren(parent);

    assertEquals(mine.refs[0]!.state, "failed");
    assertEquals(other.refs[0]!.state, "pending");
  });

  it("cancels for a borrower of any result, or of a whole stream", () => {
    const fixture = new OwnerFixture();
    const { owner } = fixture;
    const several = owner.submit(fixture.template({ returns: 2 }), []);
    const whole = owner.references.create();
    const nothing = () => {};
    const sink = { whole, yielded: nothing, ended: nothing, failed: nothing };
    const options = { stream: () => sink };
    const stream = owner.submit(fixture.template({ returns: -1 }), [], options);
    const second = several.refs[1]!;

    for (const { number } of [lentTo(OTHER, second), lentTo(OTHER, whole)]) {
      const how = { force: false, recursive: true };
      fixture.receive({ type: "cancel_wanted", number, ...how }, OTHER);
    }

    assertEquals(nameOf(second), "TaskCancelledError");
    assertEquals([several.status, stream.status], ["ended", "ended"]);

    function lentTo(borrower: WorkerId, ref: ObjectRef): ObjectRef {
      owner.references.pin([ref]);
      const numbers = [ref.number];
      fixture.receive({ type: "borrow", numbers }, borrower);
      return ref;
    }
  });

  it("ends no actor for a borrower who cancels a call by force", () => {
    const fixture = new OwnerFixture();
    const { owner } = fixture;
    const actorId = "a-1" as ActorId;
    const call = owner.submit(fixture.template({ actorId }), []);
    const [ref] = call.refs;
    owner.channel(actorId).changed("ALIVE", 0, EXECUTOR, undefined);
    owner.references.pin([ref!]);
    fixture.receive({ type: "borrow", numbers: [ref!.number] }, OTHER);
    fixture.take();

    const how = { force: true, recursive: true };
    const { number } = ref!;
    fixture.receive({ type: "cancel_wanted", number, ...how }, OTHER);

    assertEquals(nameOf(ref!), "TaskCancelledError");
    assertEquals(fixture.take(), [
      { to: EXECUTOR, type: "task_cancel", number, recursive: true },
    ]);
  });

  it("sends a call to the next life once, though the last tells late", () => {
    const fixture = new OwnerFixture();
    const { owner } = fixture;
    const actorId = "a-1" as ActorId;
    const options = { actorId, maxRetries: -1, retries: () => true };
    const { number } = owner.submit(fixture.template(options), []);
    const channel = owner.channel(actorId);
    channel.changed("ALIVE", 0, EXECUTOR, undefined);
    fixture.take();
    channel.changed("RESTARTING", 1, undefined, undefined);

    failed(fixture, number);
    channel.changed("ALIVE", 1, OTHER, undefined);

    const pushes = fixture.takeSent("task_push");
    assertEquals(pushes.map(({ numbers }) => numbers), [[number]]);
    assertEquals(channel.pendingCount, 1);
  });

  it("forgets a lease whose thread ends before its link opens", () => {
    const fixture = new OwnerFixture();
    fixture.owner.submit(fixture.template(), []);
    fixture.opening.add(EXECUTOR);
    fixture.grant();
    fixture.take();

    fixture.die(EXECUTOR);
    fixture.take();
    fixture.grant();

    assertEquals(fixture.take(), [{ returned: LEASE }]);
  });

  it("frees a large result that nobody waits for", () => {
    const fixture = new OwnerFixture();

    fixture.receive({
      type: "task_returned",
      number: 4,
      returns: [{ o: [OWNER, 4] }],
    });

    assertEquals(fixture.take(), [{ freed: [OWNER, 4] }]);
  });

  it("stops the clock of an attempt that has ended", () => {
    const fixture = new OwnerFixture();
    const retries = () => true;
    const template = fixture.template({ retries, timeoutMs: 70 });
    const task = fixture.owner.submit(template, []);
    fixture.grant();
    fixture.take();

    fixture.receive({ type: "task_started", number: task.number });
    const running = fixture.timers.map(({ delayMs }) => delayMs);
    failed(fixture, task.number);
    const retrying = fixture.timers.filter(({ delayMs }) => delayMs === 70);

    assertEquals(running, [70]);
    assertEquals(retrying, []);
  });

  it("gives a stream's items once, though its task runs again", () => {
    const { fixture, number, events } = streaming();

    item(fixture, number, 0, 1);
    fixture.die(EXECUTOR);
    fixture.closed.clear();
    fixture.grant(SECOND);
    fixture.take();
    item(fixture, number, 0, 1);
    item(fixture, number, 1, 2);
    fixture.receive({ type: "stream_ended", number, count: 2 });

    assertEquals(events, ["0: 1", "again", "1: 2", "end 2"]);
  });

  it("frees what a stream has stored and could not tell", () => {
    const { fixture, number, events } = streaming({ maxRetries: 0 });
    item(fixture, number, 0, 1);
    fixture.take();

    fixture.die(EXECUTOR);

    const freed = fixture.take().filter((deed) => deed["freed"]);
    assertEquals(events, ["0: 1", "failed"]);
    assertEquals(freed.length, STREAM_ITEMS_LOST_MAX);
    assertEquals(freed[0], { freed: [OWNER, number + 2] });
  });

  it("stores a large value before it gives a ref to it", async () => {
    const fixture = new OwnerFixture();

    const ref = await fixture.owner.put(new Uint8Array(200_000));
    const small = await fixture.owner.put({ a: 1 });

    assertEquals([ref.state, small.state], ["stored", "payload"]);
    assertEquals(fixture.take(), [{ written: [OWNER, ref.number] }]);
  });

  it("fails what waits for a lease that no node can give", () => {
    const fixture = new OwnerFixture();
    const template = fixture.template();
    const task = fixture.owner.submit(template, []);
    fixture.take();

    fixture.owner.demandFailed("CPU", FAILURE);
    fixture.take();
    const again = fixture.owner.submit(template, []);

    assertEquals(task.refs[0]!.state, "failed");
    // The scheduler has forgotten the demand: it must be told anew.
    assertEquals(fixture.take(), [{ demand: "CPU", count: 1 }]);
    fixture.grant();
    assertEquals(pushed(fixture), [again.number]);
  });
});

function done(fixture: OwnerFixture, number: number, value = 0): void {
  fixture.receive({ type: "tasks_done", numbers: [number], values: [value] });
}

function failed(fixture: OwnerFixture, number: number): void {
  fixture.receive({ type: "task_failed", number, error: FAILURE });
}

function item(
  fixture: OwnerFixture,
  number: number,
  index: number,
  v: number,
): void {
  fixture.receive({ type: "stream_yielded", number, index, item: { v } });
}

function pushed(fixture: OwnerFixture): unknown[] {
  return fixture.takeSent("task_push").flatMap((push) => push["numbers"]);
}

function messageOf({ value }: ObjectRef): string {
  return (value as { message: string }).message;
}

function nameOf({ value }: ObjectRef): string {
  return (value as { name: string }).name;
}

/** A stream that was pushed, and what its reader hears. */
function streaming(options: { maxRetries?: number } = {}) {
  const fixture = new OwnerFixture();
  const events: string[] = [];
  const template = fixture.template({ ...options, returns: -1 });
  const { number } = fixture.owner.submit(template, [], {
    stream: () => ({
      yielded: (index, ref) => events.push(`${index}: ${ref.value}`),
      ended: (count) => events.push(`end ${count}`),
      failed: () => events.push("failed"),
      restarted: () => events.push("again"),
    }),
  });
  fixture.grant();
  fixture.take();
  return { fixture, number, events };
}
