// The file in which a head keeps what must outlive its process: rows of a kind
// and an id, changed in transactions. Knows nothing of what the rows mean.

import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ConnectionError } from "../base/errors.ts";

/** One row. */
export interface StateRow {
  readonly kind: string;
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A row that is to be as it says; without bytes, gone. */
export type StateChange = Omit<StateRow, "bytes"> & {
  readonly bytes: Uint8Array | undefined;
};

/** Where rows are kept. */
export interface StateStorage {
  load(): readonly StateRow[];
  /** All of them or none; what was committed outlives this process. */
  commit(changes: readonly StateChange[]): void;
  close(): void;
  /** Closes it, and nothing is left of it. */
  remove(): void;
}

/** Tells a file of ours from others: "Mnta". */
const APPLICATION = 0x4d6e7461;
const FORMAT = 1;
const OWNER_ONLY = 0o600;
const PRIVATE = 0o700;
const COMPANIONS = ["", "-wal", "-shm", "-journal"] as const;

/**
 * Opens the file, which is made if there is none; a `fresh` one has no rows.
 *
 * @throws {ConnectionError} If it is damaged, or of another release, or in use.
 */
export function openStateFile(path: string, fresh = false): StateStorage {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE });
  if (fresh) removeFiles(path);
  const isNew = !existsSync(path);
  try {
    return new StateFile(path, isNew);
  } catch (cause) {
    throw refusal(path, cause);
  }
}

class StateFile implements StateStorage {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #drop: StatementSync;

  constructor(path: string, isNew: boolean) {
    this.#path = path;
    const database = new DatabaseSync(path);
    this.#database = database;
    try {
      chmodSync(path, OWNER_ONLY);
      // Two heads on one file would each undo what the other has done.
      database.exec("PRAGMA locking_mode = EXCLUSIVE");
      // What a killed process has committed is there; after a power failure
      // the last moments may not be, which is what nodes report by themselves.
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      if (isNew) create(database);
      else check(database);
      this.#put = database.prepare(
        "INSERT INTO state (kind, id, bytes) VALUES (?, ?, ?) " +
          "ON CONFLICT (kind, id) DO UPDATE SET bytes = excluded.bytes",
      );
      this.#drop = database.prepare(
        "DELETE FROM state WHERE kind = ? AND id = ?",
      );
    } catch (error) {
      database.close();
      throw error;
    }
  }

  load(): readonly StateRow[] {
    try {
      return this.#database
        .prepare("SELECT kind, id, bytes FROM state ORDER BY rowid")
        .all() as unknown as StateRow[];
    } catch (cause) {
      throw refusal(this.#path, cause);
    }
  }

  commit(changes: readonly StateChange[]): void {
    if (changes.length === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const { kind, id, bytes } of changes) {
        if (bytes) this.#put.run(kind, id, bytes);
        else this.#drop.run(kind, id);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  remove(): void {
    this.close();
    removeFiles(this.#path);
  }
}

function create(database: DatabaseSync): void {
  database.exec(
    `PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${FORMAT}; ` +
      "CREATE TABLE state (kind TEXT NOT NULL, id TEXT NOT NULL, " +
      "bytes BLOB NOT NULL, UNIQUE (kind, id))",
  );
}

function check(database: DatabaseSync): void {
  const quick = database.prepare("PRAGMA quick_check(1)").get();
  if (valueOf(quick) !== "ok") throw new Error(String(valueOf(quick)));
  const mark = database.prepare("PRAGMA application_id").get();
  if (valueOf(mark) !== APPLICATION) {
    throw new Error("it is no state of a head");
  }
  const format = valueOf(database.prepare("PRAGMA user_version").get());
  if (format === FORMAT) return;
  throw new Error(`it has format ${format}, and this release reads ${FORMAT}`);
}

function valueOf(row: unknown): unknown {
  return Object.values((row ?? {}) as Record<string, unknown>)[0];
}

function removeFiles(path: string): void {
  for (const end of COMPANIONS) rmSync(path + end, { force: true });
}

/** What a user reads of a state that cannot be used. */
export function refusal(path: string, cause: unknown): ConnectionError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ConnectionError(
    `Cannot start the head: its state in ${path} cannot be used: ${why}. ` +
      "End the head that uses it, put a copy of the file back, or remove it " +
      "to begin a new cluster without the actors and groups of the old one",
    { cause, details: { reason: "state_unusable", path } },
  );
}
