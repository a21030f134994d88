import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  type MemoryAction,
  type MemoryFigure,
  MemoryPolicy,
  type MemoryThread,
} from "../../../runtime/observe/memory_policy.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

const MIB = 1024 * 1024;
const [DRIVER, OTHER] = ["w-driver" as WorkerId, "w-other" as WorkerId];

function thread(
  name: string,
  of: Partial<MemoryThread> & { mib?: number } = {},
): MemoryThread {
  const { mib, ...rest } = of;
  return {
    threadId: name as WorkerId,
    owner: DRIVER,
    order: 0,
    isRetriable: true,
    limitBytes: undefined,
    figure: mib === undefined ? undefined : figure(mib),
    ...rest,
  };
}

function figure(mib: number, isCollected = true): MemoryFigure {
  return { usedBytes: mib * MIB, isCollected, isNeeded: false };
}

/** A node of 1,000 MiB that may use 900 of them. */
class Watched {
  readonly #policy = new MemoryPolicy(0.9);
  #nowMs = 0;

  /** A second later. */
  read(usedMib: number, threads: readonly MemoryThread[]): string[] {
    this.#nowMs += 1_000;
    return this.#policy.handle({
      type: "memory_read",
      nowMs: this.#nowMs,
      usedBytes: usedMib * MIB,
      limitBytes: 1_000 * MIB,
      threads,
    }).map(shown);
  }
}

function shown(action: MemoryAction): string {
  if (action.type === "collect_all") return "collect";
  if (action.type === "ask_thread") {
    return `ask ${action.threadId}${action.collect ? " to collect" : ""}`;
  }
  const { threadId, reason, mayRetry } = action;
  return `stop ${threadId} ${reason}${mayRetry ? " again" : ""}`;
}

describe("MemoryPolicy", () => {
  it("does nothing below the threshold", () => {
    const node = new Watched();
    assertEquals(node.read(900, [thread("a")]), []);
  });

  it("collects garbage first, and stops nothing if that helps", () => {
    const node = new Watched();
    assertEquals(node.read(920, [thread("a")]), ["collect"]);
    assertEquals(node.read(800, [thread("a")]), []);
  });

  it("does not wait for garbage when little is left", () => {
    const node = new Watched();
    const wanted = ["collect", "stop a pressure"];
    assertEquals(node.read(960, [thread("a")]), wanted);
  });

  it("R-57 stops the latest first", () => {
    const node = new Watched();
    const threads = [1, 3, 2].map((order) => thread(`t${order}`, { order }));
    node.read(920, threads);
    assertEquals(node.read(920, threads), ["stop t3 pressure again"]);
  });

  it("R-59 stops what can run again first, though it is older", () => {
    const node = new Watched();
    const threads = [
      thread("old", { order: 1 }),
      thread("once", { order: 2, isRetriable: false }),
    ];
    node.read(920, threads);
    assertEquals(node.read(920, threads), ["stop old pressure again"]);
  });

  it("R-62 lets the last of an owner fail", () => {
    const node = new Watched();
    const threads = [
      thread("mine", { order: 2 }),
      thread("another's", { order: 1, owner: OTHER }),
    ];
    node.read(920, threads);
    assertEquals(node.read(920, threads), ["stop mine pressure"]);
  });

  it("waits until a thread has ended and its memory is back", () => {
    const node = new Watched();
    const [a, b] = [thread("a", { order: 2 }), thread("b", { order: 1 })];
    node.read(960, [a, b]);
    assertEquals(node.read(960, [a, b]), []);
    assertEquals(node.read(960, [b]), []);
    assertEquals(node.read(930, [b]), ["stop b pressure"]);
  });

  it("gives memory time to come back while nothing grows", () => {
    const node = new Watched();
    const [a, b] = [thread("a", { order: 2 }), thread("b", { order: 1 })];
    node.read(960, [a, b]);
    for (let second = 1; second < 10; second++) {
      assertEquals(node.read(970, [b]), [], `after ${second} s`);
    }
    // By now garbage has been collected long ago.
    assertEquals(node.read(970, [b]), ["collect", "stop b pressure"]);
  });

  it("does not wait while somebody else goes on growing", () => {
    const node = new Watched();
    const [a, b] = [thread("a", { order: 2 }), thread("b", { order: 1 })];
    node.read(960, [a, b]);
    assertEquals(node.read(970, [a, b]), []);
    assertEquals(node.read(985, [a, b]), ["stop b pressure"]);
  });

  it("does not wait for a thread that does not end", () => {
    const node = new Watched();
    const [a, b] = [thread("a", { order: 2 }), thread("b", { order: 1 })];
    node.read(960, [a, b]);
    for (let second = 1; second < 10; second++) {
      assertEquals(node.read(960, [a, b]), [], `after ${second} s`);
    }
    assertEquals(node.read(960, [a, b]), ["collect", "stop b pressure"]);
  });

  it("stops as many as are needed where it knows what they hold", () => {
    const node = new Watched();
    const threads = [4, 3, 2, 1].map((order) =>
      thread(`t${order}`, { order, mib: 40 })
    );
    node.read(920, threads);
    // 20 MiB above the threshold, and a buffer of 50 MiB.
    assertEquals(node.read(920, threads), [
      "stop t4 pressure again",
      "stop t3 pressure again",
    ]);
  });

  it("stops idle threads before all others, the largest first", () => {
    const node = new Watched();
    const idle = { owner: undefined };
    const threads = [
      thread("small", { ...idle, mib: 5 }),
      thread("large", { ...idle, mib: 50 }),
      thread("larger", { ...idle, mib: 60 }),
      thread("needed", { ...idle, figure: { ...figure(90), isNeeded: true } }),
      thread("silent", idle),
      thread("busy"),
    ];
    node.read(920, threads);
    assertEquals(node.read(920, threads), [
      "stop larger idle again",
      "stop large idle again",
    ]);
  });

  it("keeps a thread to its own limit, garbage not counted", () => {
    const node = new Watched();
    const limited = (held?: MemoryFigure) =>
      thread("a", { limitBytes: 100 * MIB, figure: held });
    assertEquals(node.read(0, [limited()]), ["ask a"]);
    assertEquals(node.read(0, [limited(figure(90))]), ["ask a"]);
    const unclean = figure(110, false);
    assertEquals(node.read(0, [limited(unclean)]), ["ask a to collect"]);
    assertEquals(node.read(0, [limited(figure(110))]), ["stop a limit"]);
    assertEquals(node.read(0, [limited(figure(110))]), []);
  });
});
