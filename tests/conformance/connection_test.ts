// Drivers and nodes over real sockets: what breaks and comes back in time goes
// on as if nothing had been; what does not ends both sides.

import { spawn } from "node:child_process";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { createServer as createTlsServer } from "node:tls";
import {
  AuthenticationError,
  ConnectionError,
} from "../../runtime/base/errors.ts";
import {
  makeCertificate,
  readCertificate,
} from "../../cli/node_certificate.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import { openChannel } from "../../runtime/platform/web_client.ts";
import {
  handshakeHeaders,
  TokenCheck,
} from "../../runtime/protocol/handshake.ts";
import { RemoteLink } from "../../runtime/transport/remote_link.ts";
import { Dice } from "../simulation/dice.ts";
import { ChaosProxy } from "../support/chaos_proxy.ts";
import {
  OTHER_CA,
  TEST_CA,
  TEST_CERTIFICATE,
  TEST_KEY,
} from "../support/test_certificate.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import {
  collect,
  connectDriver,
  type NodeOptions,
  range,
  sendAll,
  type Side,
  startNode,
  type TestNode,
  TestTime,
  TOKEN,
  turn,
  until,
} from "./connection_kit.ts";
import { linkSuite } from "./link_suite.ts";

describe("a connection", () => {
  it("carries messages of any size both ways", async () => {
    await withPair({}, async ({ node, driver }) => {
      const [there, here] = [collect(node.link), collect(driver.link)];

      for (const size of [0, 5_000, 300_000, 1_000_000]) {
        sendAll(driver.link, [size], size);
        sendAll(node.link, [size], size);
      }

      await until("all is there", () => there.length + here.length === 8);
      assertEquals(there, [0, 5_000, 300_000, 1_000_000]);
      assertEquals(here, there);
    });
  });

  it("carries many streams, opened by the node", async () => {
    await withPair({}, async ({ node, driver }) => {
      const numbers = range(0, 20).map(() => node.session.streams.nextNumber());
      const near = numbers.map((n) => new RemoteLink(node.session.streams, n));
      const far = numbers.map((n) => new RemoteLink(driver.session.streams, n));
      const got = far.map((link) => collect(link));

      for (const link of near) sendAll(link, range(0, 50), 10_000);

      await until("all is there", () => got.every((all) => all.length === 50));
      for (const all of got) assertEquals(all, range(0, 50));
    });
  });

  it("tells the node of an orderly end, after all that was sent", async () => {
    await withPair({}, async ({ node, driver }) => {
      const got = collect(node.link);

      sendAll(driver.link, range(0, 30), 100_000);
      await driver.session.leave();

      await until("the end", () => node.ends.length > 0);
      assertEquals(got, range(0, 30));
      assertEquals([driver.ends, node.ends], [["left"], ["peer_left"]]);
    });
  });

  it("tells the drivers when the node ends", async () => {
    await withPair({}, async ({ testNode, driver }) => {
      await testNode.acceptor.close();

      await until("the end", () => driver.ends.length > 0);
      assertEquals(driver.ends, ["peer_left"]);
      assertEquals(testNode.acceptor.sessionCount, 0);
    });
  });

  it("keeps no process alive", async () => {
    const node = await startNode();
    const path = new URL("./connection_child.ts", import.meta.url).pathname;
    const { command, args, env } = detectPlatform().scriptCommand(path, [
      `${node.server.port}`,
    ]);

    const child = spawn(command, [...args], {
      stdio: "inherit",
      env: { ...process.env, ...env },
    });
    const code = await new Promise((resolve) => child.on("exit", resolve));

    assertEquals([code, node.drivers.length], [0, 1]);
    const { session, link } = node.drivers[0]!;
    const got = collect(link);
    await until("it is gone", () => !session.isAttached);
    // Who ends without a goodbye may take along what was not read yet.
    assertEquals(got, range(0, got.length));
    await stop(node);
  });

  it("ends at once when the process behind a broken one is gone", async () => {
    await withPair({}, async ({ node, proxy }) => {
      node.session.peerLives = () => false;
      proxy.refuse(true);
      proxy.cut();

      await until("the end", () => node.ends.length > 0);
      assertEquals(node.ends, ["peer_died"]);
    });
  });
});

describe("a connection that breaks", () => {
  it("goes on with nothing lost or repeated", async () => {
    await withPair({}, async ({ node, driver, proxy }) => {
      const dice = new Dice(3);
      const [there, here] = [collect(node.link), collect(driver.link)];

      for (let round = 0; round < 30; round++) {
        const size = dice.pick([0, 3_000, 100_000]);
        sendAll(driver.link, range(round * 10, round * 10 + 10), size);
        sendAll(node.link, range(round * 10, round * 10 + 10), size);
        for (let n = dice.below(4); n > 0; n--) await turn();
        if (dice.chance(0.3)) proxy.cut();
      }

      const isThere = () => there.length >= 300 && here.length >= 300;
      await until("all is there", isThere);
      assertEquals(there, range(0, 300));
      assertEquals(here, range(0, 300));
      assert(proxy.connectionCount > 3);
      assertEquals([node.ends, driver.ends], [[], []]);
    });
  });

  it("is no event for anybody when it is back within 5 s", async () => {
    const time = new TestTime();
    await withPair({ time }, async ({ node, driver, proxy }) => {
      const [there, here] = [collect(node.link), collect(driver.link)];

      proxy.refuse(true);
      proxy.cut();
      await until("the break", () => !driver.session.isAttached);
      sendAll(driver.link, range(0, 10));
      sendAll(node.link, range(0, 10));
      await time.advance(5_000);
      proxy.refuse(false);
      await backAgain(time, driver, node);

      await until("all is there", () => there.length + here.length >= 20);
      assertEquals([there, here], [range(0, 10), range(0, 10)]);
      assertEquals([node.ends, driver.ends], [[], []]);
    });
  });

  it("ends both sides after 31 s", async () => {
    const time = new TestTime();
    await withPair({ time }, async ({ node, driver, proxy }) => {
      proxy.refuse(true);
      proxy.cut();
      await until("the break", () => !node.session.isAttached);

      await time.advance(29_000);
      assertEquals([node.ends, driver.ends], [[], []]);
      await time.advance(3_000);

      assertEquals(node.ends, ["peer_silent"]);
      assertEquals(driver.ends, ["peer_silent"]);
    });
  });

  it("is replaced when nothing passes and nobody is told", async () => {
    const time = new TestTime();
    await withPair({ time }, async ({ node, driver, proxy }) => {
      const there = collect(node.link);

      proxy.freeze();
      sendAll(driver.link, range(0, 5));
      await time.advance(8_000);
      assertEquals([there, proxy.connectionCount], [[], 1]);
      await time.advance(8_000);

      await until("all is there", () => there.length >= 5);
      assertEquals(there, range(0, 5));
      assertEquals([node.ends, driver.ends], [[], []]);
    });
  });

  it("is not blamed for the time in which its own thread slept", async () => {
    const time = new TestTime();
    await withPair({ time }, async ({ node, driver }) => {
      time.jump(60_000);
      await time.advance(1_000);

      const there = collect(node.link);
      sendAll(driver.link, [1]);
      await until("it is there", () => there.length > 0);
      assertEquals([node.ends, driver.ends], [[], []]);
    });
  });

  it("is over for a driver whose node has begun anew", async () => {
    const first = await startNode();
    const proxy = await ChaosProxy.open(first.server.port);
    const driver = await connectDriver(proxy.port);
    const second = await startNode();

    proxy.leadTo(second.server.port);
    proxy.cut();

    await until("the end", () => driver.ends.length > 0);
    assertEquals(driver.ends, ["peer_restarted"]);
    await Promise.all([proxy.close(), stop(first), stop(second)]);
  });
});

describe("a node's port", () => {
  it("lets nobody in without the token, and says no more", async () => {
    const node = await startNode();
    const { port } = node.server;

    for (const token of ["wrong", `${"x".repeat(500)}`]) {
      await assertRejects(
        () => connectDriver(port, { token }),
        AuthenticationError,
        "refuses the token",
      );
    }
    node.token = new TokenCheck("newer");
    await assertRejects(() => connectDriver(port), AuthenticationError);
    const response = await fetch(`http://127.0.0.1:${port}/connect`);
    assertEquals(response.status, 401);
    assertEquals(await response.text(), "");
    assertEquals(node.drivers.length, 0);
    await stop(node);
  });

  it("is spoken to with TLS by who trusts its certificate", async () => {
    const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    const node = await startNode({ tls });
    const { port } = node.server;

    const driver = await connectDriver(port, { ca: TEST_CA });
    await until("it is there", () => node.drivers.length === 1);
    const got = collect(node.drivers[0]!.link);
    sendAll(driver.link, range(0, 10), 100_000);
    await until("all is there", () => got.length === 10);

    const other = { ca: OTHER_CA };
    await assertRejects(() => connectDriver(port, other), ConnectionError);
    await assertRejects(() => connectDriver(port), ConnectionError);
    await driver.session.leave();
    await stop(node);
  });

  it("is known by the fingerprint of its certificate", async () => {
    const path = "tls.pem";
    const tls = readCertificate(makeCertificate(), path);
    const other = readCertificate(makeCertificate(), path);
    const node = await startNode({ tls });
    const plain = await startNode();
    const { port } = node.server;

    // By any name and address: the certificate has none that is real.
    const driver = await connectDriver(port, { pin: tls.pin });
    await until("it is there", () => node.drivers.length === 1);
    const got = collect(node.drivers[0]!.link);
    sendAll(driver.link, range(0, 10), 100_000);
    await until("all is there", () => got.length === 10);

    await assertRejects(
      () => connectDriver(port, { pin: other.pin }),
      ConnectionError,
      "another certificate",
    );
    // Who has the token of a node with TLS never sends it in plain text.
    await assertRejects(
      () => connectDriver(plain.server.port, { pin: tls.pin }),
      ConnectionError,
    );
    assertEquals(plain.drivers.length, 0);
    await driver.session.leave();
    await stop(node);
    await stop(plain);
  });

  it("gets no secret if it only shows the certificate", async () => {
    // What is public of a certificate is no proof: its key is missing here.
    // Bun's server looks at that itself, so it can be no thief.
    if (detectPlatform().name === "bun") return;
    const { pin, cert } = readCertificate(makeCertificate(), "tls.pem");
    const { key } = readCertificate(makeCertificate(), "tls.pem");
    const heard: string[] = [];
    const thief = createTlsServer({ cert, key }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => heard.push(chunk.toString("latin1")));
    });
    thief.on("tlsClientError", () => {});
    await new Promise<void>((done) => thief.listen(0, "127.0.0.1", done));
    const { port } = thief.address() as AddressInfo;

    await assertRejects(() => connectDriver(port, { pin }), ConnectionError);

    assertEquals(heard, []);
    thief.close();
  });

  it("is told from one that is no node's", async () => {
    const web = await detectPlatform().serveWeb({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response("hello"),
    });
    const answers = ["SSH-2.0-x\r\n", "x".repeat(100_000), ""];
    const servers = answers.map((text) =>
      createServer((socket) => {
        socket.on("error", () => {});
        socket.end(text);
      })
    );

    await assertRejects(
      () => connectDriver(web.port),
      ConnectionError,
      "no node of Manta",
    );
    for (const server of servers) {
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      const { port } = server.address() as AddressInfo;
      await assertRejects(() => connectDriver(port), ConnectionError);
      server.close();
      await assertRejects(() => connectDriver(port), ConnectionError);
    }
    await web.stop();
  });

  it("ends connections that speak garbage, and no other", async () => {
    await withPair({}, async ({ testNode, node, driver }) => {
      const dice = new Dice(4);
      for (let count = 0; count < 20; count++) {
        const socket = connect(testNode.server.port, "127.0.0.1");
        socket.on("error", () => {});
        const length = 1 + dice.below(5_000);
        const noise = Uint8Array.from({ length }, () => dice.below(256));
        socket.end(noise);
      }
      const got = collect(node.link);
      sendAll(driver.link, range(0, 10));

      await until("all is there", () => got.length === 10);
      assertEquals([testNode.drivers.length, node.ends], [1, []]);
    });
  });

  it("is named when it is taken", async () => {
    const node = await startNode();
    const { port } = node.server;

    const error = await assertRejects(
      () =>
        detectPlatform().serveWeb({
          hostname: "127.0.0.1",
          port,
          fetch: () => new Response(null),
        }),
      ConnectionError,
      "in use",
    );

    assertMatch(error.message, new RegExp(`127.0.0.1:${port}.*process`));
    await stop(node);
  });

  it("ends a session whose driver sends garbage, and says so", async () => {
    await withPair({}, async ({ node, driver }) => {
      const { streams } = driver.session;
      // No honest user of a session sends on a stream that is not open.
      const stream = streams.open(5, { part: () => {}, closed: () => {} });
      stream.send(Uint8Array.of(1));

      await until("the end", () => node.ends.length > 0);
      await until("the driver knows", () => driver.ends.length > 0);
      assertEquals(node.ends, ["protocol_broken"]);
      assertEquals(driver.ends, ["protocol_broken"]);
    });
  });

  it("is not hurt by a thousand connections that say nothing", async () => {
    const node = await startNode();
    const { port } = node.server;
    const silent: Socket[] = [];
    for (let count = 0; count < 1_000; count++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      silent.push(socket);
    }
    await until("all are open", () => silent.every(({ pending }) => !pending));

    const driver = await connectDriver(port);
    await until("it is there", () => node.drivers.length === 1);
    const got = collect(node.drivers[0]!.link);
    sendAll(driver.link, range(0, 10));
    await until("all is there", () => got.length === 10);

    for (const socket of silent) socket.destroy();
    await driver.session.leave();
    await stop(node);
  });

  it("ends a driver that says nothing after it was let in", async () => {
    const time = new TestTime();
    const node = await startNode({ time });
    const connecting = await openChannel({
      hostname: "127.0.0.1",
      port: node.server.port,
      path: "/connect",
      headers: handshakeHeaders({
        token: TOKEN,
        session: "0".repeat(32),
        isResumed: false,
      }),
    });
    assert(connecting.type === "connected");
    let isClosed = false;
    const closed = () => isClosed = true;
    connecting.channel.start({ message: () => {}, closed });
    await until("it is in", () => node.drivers.length === 1);

    await time.advance(11_000);

    assertEquals(node.drivers[0]!.ends, ["peer_silent"]);
    assertEquals(node.acceptor.sessionCount, 0);
    await until("it is closed", () => isClosed);
    await stop(node);
  });
});

interface Pair {
  readonly testNode: TestNode;
  readonly proxy: ChaosProxy;
  readonly node: Side;
  readonly driver: Side;
}

async function withPair(
  options: NodeOptions,
  test: (pair: Pair) => Promise<void>,
): Promise<void> {
  const testNode = await startNode(options);
  const proxy = await ChaosProxy.open(testNode.server.port);
  const { time } = options;
  const driver = await connectDriver(proxy.port, time ? { time } : {});
  const isIn = () => testNode.drivers[0]?.hasHeard && driver.hasHeard;
  await until("the driver is in", () => isIn() === true);
  const node = testNode.drivers[0]!;
  try {
    await test({ testNode, proxy, node, driver });
  } finally {
    driver.session.over("left");
    node.session.over("left");
    await proxy.close();
    await stop(testNode);
  }
}

async function stop(node: TestNode): Promise<void> {
  for (const { session } of node.drivers) session.over("left");
  await node.server.stop();
}

/** The driver tries again when its time comes, until it is back. */
async function backAgain(
  time: TestTime,
  driver: Side,
  node: Side,
): Promise<void> {
  const isBack = () => driver.session.isAttached && node.session.isAttached;
  for (let step = 0; step < 100 && !isBack(); step++) await time.advance(100);
  assert(isBack());
}

describe("RemoteLink over a WebSocket", () => {
  const opened = Promise.withResolvers<Pair>();
  const over = Promise.withResolvers<void>();
  let closing = Promise.resolve();
  beforeAll(() => {
    closing = withPair({}, (pair) => {
      opened.resolve(pair);
      return over.promise;
    });
  });
  afterAll(async () => {
    over.resolve();
    await closing;
  });

  linkSuite("RemoteLink", async () => {
    const { node, driver } = await opened.promise;
    const number = node.session.streams.nextNumber();
    const target = new RemoteLink(node.session.streams, number);
    const source = new RemoteLink(driver.session.streams, number);
    const isQuiet = () => node.session.isSettled && driver.session.isSettled;
    const settle = async () => {
      await turn();
      // What an end does not take in waits with its sender for ever.
      for (let n = 0; n < 100 && !isQuiet(); n++) await turn();
    };
    await settle();
    return { source, target, settle };
  }, { carriesShared: false, hasClaims: false, outlivesClose: true });
});
