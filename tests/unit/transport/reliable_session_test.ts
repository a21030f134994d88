import {
  SESSION_ACK_EVERY_FRAMES,
  SESSION_RESEND_MS,
  SESSION_RESEND_MS_MAX,
  SESSION_SILENCE_MS_MAX,
} from "../../../runtime/base/limits.ts";
import {
  ReliableSession,
  type SessionAction,
  type SessionOptions,
  type SessionSegment,
} from "../../../runtime/transport/reliable_session.ts";
import { Dice } from "../../simulation/dice.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

describe("ReliableSession", () => {
  it("delivers frames in order, and acknowledges them", () => {
    const { source, target } = pair();

    const sent = queue(source, 1).concat(queue(source, 2));
    const answers = sent.flatMap((segment) => receive(target, segment));
    const acks = segmentsOf(answers);
    acks.forEach((ack) => receive(source, ack));

    assertEquals(framesOf(answers), [1, 2]);
    assertEquals(acks.map(({ ack }) => ack), [1, 2]);
    assert(source.isSettled);
  });

  it("delivers what comes twice only once, and acknowledges it again", () => {
    const { source, target } = pair();
    const [segment] = queue(source, 7);

    receive(target, segment!);
    const again = receive(target, segment!);

    assertEquals(framesOf(again), []);
    assertEquals(segmentsOf(again).map(({ ack }) => ack), [1]);
  });

  it("holds frames back until the one before them has come", () => {
    const { source, target } = pair();
    const [first, second, third] = [1, 2, 3].flatMap((n) => queue(source, n));

    const early = [third!, second!].flatMap((each) => receive(target, each));
    const late = receive(target, first!);

    assertEquals(framesOf(early), []);
    assertEquals(framesOf(late), [1, 2, 3]);
    assertEquals(segmentsOf(late).at(-1)?.ack, 3);
  });

  it("sends again what was not acknowledged, less and less often", () => {
    const { source } = pair();
    queue(source, 1);

    const sentAtMs: number[] = [];
    for (let nowMs = 0; nowMs <= 3_000; nowMs += 10) {
      const actions = source.handle({ type: "clock_ticked", nowMs });
      if (segmentsOf(actions).some(({ frame }) => frame)) sentAtMs.push(nowMs);
    }

    const gapsMs = sentAtMs.map((atMs, at) => atMs - (sentAtMs[at - 1] ?? 0));
    assertEquals(gapsMs, [1, 2, 4, 8].map((n) => n * SESSION_RESEND_MS));
  });

  it("sends no more than the window ahead of acks", () => {
    const { source, target } = pair({ windowFrames: 2 });

    const sent = [1, 2, 3, 4].flatMap((n) => queue(source, n));
    const [ack] = segmentsOf(receive(target, sent[0]!));
    const more = segmentsOf(receive(source, ack!));

    assertEquals(sent.map(({ sequence }) => sequence), [1, 2]);
    assertEquals(more.map(({ sequence }) => sequence), [3]);
  });

  it("refuses frames when its queue is full, and says when it is not", () => {
    const { source, target } = pair({ queuedFramesMax: 1 });
    const [segment] = queue(source, 1);

    assertEquals(source.room, 0);
    assertThrows(() => queue(source, 2), RangeError, "Wait until");
    const [ack] = segmentsOf(receive(target, segment!));
    const actions = receive(source, ack!);

    assertEquals(actions, [{ type: "resume_sender" }]);
    assertEquals(source.room, 1);
  });

  it("goes on over a new channel with what was lost with the old one", () => {
    const { source, target } = pair();
    source.handle({ type: "channel_closed" });

    const unsent = queue(source, 1);
    const reopened = segmentsOf(source.handle({ type: "channel_opened" }));
    const delivered = reopened.flatMap((each) => receive(target, each));

    assertEquals(unsent, []);
    assertEquals(framesOf(delivered), [1]);
  });

  it("ends when the peer has begun a new life", () => {
    const { source } = pair();
    const reborn = new ReliableSession({ epoch: 9, nowMs: 0 });
    const [hello] = segmentsOf(reborn.handle({ type: "channel_opened" }));

    const actions = receive(source, hello!);

    assertEquals(actions, [{ type: "end_session", reason: "peer_restarted" }]);
    assert(source.ended);
    assertEquals(source.handle({ type: "channel_opened" }), []);
  });

  it("tells a peer of a former life that it is over", () => {
    const { source } = pair();
    const reborn = new ReliableSession({ epoch: 9, nowMs: 0 });
    reborn.handle({ type: "channel_opened" });

    const [late] = queue(source, 1);
    const answer = segmentsOf(receive(reborn, late!));
    const actions = receive(source, answer[0]!);

    assertEquals(answer.length, 1);
    assertEquals(actions, [{ type: "end_session", reason: "peer_restarted" }]);
    assert(!reborn.ended);
  });

  it("ignores segments of a former life of the peer", () => {
    const { target } = pair();

    const actions = receive(target, {
      epoch: 0.5,
      peerEpoch: 0,
      sequence: 1,
      ack: 0,
      frame: Uint8Array.of(9),
    });

    assertEquals(actions, []);
  });

  it("ends when nothing was heard for too long", () => {
    const { source } = pair();

    const nowMs = SESSION_SILENCE_MS_MAX + 1;
    const actions = source.handle({ type: "clock_ticked", nowMs });

    assertEquals(actions, [{ type: "end_session", reason: "peer_silent" }]);
  });

  it("probes an idle peer often enough to live on", () => {
    const { source, target } = pair();

    for (let nowMs = 0; nowMs < 4 * SESSION_SILENCE_MS_MAX; nowMs += 50) {
      for (const [from, to] of [[source, target], [target, source]] as const) {
        const probes = segmentsOf(from.handle({ type: "clock_ticked", nowMs }));
        for (const answer of probes.flatMap((each) => receive(to, each))) {
          if (answer.type === "send_segment") receive(from, answer.segment);
        }
      }
    }

    assert(!source.ended && !target.ended);
    assert(SESSION_RESEND_MS_MAX * 2 < SESSION_SILENCE_MS_MAX);
  });

  it("ends when the peer acknowledges what was never sent", () => {
    const { source } = pair();

    const actions = receive(source, {
      epoch: 2,
      peerEpoch: 1,
      sequence: 0,
      ack: 1,
    });

    assertEquals(actions, [{ type: "end_session", reason: "protocol_broken" }]);
  });

  it("ends when the peer sends beyond the window", () => {
    const { target } = pair({ windowFrames: 4 });

    const actions = receive(target, {
      epoch: 1,
      peerEpoch: 2,
      sequence: 5,
      ack: 0,
      frame: Uint8Array.of(1),
    });

    assertEquals(actions, [{ type: "end_session", reason: "protocol_broken" }]);
  });

  it("delivers everything once, over any channel of chance", () => {
    for (let seed = 1; seed <= 50; seed++) runChannel(new Dice(seed), seed);
  });
});

/** Two sessions that know of each other. */

describe("ReliableSession over channels that lose nothing", () => {
  it("sends nothing again until there is a new channel", () => {
    const { source } = pair({ isChannelReliable: true });
    queue(source, 1);

    const ticked = source.handle({
      type: "clock_ticked",
      nowMs: SESSION_RESEND_MS + 1,
    });
    assertEquals(segmentsOf(ticked).map(({ probe }) => probe), [true]);
    source.handle({ type: "channel_closed" });
    const again = source.handle({ type: "channel_opened" });

    assertEquals(segmentsOf(again).map(({ sequence }) => sequence), [0, 1]);
  });

  it("lets acks wait for a frame, for more frames, or for the clock", () => {
    const { source, target } = pair({ isChannelReliable: true });

    const [first] = queue(source, 1);
    assertEquals(segmentsOf(receive(target, first!)), []);
    assert(target.owesAck);
    const [answer] = queue(target, 1);
    assertEquals([answer!.ack, target.owesAck], [1, false]);

    const [second] = queue(source, 2);
    receive(target, second!);
    const ticked = target.handle({ type: "clock_ticked", nowMs: 1 });
    assertEquals(segmentsOf(ticked).map(({ ack }) => ack), [2]);

    const acks = range(SESSION_ACK_EVERY_FRAMES)
      .flatMap(() => queue(source, 3))
      .flatMap((segment) => segmentsOf(receive(target, segment)));
    assertEquals(acks.map(({ ack }) => ack), [2 + SESSION_ACK_EVERY_FRAMES]);
  });

  it("answers at once to who waits for acks", () => {
    const { source, target } = pair({ isChannelReliable: true });
    const [frame] = queue(source, 1);
    receive(target, frame!);

    const [probe] = segmentsOf(source.handle({ type: "ack_wanted" }));
    const [ack] = segmentsOf(receive(target, probe!));
    receive(source, ack!);

    assert(source.isSettled);
  });

  it("counts the bytes that are not acknowledged", () => {
    const { source, target } = pair();
    const sent = queue(source, 1).concat(queue(source, 2));

    assertEquals(source.unackedBytes, 2);
    const answers = sent.flatMap((segment) => receive(target, segment));
    for (const ack of segmentsOf(answers)) receive(source, ack);

    assertEquals(source.unackedBytes, 0);
  });
});

describe("ReliableSession at its end", () => {
  it("tells the peer, which ends, too", () => {
    const { source, target } = pair();

    const [goodbye] = segmentsOf(source.handle({ type: "session_left" }));
    const actions = receive(target, goodbye!);

    assert(source.ended && target.ended);
    assertEquals(actions, [{ type: "end_session", reason: "peer_left" }]);
    assertEquals(source.handle({ type: "channel_opened" }), []);
  });

  it("does not come while there is other evidence of life", () => {
    const { source } = pair();

    for (let nowMs = 0; nowMs < 3 * SESSION_SILENCE_MS_MAX; nowMs += 1_000) {
      source.handle({ type: "peer_seen" });
      source.handle({ type: "clock_ticked", nowMs });
    }

    assert(!source.ended);
    assert(source.dueAtMs <= source.heardAtMs + SESSION_SILENCE_MS_MAX + 1);
  });
});

function pair(
  options: Partial<SessionOptions> = {},
) {
  const source = new ReliableSession({ epoch: 1, nowMs: 0, ...options });
  const target = new ReliableSession({ epoch: 2, nowMs: 0, ...options });
  const hello = segmentsOf(source.handle({ type: "channel_opened" }));
  const answers = segmentsOf(target.handle({ type: "channel_opened" }))
    .concat(hello.flatMap((each) => segmentsOf(receive(target, each))));
  for (const answer of answers) receive(source, answer);
  return { source, target };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

function queue(session: ReliableSession, n: number): SessionSegment[] {
  const frame = Uint8Array.of(n);
  return segmentsOf(session.handle({ type: "frame_queued", frame }));
}

function receive(
  session: ReliableSession,
  segment: SessionSegment,
): SessionAction[] {
  return session.handle({ type: "segment_received", segment });
}

function segmentsOf(actions: readonly SessionAction[]): SessionSegment[] {
  return actions.flatMap((action) =>
    action.type === "send_segment" ? [action.segment] : []
  );
}

function framesOf(actions: readonly SessionAction[]): number[] {
  return actions.flatMap((action) =>
    action.type === "deliver_frame" ? [action.frame[0]!] : []
  );
}

/** Both sides send 200 frames over a channel that does what it likes. */
function runChannel(dice: Dice, seed: number): void {
  const ends = [1, 2].map((epoch) => ({
    session: new ReliableSession({ epoch, nowMs: 0, windowFrames: 8 }),
    underWay: [] as SessionSegment[],
    queued: 0,
    got: [] as number[],
  }));
  let nowMs = 0;
  const perform = (at: number, actions: readonly SessionAction[]) => {
    ends[at]!.got.push(...framesOf(actions));
    for (const segment of segmentsOf(actions)) {
      if (dice.chance(0.3)) continue;
      ends[1 - at]!.underWay.push(segment);
      if (dice.chance(0.2)) ends[1 - at]!.underWay.push(segment);
    }
    assert(!ends[at]!.session.ended, `Seed ${seed}: a session has ended`);
  };
  const reopen = () => {
    for (const [at, { session, underWay }] of ends.entries()) {
      underWay.length = 0;
      perform(at, session.handle({ type: "channel_closed" }));
    }
    for (const [at, { session }] of ends.entries()) {
      perform(at, session.handle({ type: "channel_opened" }));
    }
  };
  reopen();
  for (let step = 0; ends.some(({ got }) => got.length < 200); step++) {
    assert(step < 100_000, `Seed ${seed}: frames are missing`);
    const at = dice.below(2);
    const end = ends[at]!;
    if (end.queued < 200 && dice.chance(0.5)) {
      const frame = Uint8Array.of(end.queued++);
      perform(at, end.session.handle({ type: "frame_queued", frame }));
    }
    const [segment] = end.underWay.splice(dice.below(end.underWay.length), 1);
    if (segment) perform(at, receive(end.session, segment));
    nowMs += dice.below(40);
    perform(at, end.session.handle({ type: "clock_ticked", nowMs }));
    if (dice.chance(0.003)) reopen();
  }
  const all = Array.from({ length: 200 }, (_, n) => n);
  for (const { got } of ends) assertEquals(got, all, `Seed ${seed}`);
}
