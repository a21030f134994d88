// Work for one side of a ring link: sends frames of random sizes in bursts,
// takes in what the other side sends, sleeps and wakes as threads do.

import type { LinkMessage } from "../../runtime/transport/link.ts";
import {
  Mailbox,
  type MailboxBuffer,
} from "../../runtime/transport/mailbox.ts";
import {
  RingLink,
  type RingLinkEnd,
} from "../../runtime/transport/ring_link.ts";
import { Dice } from "../simulation/dice.ts";
import { fill, sum } from "./link_suite.ts";

const MESSAGES = 400;

export interface HammerStart {
  readonly end: RingLinkEnd;
  readonly mailbox: MailboxBuffer;
  readonly seed: number;
}

/** Checksums of everything, in order. */
export interface HammerTally {
  readonly sent: number;
  readonly received: number;
}

/** See the head of the file; resolves when all is sent and received. */
export async function hammer(
  { end, mailbox: buffer, seed }: HammerStart,
): Promise<HammerTally> {
  const dice = new Dice(seed);
  const mailbox = new Mailbox(buffer);
  const link = new RingLink(end, mailbox);
  const tally = { sent: 0, received: 0 };
  let sentCount = 0;
  let receivedCount = 0;
  let isLast = false;
  link.start({
    receive: (message) => {
      const { n, bytes } = message as LinkMessage & {
        readonly n: number;
        readonly bytes: Uint8Array;
      };
      if (n !== receivedCount++) throw new Error(`Message ${n} out of order`);
      tally.received = sum(Uint8Array.of(tally.received, sum(bytes)));
      isLast = n === MESSAGES - 1;
    },
    closed: () => {},
  });
  while (sentCount < MESSAGES || !isLast) {
    mailbox.unpark();
    for (let burst = dice.below(40); burst > 0; burst--) {
      if (sentCount === MESSAGES) break;
      const size = dice.below(dice.pick([1, 40, 1_000, 1_000, 90_000]));
      const bytes = fill(size, sentCount);
      tally.sent = sum(Uint8Array.of(tally.sent, sum(bytes)));
      link.send({ type: "hammer", n: sentCount++, bytes } as LinkMessage);
      if (dice.chance(0.3)) link.flush();
    }
    link.flush();
    mailbox.poll();
    if (sentCount < MESSAGES && (isLast || dice.chance(0.7))) continue;
    if (isLast) break;
    const woken = new Promise<void>((resolve) => {
      mailbox.onMail = resolve;
      // The other side may wait for what this one has yet to send.
      if (sentCount < MESSAGES) setTimeout(resolve);
    });
    // Asleep, until there is mail.
    if (mailbox.park()) await woken;
  }
  // What found no room must still be taken by the other side.
  while (link.backlogBytes > 0) {
    mailbox.poll();
    link.sendBacklog();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return tally;
}
