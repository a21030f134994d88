// What made Ray's clusters run strangers' code, tried against a node: one test
// for each known hole, against the binary, as an attacker would.

import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { thisProcess } from "../../runtime/platform/process_life.ts";
import type { LinkMessage } from "../../runtime/transport/link.ts";
import { RemoteLink } from "../../runtime/transport/remote_link.ts";
import { dialSession } from "../../runtime/transport/session_dialer.ts";
import {
  afterAll,
  assert,
  assertEquals,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { until } from "../conformance/connection_kit.ts";
import { NodeProject, type StartedNode } from "../support/node_project.ts";
import { rawBytes, rawRequest } from "../support/raw_request.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const CONNECT_FIELDS = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "manta-protocol": "1",
  "manta-session": "0123456789abcdef0123456789abcdef",
};
const DRIVER = {
  jobId: "j-aaaaaaaaaaaa",
  workerId: "w-aaaaaaaaaaaa",
  namespace: "",
  hostname: "here",
};
const SECRET_FILE = /root:|BEGIN|^[\w-]{43}$/m;

// The two web servers that a node can have read requests each in its own way.
for (const program of ["manta", "deno"] as const) {
  describe(`a node of ${program}`, () => {
    let project: NodeProject;
    let node: StartedNode;
    let bearer = "";

    beforeAll(async () => {
      project = new NodeProject(program);
      node = await project.startNode();
      bearer = `Bearer ${node.token}`;
    });

    afterAll(async () => {
      // Nothing of all this has hurt the node.
      const status = await project.manta(["status", "--format", "json"]);
      project[Symbol.dispose]();
      assertEquals(status.exit, 0);
      assertEquals(JSON.parse(status.stdout).jobs, []);
    });

    describe("CVE-2023-48022, jobs of anybody", () => {
      it("runs nothing for who has no token, and says nothing", async () => {
        const proof = join(project.temporary, "proof");
        const body = JSON.stringify({ entrypoint: `touch ${proof}` });
        const paths = [
          "/api/jobs/",
          "/api/jobs",
          "/jobs",
          "/connect",
          "/",
          "/x",
        ];
        const tokens = [
          {},
          { authorization: "" },
          { authorization: "Bearer" },
          { authorization: "Bearer null" },
          { authorization: `Bearer ${node.token.slice(0, -1)}` },
          { authorization: `Bearer ${node.token}x` },
          { authorization: `Basic ${btoa(`:${node.token}`)}` },
          { cookie: `token=${node.token}` },
          { "x-manta-token": node.token },
        ];
        for (const method of METHODS) {
          for (const path of paths) {
            for (const fields of tokens) {
              const answer = await rawRequest(node.port, {
                ...{ method, path, fields },
                body: /^P/.test(method) ? body : "",
              });
              assertEquals([method, path, answer.status], [method, path, 401]);
              assertEquals(answer.body, "");
            }
          }
        }
        assertEquals(existsSync(proof), false);
      });

      it("opens no channel to who has no token", async () => {
        for (const path of ["/connect", "/"]) {
          const fields = CONNECT_FIELDS;
          const { status } = await rawRequest(node.port, { path, fields });
          assertEquals(status, 401);
        }
      });
    });

    describe("CVE-2023-6019 and 2023-48023, commands and requests by parameters", () => {
      it("takes no parameters, and asks nobody else", async () => {
        let visits = 0;
        const inside = createServer((socket) => {
          visits++;
          socket.destroy();
        });
        await new Promise<void>((done) => inside.listen(0, "127.0.0.1", done));
        const { port } = inside.address() as AddressInfo;
        const proof = join(project.temporary, "proof");
        const target = encodeURIComponent(`http://127.0.0.1:${port}/`);

        for (
          const path of [
            `/log_proxy?url=${target}`,
            `/worker/cpu_profile?pid=1&format=$(touch%20${proof})`,
            `/worker/traceback?pid=1;touch%20${proof}`,
            `http://127.0.0.1:${port}/`,
          ]
        ) {
          for (const fields of [{}, { authorization: bearer }]) {
            const { status } = await rawRequest(node.port, { path, fields });
            assert(status >= 400 && status < 500, `${path}: ${status}`);
          }
        }

        assertEquals([visits, existsSync(proof)], [0, false]);
        inside.close();
      });
    });

    describe("CVE-2023-6020 and 2023-6021, files by paths", () => {
      it("gives no file, whatever the path", async () => {
        const token = join(project.home, ".config", "manta", "token");
        const up = "../".repeat(12);
        for (
          const path of [
            "/etc/passwd",
            `/${up}etc/passwd`,
            `/static/js/${up}etc/passwd`,
            `/static/${up.replaceAll("../", "..%2f")}etc/passwd`,
            `/static/${up.replaceAll("../", "%2e%2e/")}etc/passwd`,
            `/logs/${up.replaceAll("../", "..%5c")}etc/passwd`,
            `/api/v0/logs/file?filename=${up}etc/passwd`,
            `/connect/${up}${token}`,
            token,
            "/proc/self/environ",
          ]
        ) {
          for (const fields of [{}, { authorization: bearer }]) {
            const answer = await rawRequest(node.port, { path, fields });
            assert(
              answer.status >= 400 && answer.status < 500,
              `${path}: ${answer.status}`,
            );
            assertEquals(SECRET_FILE.test(answer.body), false);
          }
        }
      });
    });

    describe("CVE-2026-27482 and 2025-62593, a page in a browser", () => {
      const good = { authorization: "" };
      beforeAll(() => {
        good.authorization = bearer;
      });

      it("is refused by its Host, for every method", async () => {
        const { port } = node;
        const hosts = [
          "evil.example",
          `evil.example:${port}`,
          `127.0.0.1.evil.example:${port}`,
          `localhost.evil.example:${port}`,
          `127.0.0.1:${port + 1}`,
          `0.0.0.0:${port}`,
          `[::ffff:7f00:1]:${port}`,
          `2130706433:${port}`,
        ];
        for (const method of METHODS) {
          for (const host of hosts) {
            const fields = { ...good, host };
            const { status, body } = await rawRequest(port, { method, fields });
            // Either the runtime takes it for no request at all, or we refuse it.
            assert([400, 403].includes(status), `${method} ${host}: ${status}`);
            assertEquals(body, "");
          }
        }
      });

      it("is refused by its Origin, for every method", async () => {
        const { port } = node;
        const pages = [
          { origin: "https://evil.example" },
          { origin: "null" },
          { origin: "" },
          { origin: `http://127.0.0.1:${port}` },
          { origin: `http://localhost:${port}` },
          { "sec-fetch-site": "cross-site" },
          { "sec-fetch-site": "same-origin" },
          // The name of the program says nothing: pages can change it.
          { origin: "https://evil.example", "user-agent": "manta" },
        ];
        for (const method of METHODS) {
          for (const page of pages) {
            const fields = { ...good, ...page };
            const answer = await rawRequest(port, { method, fields });
            assertEquals([method, answer.status], [method, 403]);
            for (const name of answer.fields.keys()) {
              assertEquals(name.startsWith("access-control-"), false);
            }
          }
        }
      });

      it("gets no WebSocket", async () => {
        const open = (fields: Record<string, string>) =>
          rawRequest(node.port, {
            path: "/connect",
            fields: { ...CONNECT_FIELDS, ...good, ...fields },
          });

        const foreign = await open({ origin: "https://evil.example" });
        const rebound = await open({ host: `evil.example:${node.port}` });
        const fine = await open({});

        assertEquals([foreign.status, rebound.status, fine.status], [
          403,
          403,
          101,
        ]);
      });
    });

    describe("code with a path for its name", () => {
      it("is written nowhere, and ends its driver", async () => {
        const texts = ["../../proof", `${project.temporary}/proof`, ""];
        // The last one has a good name, of another text.
        for (const hash of [...texts, "0".repeat(64)]) {
          const ends: string[] = [];
          const answers: string[] = [];
          const session = await dialSession({
            hostname: "127.0.0.1",
            port: node.port,
            token: node.token,
            onEnded: (reason) => ends.push(reason),
            onSession: ({ streams }) => {
              const link = new RemoteLink(streams, 0);
              link.start({
                receive: (message) => answers.push(JSON.stringify(message)),
                closed: () => {},
              });
              send(link, { type: "driver_hello", ...DRIVER, ...thisProcess() });
              const pieces = [new TextEncoder().encode("export {};")];
              send(link, { type: "code_put", hash, pieces });
            },
          });

          await until(
            "an answer",
            () => ends.length > 0 || answers.some((it) => /failure/.test(it)),
          );
          await session.leave();
        }
        const names = readdirSync(project.temporary, { recursive: true });
        assertEquals(
          names.filter((name) => /proof|\.mjs|\.partial/.test(String(name))),
          [],
        );
      });
    });

    describe("a token in a URL", () => {
      it("opens nothing", async () => {
        const { port, token } = node;
        for (
          const path of [
            `/?token=${token}`,
            `/connect?token=${token}`,
            `/connect?authorization=Bearer%20${token}`,
            `/${token}`,
            `http://:${token}@127.0.0.1:${port}/connect`,
          ]
        ) {
          const bare = await rawRequest(port, { path, fields: CONNECT_FIELDS });
          assert([400, 401].includes(bare.status), `${path}: ${bare.status}`);
          assertEquals(bare.body.includes(token), false);
        }
        // Not even beside a good one: what is in URLs ends up in logs.
        const fields = { ...CONNECT_FIELDS, authorization: bearer };
        const both = await rawRequest(port, { path: `/connect?x=1`, fields });
        assertEquals(both.status, 400);
      });
    });

    describe("a driver of another version", () => {
      it("is told so, and only if it has the token", async () => {
        const fields = { ...CONNECT_FIELDS, "manta-protocol": "99" };

        const stranger = await rawRequest(node.port, {
          path: "/connect",
          fields,
        });
        const friend = await rawRequest(node.port, {
          path: "/connect",
          fields: { ...fields, authorization: bearer },
        });

        assertEquals(stranger.status, 401);
        assertEquals(stranger.fields.get("manta-protocol"), undefined);
        assertEquals(friend.status, 426);
        assertEquals(friend.fields.get("manta-protocol"), "1");
      });
    });

    describe("garbage", () => {
      it("gets no answer that helps, and hurts nobody", async () => {
        const noise = new Uint8Array(100_000).map((_, n) => (n * 7919) % 251);
        for (
          const bytes of [
            noise,
            "\r\n\r\n",
            "GET\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            `GET / HTTP/1.1\r\nhost: ${"a".repeat(100_000)}\r\n\r\n`,
            `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
          ]
        ) {
          const { status } = await rawBytes(node.port, bytes);
          assert(status === 0 || status >= 400, `It answers ${status}`);
        }
      });
    });
  });
}

function send(link: RemoteLink, message: object): void {
  link.send(message as LinkMessage);
  link.flush();
}
