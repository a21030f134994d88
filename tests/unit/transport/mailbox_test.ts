import { Mailbox, MailboxSignal } from "../../../runtime/transport/mailbox.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

describe("Mailbox", () => {
  it("polls its links when somebody has signalled", () => {
    const { mailbox, signal, polls } = make();

    mailbox.poll();
    signal.notify();
    assert(mailbox.hasMail);
    mailbox.poll();
    mailbox.poll();

    assertEquals(polls(), 1);
    assert(!mailbox.hasMail);
  });

  it("polls again for what comes while it polls", () => {
    const mailbox = new Mailbox();
    const signal = new MailboxSignal(mailbox.buffer);
    let polls = 0;
    mailbox.add({
      poll: () => {
        if (++polls < 3) signal.notify();
        mailbox.poll();
      },
    });

    signal.notify();
    mailbox.poll();

    assertEquals(polls, 3);
  });

  it("polls no link that was removed", () => {
    const mailbox = new Mailbox();
    const signal = new MailboxSignal(mailbox.buffer);
    const link = { poll: () => assert(false) };
    mailbox.add(link);

    mailbox.remove(link);
    signal.notify();
    mailbox.poll();
  });

  it("does not park when there is mail", () => {
    const { mailbox, signal } = make();

    signal.notify();

    assertEquals(mailbox.park(), false);
    mailbox.poll();
    assertEquals(mailbox.park(), true);
  });

  it("calls when mail comes for a parked thread", async () => {
    const { mailbox, signal } = make();
    const woken = new Promise<void>((resolve) => mailbox.onMail = resolve);

    assert(mailbox.park());
    signal.notify();
    await heldOpen(woken);

    assert(mailbox.hasMail);
  });

  // The race: a wake-up call is under way while the thread is awake by itself.
  it("is woken again after it was awake without being called", async () => {
    const { mailbox, signal } = make();
    let calls = 0;
    let call = () => {};
    mailbox.onMail = () => {
      calls++;
      call();
    };

    assert(mailbox.park());
    mailbox.unpark();
    signal.notify();
    mailbox.poll();
    const woken = new Promise<void>((resolve) => call = resolve);
    assert(mailbox.park());
    signal.notify();
    await heldOpen(woken);

    assertEquals(calls, 1);
  });
});

/** A wake-up call alone keeps no process alive. */
async function heldOpen(work: Promise<void>): Promise<void> {
  const timer = setInterval(() => {}, 1_000);
  await work;
  clearInterval(timer);
}

function make() {
  const mailbox = new Mailbox();
  let count = 0;
  mailbox.add({ poll: () => count++ });
  const signal = new MailboxSignal(mailbox.buffer);
  return { mailbox, signal, polls: () => count };
}
