// Many who come to a node and have no business there: they say nothing, say it
// slowly, or guess. Who has the token is let in all the same.

import { connect, type Socket } from "node:net";
import {
  HANDSHAKE_MS_MAX,
  WRONG_TOKENS_MAX,
} from "../../runtime/base/limits.ts";
import { until } from "../conformance/connection_kit.ts";
import {
  afterEach,
  assert,
  assertEquals,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { NodeProject, type StartedNode } from "../support/node_project.ts";
import { rawRequest } from "../support/raw_request.ts";

const CROWD = 1_000;
/** How often those who are slow say something. */
const DRIP_MS = 1_000;

for (const program of ["manta", "deno"] as const) {
  describe(`a node of ${program}`, () => {
    let project: NodeProject;
    let node: StartedNode;

    beforeEach(async () => {
      project = new NodeProject(program);
      node = await project.startNode();
    });

    afterEach(() => project[Symbol.dispose]());

    it("lets drivers in beside 1,000 connections that say nothing", async () => {
      using crowd = new Crowd(node.port);
      await until("all are connected", () => crowd.connected === CROWD);

      const app = project.drivers.write(
        "app.ts",
        'import { get, remote } from "manta";',
        'console.log(await get(remote(function f() { return "ran"; }).remote()));',
      );
      const env = { MANTA_ADDRESS: "auto" };
      const driver = await project.manta(["run", app], { env });

      assertEquals([driver.stdout, driver.stderr], ["ran\n", ""]);
      // The web server of Deno waits for ever; see docs/protocol.md.
      if (program === "deno") return;
      const endMs = performance.now() + 2 * HANDSHAKE_MS_MAX;
      while (crowd.closed < CROWD && performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assertEquals(crowd.closed, CROWD);
    });

    it("makes who guesses wait, and nobody else", async () => {
      const right = `Bearer ${node.token}`;
      const ask = (from: string, authorization: string) =>
        rawRequest(node.port, { from, fields: { authorization } });

      for (let n = 0; n < WRONG_TOKENS_MAX; n++) {
        assertEquals((await ask("127.0.0.2", `Bearer ${n}`)).status, 401);
      }
      // One more may have been forgiven meanwhile.
      await ask("127.0.0.2", "Bearer x");
      const refused = await ask("127.0.0.2", right);
      assertEquals([refused.status, refused.body], [429, ""]);
      const seconds = Number(refused.fields.get("retry-after"));
      assert(seconds >= 1 && seconds <= 2);

      for (const from of ["127.0.0.1", "127.0.0.3"]) {
        assertEquals((await ask(from, right)).status, 404);
      }
      // Who has started the node is not locked out by others of the machine.
      for (let n = 0; n < 2 * WRONG_TOKENS_MAX; n++) {
        assertEquals((await ask("127.0.0.1", `Bearer ${n}`)).status, 401);
      }
      assertEquals((await ask("127.0.0.1", right)).status, 404);
    });
  });
}

/** Connections that say nothing, or one byte now and then. */
class Crowd implements Disposable {
  connected = 0;
  closed = 0;
  readonly #sockets: readonly Socket[];
  readonly #drip: ReturnType<typeof setInterval>;

  constructor(port: number) {
    this.#sockets = Array.from({ length: CROWD }, (_, n) => {
      const socket = connect(port, "127.0.0.1", () => {
        this.connected++;
        if (n % 2 === 0) socket.write("GET /connect HTTP/1.1\r\n");
      });
      socket.on("error", () => {});
      socket.on("close", () => this.closed++);
      return socket;
    });
    const slow = this.#sockets.filter((_, n) => n % 2 === 0);
    this.#drip = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write("x");
    }, DRIP_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#drip);
    for (const socket of this.#sockets) socket.destroy();
  }
}
