// Each kind of link in the link suite, and two real threads that hammer one
// ring link in both directions.

import { newLoopbackLinks } from "../../runtime/transport/loopback_link.ts";
import { Mailbox } from "../../runtime/transport/mailbox.ts";
import {
  newRingLinkEnds,
  RingLink,
} from "../../runtime/transport/ring_link.ts";
import { Dice } from "../simulation/dice.ts";
import { SimNetwork } from "../simulation/sim_network.ts";
import { assertEquals, describe, it } from "../support/harness.ts";
import { type LinkPair, linkSuite } from "./link_suite.ts";
import { hammer, type HammerStart, type HammerTally } from "./link_hammer.ts";

describe("RingLink", () => {
  it("takes in what a peer has sent before it was gone", () => {
    const { source, target } = ringPair();
    const got: string[] = [];
    target.start({
      receive: ({ type }) => got.push(type),
      closed: () => {},
    });

    source.send({ type: "last" });
    source.flush();
    target.drain();
    target.close();

    assertEquals(got, ["last"]);
    source.close();
  });
});

linkSuite("LoopbackLink", loopbackPair, {
  carriesShared: true,
  hasClaims: true,
  outlivesClose: true,
});
linkSuite("RingLink", ringPair, {
  carriesShared: true,
  hasClaims: true,
  outlivesClose: true,
});
linkSuite("A session over a bad channel", sessionPair, {
  carriesShared: true,
  hasClaims: true,
  outlivesClose: false,
});

describe("RingLink between two threads", () => {
  it("carries everything both ways, whatever its size", async () => {
    for (const seed of [1, 2]) {
      const [near, far] = await hammerTogether(seed);

      assertEquals(near.received, far.sent);
      assertEquals(far.received, near.sent);
    }
  });
});

function loopbackPair(): LinkPair {
  const [source, target] = newLoopbackLinks(() => {});
  return { source, target, settle: () => turns(20) };
}

function ringPair(): LinkPair {
  const mailboxes = [new Mailbox(), new Mailbox()] as const;
  const ends = newRingLinkEnds(mailboxes[0].buffer, mailboxes[1].buffer);
  const { port1, port2 } = new MessageChannel();
  const source = new RingLink({ ...ends[0], port: port1 }, mailboxes[0]);
  const target = new RingLink({ ...ends[1], port: port2 }, mailboxes[1]);
  const settle = async () => {
    await turns(2);
    // The ports come through the event loop.
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setTimeout(resolve));
      source.pollShared();
      target.pollShared();
      while (mailboxes.some(({ hasMail }) => hasMail)) {
        for (const mailbox of mailboxes) mailbox.poll();
      }
    }
    for (const port of [port1, port2]) {
      (port as MessagePort & { unref?(): void }).unref?.();
    }
  };
  return { source, target, settle };
}

function sessionPair(): LinkPair {
  const network = new SimNetwork(new Dice(5), 0.2);
  const wake = () => {};
  const [source, target] = network.connect([wake, wake], true);
  const settle = () => {
    for (let turn = 0; turn < 4_000 && !network.isQuiet; turn++) {
      network.deliver();
      if (turn % 10 === 0) network.advance(10);
      if (turn % 500 === 0) network.breakSome();
    }
    network.advance(100);
    return Promise.resolve();
  };
  return { source, target, settle };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

/** Runs the same work here and in a thread; gives both tallies. */
async function hammerTogether(
  seed: number,
): Promise<[HammerTally, HammerTally]> {
  const mailboxes = [new Mailbox(), new Mailbox()] as const;
  const [near, far] = newRingLinkEnds(
    mailboxes[0].buffer,
    mailboxes[1].buffer,
  );
  const url = new URL("./link_thread.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  try {
    const theirs = new Promise<HammerTally>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    const start: HammerStart = {
      end: far,
      mailbox: mailboxes[1].buffer,
      seed: seed + 100,
    };
    worker.postMessage(start);
    const ours = hammer({ end: near, mailbox: mailboxes[0].buffer, seed });
    return await Promise.all([ours, theirs]);
  } finally {
    worker.terminate();
  }
}
