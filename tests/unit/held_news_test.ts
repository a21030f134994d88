// News of a node that wait for the streams that they are about.

import { HeldNews } from "../../runtime/held_news.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

function started() {
  const delivered: string[] = [];
  const news = new HeldNews(({ type }) => delivered.push(type));
  const stream = { receivedPieces: 0, isOpen: true };
  news.opened(2, stream);
  return { news, stream, delivered };
}

const AWAITED = { type: "streams_awaited", streams: [[2, 3]] };

describe("HeldNews", () => {
  it("delivers at once what waits for nothing", () => {
    const { news, delivered } = started();
    news.take({ type: "first" });
    assertEquals(delivered, ["first"]);
  });

  it("holds back what must wait, and all behind it, in order", () => {
    const { news, stream, delivered } = started();
    news.take(AWAITED);
    news.take({ type: "first" });
    news.take({ type: "second" });
    stream.receivedPieces = 2;
    news.release();
    assertEquals(delivered, []);

    stream.receivedPieces = 3;
    news.release();
    assertEquals(delivered, ["first", "second"]);
  });

  it("waits for no stream that is closed, or never was", () => {
    const { news, stream, delivered } = started();
    stream.isOpen = false;
    news.take(AWAITED);
    news.take({ type: "streams_awaited", streams: [[9, 1]] } as typeof AWAITED);
    news.take({ type: "first" });
    assertEquals(delivered, ["first"]);
  });
});
