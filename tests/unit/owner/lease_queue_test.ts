import type { LeaseId } from "../../../runtime/base/ids.ts";
import { PUSHED_TASKS_PER_LEASE_MAX } from "../../../runtime/base/limits.ts";
import { Lease, LeaseQueue } from "../../../runtime/owner/lease_queue.ts";
import { TaskRecord } from "../../../runtime/owner/task_record.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import { EXECUTOR, OTHER, OwnerFixture } from "./owner_fixture.ts";

const FIRST = "l-1" as LeaseId;
const SECOND = "l-2" as LeaseId;

describe("LeaseQueue", () => {
  it("states how many leases its tasks could use", () => {
    const { queue, submit, deeds } = make();

    submit(1, 2, 3);
    queue.dispatch();

    assertEquals(deeds, ["demand 3"]);
  });

  it("deals its tasks out to the leases that it has", () => {
    const { queue, submit, deeds } = make();
    queue.granted(new Lease(FIRST, EXECUTOR));
    queue.granted(new Lease(SECOND, OTHER));
    deeds.length = 0;

    submit(1, 2, 3, 4);
    queue.dispatch();

    assertEquals(deeds.slice(0, 2), ["push 1,2 on l-1", "push 3,4 on l-2"]);
  });

  it("pushes no more on a lease than it may", () => {
    const { queue, submit } = make();
    queue.granted(new Lease(FIRST, EXECUTOR));

    submit(...Array.from({ length: 600 }, (_, n) => n + 1));
    queue.dispatch();

    assertEquals(queue.leases.get(FIRST)!.underWay, PUSHED_TASKS_PER_LEASE_MAX);
    assertEquals(queue.pendingCount, 600 - PUSHED_TASKS_PER_LEASE_MAX);
  });

  it("gives an idle lease half of what the fullest has not begun", () => {
    const { queue, submit, deeds, started } = make();
    submit(1, 2, 3, 4);
    queue.granted(new Lease(FIRST, EXECUTOR));
    started.add(1);
    deeds.length = 0;

    queue.granted(new Lease(SECOND, OTHER));

    assertEquals(deeds[0], "push 3,4 on l-2");
  });

  it("gives a lease that is wanted elsewhere back once its task ends", () => {
    const { queue, submit, deeds, started } = make();
    const [task] = submit(1, 2);
    queue.granted(new Lease(FIRST, EXECUTOR));
    started.add(1);
    deeds.length = 0;

    queue.reclaim(FIRST);
    const before = [...deeds];
    queue.ended(task!);
    queue.settle();

    assertEquals(before.filter((deed) => deed.startsWith("back")), []);
    assertEquals(deeds.at(-1), "back l-1");
    assertEquals(queue.pendingCount, 1);
  });

  it("pushes nothing on a lease whose task waits", () => {
    const { queue, submit, deeds } = make();
    const [, second] = submit(1, 2);
    queue.granted(new Lease(FIRST, EXECUTOR));
    deeds.length = 0;

    queue.blocked(FIRST, [second!]);
    submit(3);
    queue.dispatch();
    const waiting = deeds.filter((deed) => deed.startsWith("push"));
    queue.resumed(FIRST);

    assertEquals(waiting, []);
    assertEquals(deeds.at(-1), "push 2,3 on l-1");
  });

  it("gives each task of a lost lease once", () => {
    const { queue, submit } = make();
    const [first, second] = submit(1, 2);
    queue.granted(new Lease(FIRST, EXECUTOR));
    queue.blocked(FIRST, [second!]);
    queue.resumed(FIRST);

    assertEquals(queue.lost(FIRST), [first, second]);
    assertEquals(queue.leases.size, 0);
  });

  it("gives an idle lease back unless it was used meanwhile", () => {
    const { queue, submit, deeds } = make();
    queue.granted(new Lease(FIRST, EXECUTOR));
    const lease = queue.leases.get(FIRST)!;
    const { uses } = lease;
    const [task] = submit(1);
    queue.dispatch();
    queue.ended(task!);

    queue.expire(lease, uses);
    const kept = queue.leases.size;
    queue.expire(lease, lease.uses);

    assertEquals(kept, 1);
    assertEquals(deeds.at(-1), "back l-1");
  });
});

function make() {
  const fixture = new OwnerFixture();
  const deeds: string[] = [];
  const started = new Set<number>();
  const template = fixture.template();
  const queue = new LeaseQueue(template.schedulingClass!, {
    demand: (_class, count) => deeds.push(`demand ${count}`),
    room: () => 10_000,
    push: (lease: Lease, tasks) => {
      const numbers = tasks.map(({ number }) => number);
      deeds.push(`push ${numbers} on ${lease.id}`);
    },
    revoke: (_lease, { number }) => !started.has(number),
    giveBack: (leaseId) => deeds.push(`back ${leaseId}`),
    idle: () => {},
  });
  const submit = (...numbers: number[]) =>
    numbers.map((number) => {
      const task = new TaskRecord(number, template, [], null);
      queue.submit(task);
      return task;
    });
  return { queue, submit, deeds, started };
}
