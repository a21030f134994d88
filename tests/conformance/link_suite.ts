// What every link must do, whatever it is made of; each implementation calls
// `linkSuite` with a way to make a pair of ends.

import type { Link, LinkMessage } from "../../runtime/transport/link.ts";
import { Dice } from "../simulation/dice.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";

/** Two ends of a link, and what makes messages arrive. */
export interface LinkPair {
  readonly source: Link;
  readonly target: Link;
  /** Lets everything that was flushed arrive. */
  settle(): Promise<void>;
}

/** What some links can do and others cannot. */
export interface LinkTraits {
  /** Whether `sendShared` works. */
  readonly carriesShared: boolean;
  /** Whether both ends see the same claims. */
  readonly hasClaims: boolean;
  /** Whether what is sent arrives although its end is closed at once. */
  readonly outlivesClose: boolean;
}

interface Numbered extends LinkMessage {
  readonly n: number;
  readonly bytes?: Uint8Array;
}

/** See the head of the file. */
export function linkSuite(
  name: string,
  makePair: MakePair,
  { carriesShared, hasClaims, outlivesClose }: LinkTraits,
): void {
  describe(`${name} as a Link`, () => {
    orderTests(makePair);
    sizeTests(makePair);
    closeTests(makePair, outlivesClose);
    if (hasClaims) claimTests(makePair);
    if (carriesShared) sharingTests(makePair);
  });
}

type MakePair = () => LinkPair | Promise<LinkPair>;

function orderTests(makePair: MakePair): void {
  it("delivers messages in the order sent, both ways", async () => {
    const pair = await makePair();
    const got = listen(pair.target);
    const back = listen(pair.source);

    for (let n = 0; n < 100; n++) {
      pair.source.send(numbered(n));
      if (n % 7 === 0) pair.source.flush();
      pair.target.send(numbered(-n));
    }
    pair.source.flush();
    pair.target.flush();
    await pair.settle();

    assertEquals(got.map(({ n }) => n), count(100));
    assertEquals(back.map(({ n }) => 0 - n), count(100));
  });

  it("sends nothing before it is flushed", async () => {
    const pair = await makePair();
    const got = listen(pair.target);

    pair.source.send(numbered(1));
    await pair.settle();
    assertEquals(got, []);
    pair.source.flush();
    await pair.settle();

    assertEquals(got, [numbered(1)]);
  });

  it("keeps what comes before `start`, in order", async () => {
    const pair = await makePair();

    pair.source.send(numbered(1));
    pair.source.flush();
    await pair.settle();
    pair.source.send(numbered(2));
    pair.source.flush();
    const got = listen(pair.target);
    await pair.settle();

    assertEquals(got.map(({ n }) => n), [1, 2]);
  });

  it("lets a receiver answer while it receives", async () => {
    const pair = await makePair();
    const got = listen(pair.source);
    pair.target.start({
      receive: (message) => {
        pair.target.send(message);
        pair.target.flush();
      },
      closed: () => {},
    });

    for (const n of count(50)) pair.source.send(numbered(n));
    pair.source.flush();
    await pair.settle();

    assertEquals(got.map(({ n }) => n), count(50));
  });
}

function sizeTests(makePair: MakePair): void {
  it("carries messages larger than its buffer", async () => {
    const pair = await makePair();
    const got = listen(pair.target);

    const bytes = fill(1_000_000, 3);
    pair.source.send(numbered(1));
    pair.source.send({ ...numbered(2), bytes } as LinkMessage);
    pair.source.flush();
    pair.source.send(numbered(3));
    pair.source.flush();
    await pair.settle();

    assertEquals(got.map(({ n }) => n), [1, 2, 3]);
    assertEquals(sum(got[1]!.bytes!), sum(bytes));
    assertEquals(got[1]!.bytes!.length, bytes.length);
  });

  it("keeps what finds no room until the peer has read", async () => {
    const pair = await makePair();

    for (let n = 0; n < 40; n++) {
      const bytes = fill(20_000 + n, n);
      pair.source.send({ ...numbered(n), bytes } as LinkMessage);
      pair.source.flush();
    }
    const got = listen(pair.target);
    await pair.settle();

    assertEquals(got.map(({ n }) => n), count(40));
    for (const { n, bytes } of got) {
      assertEquals(bytes!.length, 20_000 + n);
      assertEquals(sum(bytes!), sum(fill(20_000 + n, n)));
    }
  });

  it("carries frames of any size intact", async () => {
    const dice = new Dice(11);
    const pair = await makePair();
    const got = listen(pair.target);

    const sent: number[] = [];
    for (let n = 0; n < 120; n++) {
      const size = dice.below(dice.pick([8, 100, 5_000, 70_000, 300_000]));
      const bytes = fill(size, n);
      sent.push(sum(bytes));
      pair.source.send({ ...numbered(n), bytes } as LinkMessage);
      if (dice.chance(0.5)) pair.source.flush();
      if (dice.chance(0.1)) await pair.settle();
    }
    pair.source.flush();
    await pair.settle();

    assertEquals(got.map(({ bytes }) => sum(bytes!)), sent);
  });
}

function closeTests(makePair: MakePair, outlivesClose: boolean): void {
  it("delivers nothing to an end that is closed", async () => {
    const pair = await makePair();
    const got = listen(pair.target);

    pair.source.send(numbered(1));
    pair.source.flush();
    await pair.settle();
    pair.target.close();
    pair.source.send(numbered(2));
    pair.source.flush();
    await pair.settle();

    assertEquals(got.map(({ n }) => n), [1]);
  });

  it("takes nothing more once a receiver has closed it", async () => {
    const pair = await makePair();
    const got: number[] = [];
    pair.target.start({
      receive: (message) => {
        got.push((message as Numbered).n);
        pair.target.close();
      },
      closed: () => {},
    });

    for (const n of count(3)) pair.source.send(numbered(n));
    pair.source.flush();
    await pair.settle();

    assertEquals(got, [0]);
  });

  it("sends what was queued when it is closed, and nothing after", async () => {
    const pair = await makePair();
    const got = listen(pair.target);

    pair.source.send(numbered(1));
    pair.source.close();
    pair.source.send(numbered(2));
    pair.source.flush();
    await pair.settle();

    const arrived = outlivesClose ? [1] : [];
    assertEquals(got.map(({ n }) => n), arrived);
  });
}

function claimTests(makePair: MakePair): void {
  it("shows each side the other's claims", async () => {
    const { source, target } = await makePair();
    const pushed = source.pushed!;
    const taken = target.taken!;

    const claims = [0, 1, 2].map(() => pushed.queue());
    const started = taken.start(claims[0]!);
    const revoked = pushed.revoke(claims[1]!);

    assert(started && revoked);
    assertEquals(pushed.revoke(claims[0]!), false);
    assertEquals(taken.start(claims[1]!), false);
    assertEquals(taken.start(claims[2]!), true);
  });
}

function sharingTests(makePair: MakePair): void {
  it("carries shared memory beside its frames", async () => {
    const pair = await makePair();
    const got = listen(pair.target);

    const memory = new SharedArrayBuffer(8);
    pair.source.sendShared(
      { ...numbered(1), memory } as LinkMessage,
    );
    await pair.settle();
    new Uint8Array(memory)[0] = 7;

    const [received] = got as unknown as { memory: SharedArrayBuffer }[];
    assertEquals(new Uint8Array(received!.memory)[0], 7);
  });
}

function listen(link: Link): Numbered[] {
  const got: Numbered[] = [];
  link.start({
    receive: (message) => got.push(message as Numbered),
    closed: () => {},
  });
  return got;
}

function numbered(n: number): Numbered {
  return { type: "numbered", n };
}

function count(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

/** Bytes that tell where they belong. */
export function fill(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 97) bytes[at] = (at * 31 + seed) & 255;
  if (length > 0) bytes[length - 1] = seed & 255;
  return bytes;
}

/** A checksum that sees order. */
export function sum(bytes: Uint8Array): number {
  let value = bytes.length;
  for (const byte of bytes) value = (Math.imul(value, 31) + byte) | 0;
  return value;
}
