import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  AuthenticationError,
  ConnectionError,
} from "../../runtime/base/errors.ts";
import {
  readToken,
  type RecordedNode,
  recordNode,
  runningCluster,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import { keepCertificate } from "../../cli/node_certificate.ts";
import {
  keepToken,
  readTokenFile,
  tokenPath,
  writeToken,
} from "../../runtime/token_file.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const NAMES = ["TMPDIR", "XDG_CONFIG_HOME"] as const;
const before = NAMES.map((name) => process.env[name]);
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cluster-files-test-"));
  for (const name of NAMES) process.env[name] = folder;
});

afterEach(() => {
  for (const [n, name] of NAMES.entries()) {
    const value = before[n];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true, force: true });
});

const FACTS = { address: "127.0.0.1:6380", token: "secret", nodeId: "n-1" };

/** The folder of the records. */
function records(): string {
  return join(folder, `manta-${userInfo().uid}`);
}

describe("recordNode", () => {
  it("makes a node known to the user, and to nobody else", () => {
    const remove = recordNode(FACTS);

    const [node] = runningNodes();
    assertEquals({ ...FACTS, pid: node?.pid }, { ...FACTS, pid: process.pid });
    const [name] = readdirSync(records());
    assertEquals(statSync(records()).mode & 0o777, 0o700);
    assertEquals(statSync(join(records(), name!)).mode & 0o777, 0o600);
    remove();
    assertEquals(readdirSync(records()), []);
  });

  it("says what to do when the temporary folder cannot be used", () => {
    writeFileSync(join(folder, "file"), "");
    process.env["TMPDIR"] = join(folder, "file");

    assertThrows(() => recordNode(FACTS), ConnectionError, "Set TMPDIR");
  });
});

describe("runningNodes", () => {
  it("removes records of dead processes and of reused numbers", () => {
    recordNode(FACTS);
    const [name = ""] = readdirSync(records());
    const text = readFileSync(join(records(), name), "utf8");
    const dead = name.replace(`-${process.pid}.`, "-999999999.");
    const reused = name.replace(/\.\d+\.json$/, ".1.json");
    const stale = reused === name ? [dead] : [dead, reused];
    for (const it of stale) {
      writeFileSync(join(records(), it), text, { mode: 0o600 });
    }

    assertEquals(runningNodes().length, 1);
    assertEquals(readdirSync(records()), [name]);
  });

  it("does not believe what is no record, or not the user's alone", () => {
    recordNode(FACTS);
    const [name = ""] = readdirSync(records());
    const path = join(records(), name);

    chmodSync(path, 0o666);
    assertEquals(runningNodes(), []);
    chmodSync(path, 0o600);
    assertEquals(runningNodes().length, 1);
    for (const text of ["", "{", "[]", "null", '{"address":1}', "\0\xff"]) {
      writeFileSync(path, text);
      assertEquals(runningNodes(), []);
    }
  });

  it("finds none where nothing was ever started", () => {
    assertEquals(runningNodes(), []);
  });
});

/** Makes this process's record once more, as that of another node. */
function addRecord(name: string, facts: RecordedNode): void {
  const [own = ""] = readdirSync(records());
  const path = join(records(), own.replace(".json", `-${name}.json`));
  writeFileSync(path, JSON.stringify(facts), { mode: 0o600 });
}

describe("runningCluster", () => {
  it("wants nodes of exactly one cluster", () => {
    assertThrows(() => runningCluster(), ConnectionError, "manta start --head");

    recordNode(FACTS);
    assertEquals(runningCluster().address, FACTS.address);

    addRecord("other", { ...FACTS, nodeId: "n-2", address: "127.0.0.1:6381" });
    assertThrows(() => runningCluster(), ConnectionError, "Cannot choose");
  });

  it("prefers the head to its workers", () => {
    const worker = { ...FACTS, nodeId: "n-2", address: "127.0.0.1:40001" };
    recordNode({ ...worker, head: FACTS });
    assertEquals(runningCluster().address, worker.address);
    assertEquals(runningCluster().head, FACTS);

    addRecord("head", FACTS);
    assertEquals(runningCluster().address, FACTS.address);
  });

  it("does not believe a worker with half a head", () => {
    const head = { address: FACTS.address } as typeof FACTS;
    recordNode({ ...FACTS, head });
    assertThrows(() => runningCluster(), ConnectionError, "no node");
  });
});

describe("readToken of a secret", () => {
  const fingerprint = `~sha256-${"a".repeat(43)}`;

  it("adds the fingerprint of the user's own node", () => {
    recordNode({ ...FACTS, token: `secret${fingerprint}` });
    assertEquals(readToken(FACTS.address, "secret"), `secret${fingerprint}`);
  });

  it("leaves it as it is for any other", () => {
    recordNode({ ...FACTS, token: `secret${fingerprint}` });
    const other = `secret~sha256-${"b".repeat(43)}`;
    assertEquals(readToken(FACTS.address, "another"), "another");
    assertEquals(readToken("10.0.0.1:6380", "secret"), "secret");
    assertEquals(readToken(FACTS.address, other), other);
  });
});

describe("readToken", () => {
  it("prefers the node's own, however its address is written", () => {
    writeToken("of-the-user");
    recordNode(FACTS);

    for (const host of ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"]) {
      assertEquals(readToken(`${host}:6380`), "secret");
    }
    assertEquals(readToken("127.0.0.1:6381"), "of-the-user");
    assertEquals(readToken("10.0.0.1:6380"), "of-the-user");
  });

  it("knows the head of a worker", () => {
    writeToken("of-the-user");
    const head = { ...FACTS, address: "10.0.0.1:6380", token: "of-the-head" };
    recordNode({ ...FACTS, address: "10.0.0.7:40001", head });
    assertEquals(readToken("10.0.0.1:6380"), "of-the-head");
  });

  it("gives none where there is none", () => {
    assertEquals(readToken("127.0.0.1:6380"), undefined);
  });
});

describe("the token's file", () => {
  it("is made once, with 256 random bits, for the user alone", () => {
    const first = keepToken();
    const second = keepToken();

    assertMatch(first.value, /^[A-Za-z0-9_-]{43}$/);
    assertEquals(second.value, first.value);
    assertEquals(first.path, tokenPath());
    assertEquals(statSync(tokenPath()).mode & 0o777, 0o600);
    assertEquals(readdirSync(join(folder, "manta")), ["token"]);
  });

  it("is replaced on demand", () => {
    const old = keepToken().value;

    const token = writeToken();

    assert(token !== old);
    assertEquals(readTokenFile(), token);
  });

  it("is refused when it is empty, broken or open to others", () => {
    keepToken();
    for (const text of ["", "\n", "two words", "a".repeat(2_000)]) {
      writeFileSync(tokenPath(), text);
      assertThrows(() => keepToken(), AuthenticationError, "token --new");
    }
    writeFileSync(tokenPath(), "fine");
    chmodSync(tokenPath(), 0o644);
    assertThrows(() => readTokenFile(), AuthenticationError, "other users");
  });

  it("is done without where nothing can be written", () => {
    writeFileSync(join(folder, "manta"), "a file where a folder should be");

    const kept = keepToken();

    assertMatch(kept.value, /^[A-Za-z0-9_-]{43}$/);
    assert(kept.problem);
    assertThrows(() => writeToken());
  });
});

describe("keepCertificate", () => {
  it("makes it once", () => {
    const first = keepCertificate();
    const second = keepCertificate();

    assertEquals(second.value, first.value);
    assertMatch(first.value.pin, /^[A-Za-z0-9_-]{43}$/);
    assertEquals(statSync(first.path).mode & 0o777, 0o600);
  });

  it("refuses a file that holds none", () => {
    mkdirSync(join(folder, "manta"));
    const path = join(folder, "manta", "tls.pem");
    writeFileSync(path, "nothing", { mode: 0o600 });

    assertThrows(() => keepCertificate(), AuthenticationError, "Remove");
  });
});
