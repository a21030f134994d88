import type { WorkerId } from "../../../runtime/base/ids.ts";
import type { Link, LinkMessage } from "../../../runtime/transport/link.ts";
import { newLoopbackLinks } from "../../../runtime/transport/loopback_link.ts";
import { Peers } from "../../../runtime/transport/peers.ts";
import {
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";

const PEER = "w-peer" as WorkerId;

describe("Peers", () => {
  it("asks for a link once, when it is first used", () => {
    const { peers, asked } = make();

    peers.get(PEER).send({ type: "a" });
    peers.get(PEER).send({ type: "b" });

    assertEquals(asked, [PEER]);
    assertEquals(peers.find("w-x" as WorkerId), undefined);
  });

  it("sends what waited for the link, in order", async () => {
    const { peers } = make();
    const { link, got } = await listening();

    peers.get(PEER).send({ type: "a" });
    const opened: Link[] = [];
    peers.get(PEER).whenOpen((open) => opened.push(open));
    peers.opened(PEER, link);
    peers.get(PEER).send({ type: "b" });
    peers.flush();
    await turns();

    assertEquals(got.map(({ type }) => type), ["a", "b"]);
    assertEquals(opened.length, 1);
  });

  it("takes a link that the peer has asked for", async () => {
    const { peers, asked } = make();
    const { link } = await listening();

    peers.opened(PEER, link);

    assertStrictEquals(peers.get(PEER).link, link);
    assertEquals(asked, []);
  });

  it("sends nothing to a peer that is gone, and calls nobody back", () => {
    const { peers } = make();
    const peer = peers.get(PEER);
    peer.whenOpen(() => {
      throw new Error("Called back");
    });

    peers.ended(PEER);
    peer.send({ type: "a" });
    peers.flush();

    assertEquals([peer.closed, peer.link], [true, undefined]);
  });

  it("takes in the last words of a peer before it closes the link", () => {
    const { peers } = make();
    const steps: string[] = [];
    const [link] = newLoopbackLinks(() => {});
    link.drain = () => void steps.push("drain");
    link.close = () => void steps.push("close");
    peers.opened(PEER, link);

    peers.ended(PEER);

    assertEquals(steps, ["drain", "close"]);
  });

  // The race: links come by another way than the news of a thread's end.
  it("closes a link that comes after the end of its peer", async () => {
    const { peers } = make();
    const { link, got } = await listening();

    peers.ended(PEER);
    const peer = peers.opened(PEER, link);
    peer.send({ type: "a" });
    link.send({ type: "b" });
    link.flush();
    await turns();

    assertEquals([peer.closed, peer.link], [true, undefined]);
    assertEquals(got, []);
  });
});

function make() {
  const asked: WorkerId[] = [];
  return { asked, peers: new Peers((id) => asked.push(id)) };
}

async function listening() {
  const [link, far] = newLoopbackLinks(() => {});
  const got: LinkMessage[] = [];
  far.start({ receive: (message) => got.push(message), closed: () => {} });
  await turns();
  return { link, got };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await undefined;
}
