// What a store lends to child processes, with files that are kept in memory.

import { FileLoans } from "../../../runtime/object_store/file_loans.ts";
import type { LoanFile } from "../../../runtime/object_store/loan_folder.ts";
import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";

const FIRST = "w-first" as WorkerId;
const SECOND = "w-second" as WorkerId;
const SEGMENT = 7;

/** Files by their paths; those that are open. */
class MemoryFiles {
  readonly open = new Map<string, Uint8Array>();
  made = 0;
  isFull = false;
  /** Reads wait for this. */
  gate: Promise<void> = Promise.resolve();

  make = (sizeBytes: number): Promise<LoanFile> => {
    if (this.isFull) return Promise.reject(new Error("no room"));
    const path = `file ${++this.made}`;
    const content = new Uint8Array(sizeBytes);
    this.open.set(path, content);
    return Promise.resolve({
      path,
      write: (bytes) => Promise.resolve(content.set(bytes)),
      read: (target) => this.gate.then(() => target.set(content)),
      close: () => Promise.resolve(void this.open.delete(path)),
    });
  };
}

function started(): { loans: FileLoans; files: MemoryFiles } {
  const files = new MemoryFiles();
  const loans = new FileLoans(files.make);
  loans.workerStarted(FIRST);
  loans.workerStarted(SECOND);
  return { loans, files };
}

describe("FileLoans", () => {
  it("fills one file for all who read an object", async () => {
    const { loans, files } = started();
    const bytes = Uint8Array.of(1, 2, 3);

    const [one, two] = await Promise.all([
      loans.lend(FIRST, 1, SEGMENT, bytes),
      loans.lend(SECOND, 5, SEGMENT, bytes),
    ]);

    assertStrictEquals(one, two);
    assertEquals(files.open.get(one!), bytes);
    loans.close(FIRST, 1);
    await loans.workerEnded(SECOND);
    await loans.end();
    assertEquals([files.open.size, loans.loanCount], [0, 0]);
  });

  it("makes another file when the segment has been given back", async () => {
    const { loans } = started();
    const first = await loans.lend(FIRST, 1, SEGMENT, Uint8Array.of(1));
    loans.close(FIRST, 1);
    const second = await loans.lend(FIRST, 2, SEGMENT, Uint8Array.of(2));
    assertEquals([first, second], ["file 1", "file 2"]);
  });

  it("takes over what a process has written", async () => {
    const { loans, files } = started();
    const target = new Uint8Array(2);
    const path = await loans.draft(FIRST, 1, target);
    files.open.get(path!)!.set([8, 9]);

    await loans.takeOver(FIRST, 1);

    assertEquals([...target], [8, 9]);
    assertStrictEquals(files.open.size, 0);
  });

  it("has ended with a process only when nothing is read for it", async () => {
    const { loans, files } = started();
    const gate = Promise.withResolvers<void>();
    files.gate = gate.promise;
    await loans.draft(FIRST, 1, new Uint8Array(2));
    const takeover = loans.takeOver(FIRST, 1);
    let hasEnded = false;
    const ended = loans.workerEnded(FIRST).then(() => hasEnded = true);
    await Promise.resolve();
    assertStrictEquals(hasEnded, false);

    gate.resolve();
    await Promise.all([takeover, ended]);
    assertStrictEquals(files.open.size, 0);
  });

  it("gives up a draft that is not finished", async () => {
    const { loans, files } = started();
    await loans.draft(FIRST, 1, new Uint8Array(2));
    await loans.draft(FIRST, 2, new Uint8Array(2));
    loans.close(FIRST, 1);
    await loans.workerEnded(FIRST);
    await loans.end();
    assertStrictEquals(files.open.size, 0);
  });

  it("says when there is no room for a file", async () => {
    const { loans, files } = started();
    files.isFull = true;
    await assertRejects(loans.lend(FIRST, 1, SEGMENT, new Uint8Array(1)));
    loans.close(FIRST, 1);
    files.isFull = false;
    await loans.lend(FIRST, 2, SEGMENT, new Uint8Array(1));
    assertStrictEquals(loans.loanCount, 1);
  });

  it("has nothing for who has ended", async () => {
    const { loans } = started();
    await loans.workerEnded(FIRST);
    const path = await loans.lend(FIRST, 1, SEGMENT, new Uint8Array(1));
    assertStrictEquals(path, undefined);
  });
});
