import { makeStream } from "../../../runtime/api/generator.ts";
import {
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../../support/harness.ts";

describe("a stream of refs", () => {
  it("hands out items in order, whatever the order they come in", async () => {
    const { stream, feed } = makeTestStream();
    const read = [stream.next(), stream.next(), stream.next()];

    feed.yielded(1, "second");
    feed.yielded(0, "first");
    feed.ended(2);

    assertEquals(await Promise.all(read), [
      { done: false, value: "first" },
      { done: false, value: "second" },
      { done: true, value: undefined },
    ]);
  });

  it("does not wait for what is there", async () => {
    const { stream, feed, waits } = makeTestStream();
    feed.yielded(0, "first");
    feed.ended(1);

    assertEquals((await stream.next()).value, "first");
    assertEquals((await stream.next()).done, true);
    assertEquals(waits, []);
  });

  it("keeps an item for the next reader if one gives up", async () => {
    const { stream, feed, waits } = makeTestStream();
    const cancelled = stream.next();
    const patient = stream.next();

    waits[0]!(new RangeError("cancelled"));
    feed.yielded(0, "first");

    await assertRejects(cancelled, RangeError, "cancelled");
    assertEquals((await patient).value, "first");
  });

  it("gives an error as the item after those that came", async () => {
    const { stream, feed } = makeTestStream();
    feed.yielded(0, "first");
    feed.failed("why");

    const values: unknown[] = [];
    for await (const value of stream) values.push(value);

    assertEquals(values, ["first", "why"]);
  });
});

/** A stream of texts, and the means by which its readers give up. */
function makeTestStream() {
  const waits: ((reason: unknown) => void)[] = [];
  const { stream, feed } = makeStream({
    whole: undefined,
    consumed: () => {},
    drop: () => {},
    wait: (work, giveUp) => {
      waits.push(giveUp);
      return work;
    },
  });
  return { stream: stream as AsyncIterableIterator<unknown>, feed, waits };
}
