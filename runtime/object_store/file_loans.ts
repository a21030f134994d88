// What a node's store lends to child processes, which cannot have its shared
// memory: a file per object that is read, filled once for all its readers, and
// one per object that is written, whose bytes are taken over when it is sealed.

import type { WorkerId } from "../base/ids.ts";
import type { LoanFile, MakeLoanFile } from "./loan_folder.ts";
import type { RequestId, SegmentId } from "./messages.ts";

/** An object that is lent to readers. */
interface Loan {
  readonly segmentId: SegmentId;
  readonly file: Promise<LoanFile>;
  userCount: number;
}

/** An object that a process writes. */
interface Draft {
  readonly file: Promise<LoanFile>;
  readonly target: Uint8Array;
}

/** One process. */
interface Borrower {
  readonly loans: Map<RequestId, Loan>;
  readonly drafts: Map<RequestId, Draft>;
  /** Drafts that are being taken over: their memory is in use. */
  readonly takeovers: Set<Promise<void>>;
}

/** See the head of the file. */
export class FileLoans {
  readonly #make: MakeLoanFile;
  readonly #borrowers = new Map<WorkerId, Borrower>();
  readonly #bySegment = new Map<SegmentId, Loan>();
  readonly #closing = new Set<Promise<void>>();

  constructor(make: MakeLoanFile) {
    this.#make = make;
  }

  /** How many files there are for readers; for tests. */
  get loanCount(): number {
    return this.#bySegment.size;
  }

  has(workerId: WorkerId): boolean {
    return this.#borrowers.has(workerId);
  }

  workerStarted(workerId: WorkerId): void {
    const loans = new Map<RequestId, Loan>();
    const drafts = new Map<RequestId, Draft>();
    this.#borrowers.set(workerId, { loans, drafts, takeovers: new Set() });
  }

  /** Gives all back that the process had; resolves when none of it is used. */
  async workerEnded(workerId: WorkerId): Promise<void> {
    const borrower = this.#borrowers.get(workerId);
    if (!borrower) return;
    this.#borrowers.delete(workerId);
    for (const loan of borrower.loans.values()) this.#giveBack(loan);
    for (const draft of borrower.drafts.values()) this.#close(draft.file);
    await Promise.allSettled(borrower.takeovers);
  }

  /** Gives all back that anybody had; resolves when no file is open. */
  async end(): Promise<void> {
    const ids = [...this.#borrowers.keys()];
    await Promise.all(ids.map((id) => this.workerEnded(id)));
    await Promise.all(this.#closing);
  }

  /**
   * The path of a file with the bytes of an object that a process reads. They
   * must stay what they are until the process has closed its mapping.
   */
  async lend(
    workerId: WorkerId,
    requestId: RequestId,
    segmentId: SegmentId,
    bytes: Uint8Array,
  ): Promise<string | undefined> {
    const borrower = this.#borrowers.get(workerId);
    if (!borrower) return undefined;
    let loan = this.#bySegment.get(segmentId);
    if (!loan) {
      loan = { segmentId, file: this.#fill(bytes), userCount: 0 };
      this.#bySegment.set(segmentId, loan);
    }
    loan.userCount++;
    borrower.loans.set(requestId, loan);
    return (await loan.file).path;
  }

  /** The path of a file that a process writes an object into. */
  async draft(
    workerId: WorkerId,
    requestId: RequestId,
    target: Uint8Array,
  ): Promise<string | undefined> {
    const borrower = this.#borrowers.get(workerId);
    if (!borrower) return undefined;
    const draft = { file: this.#make(target.length), target };
    borrower.drafts.set(requestId, draft);
    return (await draft.file).path;
  }

  /** The object is written: takes its bytes over. */
  async takeOver(workerId: WorkerId, requestId: RequestId): Promise<void> {
    const borrower = this.#borrowers.get(workerId);
    const draft = borrower?.drafts.get(requestId);
    if (!borrower || !draft) return;
    borrower.drafts.delete(requestId);
    const takeover = this.#read(draft);
    borrower.takeovers.add(takeover);
    try {
      await takeover;
    } finally {
      borrower.takeovers.delete(takeover);
    }
  }

  /** The process does not read, or write, the object any more. */
  close(workerId: WorkerId, requestId: RequestId): void {
    const borrower = this.#borrowers.get(workerId);
    const loan = borrower?.loans.get(requestId);
    borrower?.loans.delete(requestId);
    if (loan) this.#giveBack(loan);
    const draft = borrower?.drafts.get(requestId);
    borrower?.drafts.delete(requestId);
    if (draft) this.#close(draft.file);
  }

  async #fill(bytes: Uint8Array): Promise<LoanFile> {
    const file = await this.#make(bytes.length);
    try {
      await file.write(bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  async #read({ file, target }: Draft): Promise<void> {
    const opened = await file;
    try {
      await opened.read(target);
    } finally {
      await opened.close();
    }
  }

  #giveBack(loan: Loan): void {
    if (--loan.userCount > 0) return;
    this.#bySegment.delete(loan.segmentId);
    this.#close(loan.file);
  }

  /** Who asked for the file has heard of it if there is none. */
  #close(file: Promise<LoanFile>): void {
    const closing = file.then((opened) => opened.close()).catch(() => {});
    this.#closing.add(closing);
    closing.then(() => this.#closing.delete(closing));
  }
}
