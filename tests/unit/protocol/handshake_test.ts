// Who may open a session. Each fault of Ray's that let strangers in has a
// test that is named after it.

import {
  AuthenticationError,
  ConnectionError,
} from "../../../runtime/base/errors.ts";
import {
  handshakeHeaders,
  hostsOf,
  isLoopback,
  judgeAccess,
  judgeHandshake,
  PROTOCOL_VERSION,
  refusalError,
  refusalResponse,
  TokenCheck,
} from "../../../runtime/protocol/handshake.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const TOKEN = "s3cret-token_0123456789";
const SESSION = "0123456789abcdef0123456789abcdef";
const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
];
const RULES = {
  token: new TokenCheck(TOKEN),
  hosts: hostsOf({ hostname: "127.0.0.1", port: 6379, addresses: [] }),
};

describe("judgeHandshake", () => {
  it("accepts a driver, the first time and after a break", () => {
    assertEquals(judge({}), {
      type: "accepted",
      session: SESSION,
      isResumed: false,
    });
    const again = judge({ "manta-resume": "1" });
    assert(again.type === "accepted" && again.isResumed);
  });

  it("answers another version with both numbers", () => {
    for (const version of ["0", "2", "", "1.0", undefined]) {
      const verdict = judge({ "manta-protocol": version });

      assert(verdict.type === "refused");
      assertEquals(verdict.status, 426);
      assertEquals(verdict.headers["manta-protocol"], `${PROTOCOL_VERSION}`);
    }
  });

  it("refuses a session without a proper name", () => {
    for (const session of [undefined, "", "x", `${SESSION}0`, "../../etc"]) {
      assertRefused(judge({ "manta-session": session }), 400);
    }
  });
});

describe("CVE-2023-48022 (anybody may run code): the token", () => {
  it("is asked for by default: there is no check without one", () => {
    assertThrows(() => new TokenCheck(""), RangeError);
    assertThrows(() => new TokenCheck("x".repeat(5_000)), RangeError);
  });

  const wrong: readonly [string, string | undefined][] = [
    ["a missing token", undefined],
    ["an empty header", ""],
    ["an empty token", "Bearer "],
    ["a wrong token", "Bearer wrong"],
    ["a token of another scheme", `Basic ${TOKEN}`],
    ["a token that is cut off", `Bearer ${TOKEN.slice(0, -1)}`],
    ["a token with more behind it", `Bearer ${TOKEN}0`],
    ["a token in other letters", `Bearer ${TOKEN.toUpperCase()}`],
    ["a token of a megabyte", `Bearer ${"x".repeat(1_000_000)}`],
    ["two tokens", `Bearer wrong, Bearer ${TOKEN}`],
  ];
  for (const [name, authorization] of wrong) {
    it(`refuses ${name} with 401 and nothing else`, () => {
      const verdict = judge({ authorization, host: "evil.example" });

      assertRefused(verdict, 401);
    });
  }

  it("refuses a token that was replaced", () => {
    const rules = { ...RULES, token: new TokenCheck("newer") };

    const verdict = judgeHandshake(request({}), rules);

    assertRefused(verdict, 401);
  });

  it("is refused in a URL, and no verdict repeats it", () => {
    const urls = [
      `http://127.0.0.1:6379/connect?token=${TOKEN}`,
      `http://${TOKEN}@127.0.0.1:6379/connect`,
    ];
    for (const url of urls) {
      const alone = judgeHandshake(
        { ...request({ authorization: undefined }), url },
        RULES,
      );
      const beside = judgeHandshake({ ...request({}), url }, RULES);

      assertRefused(alone, 401);
      assertRefused(beside, 400);
      for (const verdict of [alone, beside]) {
        assert(!JSON.stringify(verdict).includes(TOKEN));
      }
    }
  });
});

describe("CVE-2026-27482 (DNS rebinding, DELETE unguarded)", () => {
  for (const method of METHODS) {
    it(`refuses ${method} with the name of another host`, () => {
      const hosts = [
        "evil.example",
        "evil.example:6379",
        "localhost.evil.example:6379",
        "127.0.0.1:80",
        "127.0.0.1",
        "localhost.:6379",
        "127.0.0.1:6379@evil.example",
        "",
        undefined,
      ];
      for (const host of hosts) assertRefused(judge({ host }, method), 403);
    });

    it(`refuses ${method} of a page in a browser`, () => {
      for (const origin of ["https://evil.example", "null", ""]) {
        assertRefused(judge({ origin }, method), 403);
      }
      const own = { origin: "http://127.0.0.1:6379" };
      assertRefused(judge(own, method), 403);
      // A page that rebinds a name sends no Origin with a GET of its own.
      assertRefused(judge({ "sec-fetch-site": "same-origin" }, method), 403);
    });
  }

  it("refuses an upgrade to a WebSocket likewise", () => {
    const upgrade = { upgrade: "websocket", connection: "Upgrade" };

    assertEquals(judge(upgrade).type, "accepted");
    assertRefused(judge({ ...upgrade, host: "evil.example:6379" }), 403);
    assertRefused(judge({ ...upgrade, origin: "http://a.example" }), 403);
    assertRefused(judge({ ...upgrade, authorization: undefined }), 401);
  });

  it("guards endpoints that open no session by the same rules", () => {
    const asked = { ...request({}), url: "http://127.0.0.1:6379/api/jobs/1" };

    assertEquals(judgeAccess(asked, RULES), undefined);
    const rebound = request({ host: "evil.example:6379" });
    assertEquals(judgeAccess(rebound, RULES)?.status, 403);
  });
});

describe("hostsOf", () => {
  it("names the loopback in every way for a node that listens there", () => {
    const hosts = hostsOf({ hostname: "localhost", port: 80, addresses: [] });

    assertEquals([...hosts].sort(), [
      "127.0.0.1",
      "127.0.0.1:80",
      "[::1]",
      "[::1]:80",
      "localhost",
      "localhost:80",
    ]);
  });

  it("names the machine's addresses for one that listens on all", () => {
    const addresses = ["10.0.0.7", "fe80::1"];

    const hosts = hostsOf({
      hostname: "0.0.0.0",
      port: 6379,
      addresses,
      names: ["Head.example"],
    });

    for (const host of ["10.0.0.7", "[fe80::1]", "head.example"]) {
      assert(hosts.has(`${host}:6379`), host);
    }
    const one = hostsOf({ hostname: "10.0.0.7", port: 6379, addresses });
    assertEquals([...one], ["10.0.0.7:6379"]);
  });

  it("knows what is the loopback", () => {
    const loopbacks = ["localhost", "127.0.0.1", "127.8.9.1", "::1"];
    const others = ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example"];

    assert(loopbacks.every(isLoopback));
    assert(!others.some(isLoopback));
  });
});

describe("refusalError", () => {
  it("says what is wrong and what to do, and no secret", () => {
    const none = new Headers();
    const newer = new Headers({ "manta-protocol": "7" });

    const errors = [401, 403, 404, 426, 500].map((status) =>
      refusalError("10.0.0.1:6379", status, none)
    );

    assertInstanceOf(errors[0], AuthenticationError);
    for (const error of errors.slice(1)) {
      assertInstanceOf(error, ConnectionError);
    }
    assertMatch(errors[2]!.message, /no node of Manta/);
    assertMatch(
      refusalError("a:1", 426, newer).message,
      /version 7 .*version 1/,
    );
  });

  it("tells a node that is full from what is no node", () => {
    const { headers } = refusalResponse({ status: 503 });

    assertMatch(refusalError("a:1", 503, headers).message, /takes no driver/);
    assertMatch(refusalError("a:1", 503, new Headers()).message, /no node/);
  });
});

type Fields = Readonly<Record<string, string | undefined>>;

function request(fields: Fields): {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
} {
  const all: Fields = {
    host: "127.0.0.1:6379",
    ...handshakeHeaders({ token: TOKEN, session: SESSION, isResumed: false }),
    ...fields,
  };
  return {
    url: "http://127.0.0.1:6379/connect",
    // Not `Headers`: those refuse some of what a peer can send.
    headers: { get: (name) => all[name] ?? null },
  };
}

function judge(
  fields: Fields,
  method = "GET",
): ReturnType<typeof judgeHandshake> {
  const asked = { ...request(fields), method };
  return judgeHandshake(asked, RULES);
}

function assertRefused(
  verdict: ReturnType<typeof judgeHandshake>,
  status: number,
): void {
  assert(verdict.type === "refused");
  assertEquals(verdict.status, status);
}
