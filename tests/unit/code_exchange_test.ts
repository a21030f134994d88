import { CodeExchange } from "../../runtime/code_exchange.ts";
import { CaptureError, WorkerDiedError } from "../../runtime/base/errors.ts";
import type { WorkerId } from "../../runtime/base/ids.ts";
import { writeBundle } from "../../runtime/code/code_cache.ts";
import { PortableCode } from "../../runtime/code_port.ts";
import type { PeerMessage, WireCode } from "../../runtime/protocol/messages.ts";
import { decodeError, encodeError } from "../../runtime/protocol/wire_error.ts";
import { CodeProject } from "../support/code_project.ts";
import {
  afterAll,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";

const HERE = "w-here" as WorkerId;
const THERE = "w-there" as WorkerId;
const FAR = "w-far" as WorkerId;

describe("CodeExchange", () => {
  let project: CodeProject;
  /** Where a bundle is that there is. */
  let wire: WireCode;
  beforeAll(() => {
    project = new CodeProject();
    const { hash, path } = writeBundle("export {};");
    wire = { hash, exportName: "app.ts:1:1", path };
  });
  afterAll(() => project[Symbol.dispose]());

  it("writes code that is bundled as the place of its bundle", () => {
    const { exchange } = make(HERE);

    const place = exchange.placeOf(PortableCode.bundled("f", wire));

    assertEquals(place, wire);
    assertEquals(exchange.codeAt("f", place).wire, wire);
  });

  it("writes code under way as a number, the same each time", () => {
    const { exchange } = make(HERE);
    const first = PortableCode.elsewhere("f", () => new Promise(() => {}));
    const second = PortableCode.elsewhere("g", () => new Promise(() => {}));

    assertEquals(exchange.placeOf(first), [HERE, 1]);
    assertEquals(exchange.placeOf(second), [HERE, 2]);
    assertEquals(exchange.placeOf(first), [HERE, 1]);
    assertStrictEquals(exchange.codeAt("f", [HERE, 1]), first);
  });

  it("asks the thread that has the code, once, when it is needed", async () => {
    const { exchange, sent } = make(HERE);
    const code = exchange.codeAt("f", [THERE, 3]);
    const again = exchange.codeAt("f", [THERE, 3]);
    const before = [...sent];

    const shipped = Promise.all([code.ship(), again.ship()]);
    exchange.receive(THERE, { type: "code_found", code: 3, result: wire });

    assertEquals(before, []);
    assertEquals(sent, [[THERE, { type: "code_wanted", code: 3 }]]);
    assertEquals(await shipped, [wire, wire]);
    assertEquals(exchange.placeOf(code), wire);
  });

  it("answers with the place of the code, or with why there is none", async () => {
    const { exchange, sent, settled } = make(HERE);
    const found = PortableCode.elsewhere("f", () => Promise.resolve(wire));
    const error = new CaptureError("Cannot ship f");
    const lost = PortableCode.elsewhere("g", () => Promise.reject(error));
    exchange.placeOf(found);
    exchange.placeOf(lost);

    exchange.receive(THERE, { type: "code_wanted", code: 1 });
    exchange.receive(THERE, { type: "code_wanted", code: 2 });
    await settled(2);

    const results = new Map(sent.map(([peer, message]) => {
      if (message.type !== "code_found") throw new Error(message.type);
      const { code, result } = message;
      return [
        `${peer}/${code}`,
        "error" in result ? result.error.className : result,
      ];
    }));
    assertEquals(results.get(`${THERE}/1`), wire);
    assertEquals(results.get(`${THERE}/2`), "capture_failed");
  });

  it("passes an answer's error on", async () => {
    const { exchange } = make(HERE);
    const shipped = exchange.codeAt("f", [THERE, 1]).ship();
    const error = encodeError(new CaptureError("Cannot ship f"));

    exchange.receive(THERE, { type: "code_found", code: 1, result: { error } });

    await assertRejects(shipped, CaptureError, "Cannot ship f");
  });

  it("refuses what it has asked a thread for that ends", async () => {
    const { exchange } = make(HERE);
    const lost = exchange.codeAt("f", [THERE, 1]).ship();
    const other = exchange.codeAt("f", [FAR, 1]).ship();

    exchange.workerEnded(THERE);
    exchange.receive(FAR, { type: "code_found", code: 1, result: wire });

    await assertRejects(lost, WorkerDiedError, THERE);
    assertEquals(await other, wire);
  });

  it("refuses at once what a thread is asked for after its end", async () => {
    const { exchange, sent } = make(HERE);
    const code = exchange.codeAt("f", [THERE, 1]);

    exchange.workerEnded(THERE);

    await assertRejects(code.ship(), WorkerDiedError, "is gone");
    const later = exchange.codeAt("g", [THERE, 2]);
    await assertRejects(later.ship(), WorkerDiedError, THERE);
    assertEquals(sent, []);
  });

  it("keeps what a thread has told before its end", async () => {
    const { exchange } = make(HERE);
    const shipped = exchange.codeAt("f", [THERE, 1]).ship();
    exchange.receive(THERE, { type: "code_found", code: 1, result: wire });
    await shipped;

    exchange.workerEnded(THERE);

    assertEquals(await exchange.codeAt("f", [THERE, 1]).ship(), wire);
  });
});

/** An exchange of a thread whose messages are kept. */
function make(workerId: WorkerId) {
  const sent: [WorkerId, PeerMessage][] = [];
  const watching: { count: number; resolve: () => void }[] = [];
  const exchange = new CodeExchange({
    identity: { workerId },
    codec: { encodeError, decodeError },
    send: (peer, message) => {
      sent.push([peer, message]);
      for (const { count, resolve } of watching) {
        if (sent.length >= count) resolve();
      }
    },
    hasSentCode: () => true,
    sendCode: (code) => Promise.resolve(code),
    schedule: () => {},
  });
  /** Resolves once so many messages were sent. */
  const settled = (count: number) =>
    new Promise<void>((resolve) => watching.push({ count, resolve }));
  return { exchange, sent, settled };
}
