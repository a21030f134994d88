// The code of a driver on its way to a node: sent once, checked by its hash, and
// kept where executors look for it.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CaptureError,
  ConnectionError,
  ProtocolError,
} from "../../runtime/base/errors.ts";
import {
  useCodeDirectory,
  writeBundle,
} from "../../runtime/code/code_cache.ts";
import { outsideLine } from "../../runtime/code/outside_files.ts";
import { labelled } from "../../runtime/code/variant.ts";
import { DriverCode } from "../../runtime/driver_code.ts";
import { NodeCode } from "../../runtime/node_code.ts";
import type { CodePut } from "../../runtime/protocol/driver_messages.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const TEXT = "export const answer = 42;\n";
const HASH = createHash("sha256").update(TEXT).digest("hex");

describe("code of a driver in another process", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manta-code-"));
    useCodeDirectory(join(folder, "driver"));
  });
  afterEach(() => {
    useCodeDirectory(undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it("is kept by its hash, for its user alone", async () => {
    const node = new NodeCode(folder);
    const pieces = [TEXT.slice(0, 7), TEXT.slice(7)].map(bytesOf);
    const answer = await node.keep({ type: "code_put", hash: HASH, pieces });

    assertEquals(answer, { type: "code_kept", hash: HASH });
    const path = join(node.folder, `${HASH}.mjs`);
    assertEquals(readFileSync(path, "utf8"), TEXT);
    assertEquals(statSync(path).mode & 0o777, 0o600);
  });

  it("is refused where its text is another, or its name a path", async () => {
    const node = new NodeCode(folder);
    const pieces = [bytesOf("something else")];
    const answer = await node.keep({ type: "code_put", hash: HASH, pieces });

    assert(answer.failure !== undefined);
    for (const hash of ["../../evil", "", `${HASH}/..`]) {
      assertThrows(
        () => void node.keep({ type: "code_put", hash, pieces }),
        ProtocolError,
      );
    }
  });

  it("is sent once, and referred to when the node has it", async () => {
    const sent: CodePut[] = [];
    const code = new DriverCode((message) => sent.push(message));
    const { hash, path } = writeBundle(TEXT);
    const wire = { hash, exportName: "answer", path };
    const puts = [code.put(wire), code.put(wire)];
    assertEquals([sent.length, code.has(wire)], [1, false]);
    code.kept({ type: "code_kept", hash });

    assertEquals(await puts[1], { hash, exportName: "answer", path: "" });
    await code.put(wire);
    assertEquals([sent.length, code.has(wire)], [1, true]);
  });

  it("fails with what the node says, and with the connection", async () => {
    const code = new DriverCode(() => {});
    const { hash, path } = writeBundle(TEXT);
    const wire = { hash, exportName: "answer", path };
    const refused = code.put(wire);
    code.kept({ type: "code_kept", hash, failure: "the disk is full" });
    await assertRejects(() => refused, CaptureError, "the disk is full");

    const lost = code.put(wire);
    code.fail(new ConnectionError("Cannot go on"));
    await assertRejects(() => lost, ConnectionError);
    await assertRejects(() => code.put(wire), ConnectionError);
  });

  it("says which machine code of the user's own cannot be sent", async () => {
    const code = new DriverCode(() => {});
    const native = join(folder, "addon.node");
    const text = `import addon from "${native}";\nexport { addon };\n`;
    const { hash, path } = writeBundle(text + outsideLine([{ path: native }]));

    await assertRejects(
      () => code.put({ hash, exportName: "load", path }),
      CaptureError,
      native,
    );
  });

  it("brings the bundle that others are made of along", async () => {
    const sent: CodePut[] = [];
    const code = new DriverCode((message) => sent.push(message));
    const plain = writeBundle(TEXT);
    const variant = { key: "v", packages: { key: "p", path: folder } };
    const { hash, path } = writeBundle(labelled(TEXT, variant, plain.hash));
    const put = code.put({ hash, exportName: "answer", path });
    assertEquals(sent.map((message) => message.hash), [hash, plain.hash]);
    code.kept({ type: "code_kept", hash });
    code.kept({ type: "code_kept", hash: plain.hash });
    await put;
  });
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
