// A thread's link on one side of a relay, a driver's link on the other.

import {
  STREAM_QUEUED_BYTES_MAX,
  STREAM_WINDOW_BYTES,
} from "../../../runtime/base/limits.ts";
import type { LinkMessage } from "../../../runtime/transport/link.ts";
import { Mailbox } from "../../../runtime/transport/mailbox.ts";
import { RemoteLink } from "../../../runtime/transport/remote_link.ts";
import { RemoteStreams } from "../../../runtime/transport/remote_streams.ts";
import {
  newRingLinkEnds,
  RingLink,
} from "../../../runtime/transport/ring_link.ts";
import { RingRelay } from "../../../runtime/transport/ring_relay.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const NUMBER = 2;

describe("RingRelay", () => {
  it("carries frames of any size both ways", () => {
    const world = newWorld();
    const [atThread, atDriver] = [listen(world.thread), listen(world.driver)];

    for (const size of [0, 10, 5_000, 70_000, 300_000, 1_000_000]) {
      world.thread.send(sized(size));
      world.thread.flush();
      world.driver.send(sized(size + 1));
      world.driver.flush();
    }
    world.settle();

    const sizes = [0, 10, 5_000, 70_000, 300_000, 1_000_000];
    assertEquals(atDriver, sizes);
    assertEquals(atThread, sizes.map((size) => size + 1));
  });

  it("leaves in the ring what a slow driver does not read", () => {
    const world = newWorld();

    for (let n = 0; n < 60; n++) {
      world.thread.send(sized(100_000));
      world.thread.flush();
    }
    world.settle();

    const held = world.node.queuedBytes;
    assert(held <= STREAM_QUEUED_BYTES_MAX + 70_000, `${held} bytes`);
    assert(world.thread.backlogBytes > 60 * 100_000 - STREAM_WINDOW_BYTES * 2);
    const got = listen(world.driver);
    world.settle();
    assertEquals(got.length, 60);
    assertEquals(world.thread.backlogBytes, 0);
  });

  it("stops a driver whose thread does not read", () => {
    const world = newWorld();
    world.threadReads = false;

    for (let n = 0; n < 60; n++) {
      world.driver.send(sized(100_000));
      world.driver.flush();
    }
    world.settle();

    const most = STREAM_WINDOW_BYTES + 300_000;
    assert(world.driver.backlogBytes >= 60 * 100_000 - most);
    world.threadReads = true;
    const got = listen(world.thread);
    world.settle();
    assertEquals(got.length, 60);
    assertEquals(world.driver.backlogBytes, 0);
  });

  it("brings what a thread said last, then the end", () => {
    const world = newWorld();
    let isClosed = false;
    const got: number[] = [];
    world.driver.start({
      receive: (message) => got.push(sizeOf(message)),
      closed: () => isClosed = true,
    });

    for (let n = 0; n < 2; n++) world.thread.send(sized(90_000));
    world.thread.close();
    world.relay.close();
    world.settle();

    assertEquals(got, [90_000, 90_000]);
    assert(isClosed);
  });

  it("keeps what was said last for who listens later", () => {
    const world = newWorld();

    world.thread.send(sized(5));
    world.thread.close();
    world.relay.close();
    world.settle();

    assertEquals(listen(world.driver), [5]);
  });

  it("waits for the other one, of the same thread, which has no room", () => {
    const mailbox = new Mailbox();
    const [left, right] = newRingLinkEnds(mailbox.buffer, mailbox.buffer);
    const pairs = [left, right].map((end) => {
      const node = newStreams(true);
      const peer = newStreams(false);
      new RingRelay(end, mailbox, node, { stream: NUMBER });
      return { node, peer, link: new RemoteLink(peer, NUMBER) };
    });
    const [from, to] = [pairs[0]!, pairs[1]!];

    for (let n = 0; n < 60; n++) {
      from.link.send(sized(100_000));
      from.link.flush();
    }
    // Only the sender's stream moves: the ring fills, and who reads it waits.
    for (let n = 0; n < 100; n++) {
      mailbox.poll();
      exchange(from.node, from.peer);
    }
    assert(from.link.backlogBytes > 0);
    const got = listen(to.link);
    let isBusy = true;
    while (isBusy) {
      mailbox.poll();
      isBusy = pairs.some(({ node, peer }) => exchange(node, peer)) ||
        mailbox.hasMail;
    }

    assertEquals(got.length, 60);
  });

  it("says when the driver has closed", () => {
    const world = newWorld();

    world.driver.close();
    world.settle();

    assertEquals(world.closedCount, 1);
  });
});

interface World {
  readonly thread: RingLink;
  readonly driver: RemoteLink;
  readonly relay: RingRelay;
  readonly node: RemoteStreams;
  threadReads: boolean;
  closedCount: number;
  settle(): void;
}

function newWorld(): World {
  const threadMailbox = new Mailbox();
  const nodeMailbox = new Mailbox();
  const [near, far] = newRingLinkEnds(threadMailbox.buffer, nodeMailbox.buffer);
  const node = newStreams(true);
  const peer = newStreams(false);
  const relay = new RingRelay(far, nodeMailbox, node, {
    stream: NUMBER,
    onClosed: () => world.closedCount++,
  });
  const world: World = {
    thread: new RingLink(near, threadMailbox),
    driver: new RemoteLink(peer, NUMBER),
    relay,
    node,
    threadReads: true,
    closedCount: 0,
    settle: () => {
      for (let round = 0; round < 1_000; round++) {
        if (world.threadReads) threadMailbox.poll();
        nodeMailbox.poll();
        const hasMail = nodeMailbox.hasMail ||
          (world.threadReads && threadMailbox.hasMail);
        if (!exchange(node, peer) && !hasMail) return;
      }
    },
  };
  return world;
}

function newStreams(isNumbering: boolean): RemoteStreams {
  return new RemoteStreams({ isNumbering, onOutput: () => {} });
}

function exchange(source: RemoteStreams, target: RemoteStreams): boolean {
  let isBusy = false;
  for (const [from, to] of [[source, target], [target, source]] as const) {
    for (;;) {
      const frame = from.nextFrame();
      if (!frame) break;
      isBusy = true;
      to.receive(frame);
    }
  }
  return isBusy;
}

function sized(size: number): LinkMessage {
  const message = { type: "sized", bytes: new Uint8Array(size) };
  return message;
}

function sizeOf(message: LinkMessage): number {
  return (message as unknown as { bytes: Uint8Array }).bytes.length;
}

function listen(link: RingLink | RemoteLink): number[] {
  const got: number[] = [];
  link.start({
    receive: (message) => got.push(sizeOf(message)),
    closed: () => {},
  });
  return got;
}
