import type { ActorId, WorkerId } from "../../../runtime/base/ids.ts";
import { ActorChannel } from "../../../runtime/owner/actor_channel.ts";
import type { ActorPin } from "../../../runtime/owner/ports.ts";
import { TaskRecord } from "../../../runtime/owner/task_record.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import { OwnerFixture } from "./owner_fixture.ts";

const THREAD = "w-actor" as WorkerId;
const OTHER_THREAD = "w-other" as WorkerId;
const DEATH = encodeError(new Error("dead"));

describe("ActorChannel", () => {
  it("keeps calls until the actor lives, then sends them in order", () => {
    const { channel, call, deeds } = make();
    call(1);
    call(2);

    channel.dispatch();
    assertEquals(deeds, []);
    channel.changed("ALIVE", 0, THREAD, undefined);

    assertEquals(deeds, [`push 1,2 to ${THREAD} life 0`]);
  });

  it("lets no call pass one that waits for its arguments", () => {
    const { channel, call, deeds } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    const first = call(1, "waiting");
    call(2);

    channel.dispatch();
    assertEquals(deeds, []);
    first.status = "queued";
    channel.dispatch();

    assertEquals(deeds, [`push 1,2 to ${THREAD} life 0`]);
  });

  it("sends calls again to the next life, before later ones", () => {
    const { channel, call, deeds } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    call(1, "queued", -1);
    call(2, "queued", -1);
    channel.dispatch();
    channel.changed("RESTARTING", 1, undefined, undefined);
    call(3);

    channel.changed("ALIVE", 1, OTHER_THREAD, undefined);

    assertEquals(deeds, [
      `push 1,2 to ${THREAD} life 0`,
      `push 1,2,3 to ${OTHER_THREAD} life 1`,
    ]);
  });

  it("fails calls that must not run twice when the actor restarts", () => {
    const { channel, call, deeds } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    call(1);
    channel.dispatch();

    channel.changed("RESTARTING", 1, undefined, undefined);

    assertEquals(deeds.at(-1), "fail 1: unavailable");
    assertEquals(channel.pendingCount, 0);
  });

  it("fails everything when the actor dies, and what comes after", () => {
    const { channel, call, deeds } = make();
    const calledBack: string[] = [];
    channel.whenDead(() => calledBack.push("before"));
    channel.changed("ALIVE", 0, THREAD, undefined);
    call(1, "queued", -1);
    channel.dispatch();
    call(2, "waiting");

    channel.changed("DEAD", 0, undefined, DEATH);
    call(3);
    channel.whenDead(() => calledBack.push("after"));

    assertEquals(deeds.slice(1), [
      "fail 1: dead",
      "fail 2: dead",
      "fail 3: dead",
    ]);
    assertEquals(calledBack, ["before", "after"]);
    assertEquals(channel.pendingCount, 0);
  });

  it("ends calls to a thread out of reach, but for what came later", () => {
    const { channel, call, deeds } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    call(1);
    call(2, "queued", 1);
    channel.dispatch();
    assertEquals(channel.sentTo(OTHER_THREAD), []);
    const cut = channel.sentTo(THREAD);
    call(3);
    channel.dispatch();

    channel.cutOff(cut, DEATH);

    assertEquals(deeds.slice(2), [
      "fail 1: unavailable",
      `push 2 to ${THREAD} life 0`,
    ]);
    channel.cutOff(channel.sentTo(THREAD).slice(0, 1), DEATH);
    assertEquals(deeds.slice(4), ["fail 3: unavailable"]);
  });

  it("takes no notice of news from a former life", () => {
    const { channel } = make();
    channel.changed("ALIVE", 2, THREAD, undefined);

    channel.changed("RESTARTING", 1, undefined, undefined);

    assertEquals([channel.state, channel.threadId], ["ALIVE", THREAD]);
  });

  it("keeps the actor alive only while calls have no outcome", () => {
    const { channel, call } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    const hold = new CountedPin();
    const first = call(1);
    channel.keep(hold);
    channel.keep(hold);
    channel.dispatch();

    const before = hold.count;
    channel.ended(first);
    channel.keep(hold);

    assertEquals([before, hold.count], [1, 0]);
  });

  it("does not keep it for a call that was stopped", () => {
    const { channel, call } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    const hold = new CountedPin();
    const [first, second] = [call(1), call(2)];
    channel.keep(hold);
    channel.dispatch();
    first.stopped = true;
    channel.stopped();
    const before = hold.count;

    channel.ended(second);
    const between = hold.count;
    channel.ended(first);
    call(3);
    channel.keep(hold);

    assertEquals([before, between, hold.count], [1, 0, 1]);
    assertEquals(channel.pendingCount, 1);
  });

  it("keeps it for the calls that go on when others are lost", () => {
    const { channel, call } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    const hold = new CountedPin();
    call(1, "queued", 0);
    call(2, "queued", -1);
    channel.keep(hold);
    channel.dispatch();

    channel.changed("RESTARTING", 1, undefined, undefined);

    assertEquals([hold.count, hold.changes], [1, 1]);
  });

  it("keeps it while a call that has failed is tried again", () => {
    const { channel, call } = make();
    channel.changed("ALIVE", 0, THREAD, undefined);
    const hold = new CountedPin();
    const first = call(1);
    channel.keep(hold);
    channel.dispatch();

    channel.resubmit(first);

    assertEquals([hold.count, hold.changes], [1, 1]);
  });

  it("hands what keeps the actor over with its calls", () => {
    const [{ channel, call }, other] = [make(), make()];
    const hold = new CountedPin();
    call(1);
    channel.keep(hold);

    channel.redirect(other.channel);

    assertEquals([hold.count, channel.pendingCount], [1, 0]);
    other.channel.changed("DEAD", 0, undefined, DEATH);
    assertEquals(hold.count, 0);
  });
});

class CountedPin implements ActorPin {
  readonly actorId = "a-1" as ActorId;
  count = 0;
  changes = 0;

  pin(): void {
    this.count++;
    this.changes++;
  }

  unpin(): void {
    this.count--;
    this.changes++;
  }
}

function make() {
  const fixture = new OwnerFixture();
  const deeds: string[] = [];
  const channel: ActorChannel = new ActorChannel("a-1" as ActorId, {
    push: (thread, calls, incarnation) => {
      const numbers = calls.map(({ number }) => number);
      deeds.push(`push ${numbers} to ${thread} life ${incarnation}`);
    },
    fail: (call, { message }) => {
      call.status = "ended";
      if (call.place) channel.ended(call);
      deeds.push(`fail ${call.number}: ${message}`);
    },
    lost: () => encodeError(new Error("unavailable")),
    sentAgain: () => {},
  });
  const call = (
    number: number,
    status: "waiting" | "queued" = "queued",
    maxRetries = 0,
  ) => {
    const template = fixture.template({ maxRetries });
    const record = new TaskRecord(number, template, [], null);
    record.status = status;
    channel.submit(record);
    return record;
  };
  return { channel, call, deeds };
}
