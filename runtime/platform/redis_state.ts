// The state of a head in a Redis server, for a head that may come back on
// another machine: the rows of a file, as fields of one hash. The server's
// scripts see to it that no two heads write there. Belongs to the main thread.

import { hostname } from "node:os";
import { ConnectionError } from "../base/errors.ts";
import {
  STATE_COMMIT_MS_MAX,
  STATE_HELD_MS,
  STATE_RENEW_EVERY_MS,
} from "../base/limits.ts";
import {
  isProcessAlive,
  type ProcessName,
  thisProcess,
} from "./process_life.ts";
import {
  connectToRedis,
  type RedisAddress,
  type RedisServer,
} from "./redis_server.ts";
import type { StateChange, StateRow } from "./state_file.ts";

const FORMAT = "1";
/** Fields that are no rows. */
const FORMAT_FIELD = "#format";
const LIFE_FIELD = "#life";
/** The life of a cluster that was ended: whoever goes on with it learns it. */
const OVER = "over";
const OVER_KEPT_MS = 3_600_000;
const HELD_LOOK_MS = 500;
/** Before each row's bytes: its place in the order of all. */
const ORDER_BYTES = 8;

// KEYS: the state, who holds it. ARGV: the life that asks, how long it holds.

/** ARGV: a holder that is known to be dead, the format. */
const OPEN = `
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[3] then
  return {'held', held}
end
local type = redis.call('TYPE', KEYS[1]).ok
local format = type == 'hash' and redis.call('HGET', KEYS[1], '#format')
if type ~= 'none' and format ~= ARGV[4] then
  return {'foreign', format or ''}
end
if redis.call('HGET', KEYS[1], '#life') == '${OVER}' then
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], '#format', ARGV[4], '#life', ARGV[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'open', redis.call('HGETALL', KEYS[1])}
`;

/** ARGV: the format if these are all rows; pairs of a row and its bytes. */
const COMMIT = `
local life = redis.call('HGET', KEYS[1], '#life')
if not life and ARGV[3] == '' then return 'lost' end
if life and life ~= ARGV[1] then return 'taken' end
if not life then
  redis.call('HSET', KEYS[1], '#format', ARGV[3], '#life', ARGV[1])
end
for n = 4, #ARGV, 2 do
  if ARGV[n + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[n])
  else redis.call('HSET', KEYS[1], ARGV[n], ARGV[n + 1]) end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 'kept'
`;

/** ARGV: how long the end is remembered; empty to keep the state. */
const CLOSE = `
if redis.call('HGET', KEYS[1], '#life') ~= ARGV[1] then return 'taken' end
redis.call('DEL', KEYS[2])
if ARGV[3] ~= '' then
  local format = redis.call('HGET', KEYS[1], '#format')
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], '#format', format, '#life', '${OVER}')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 'closed'
`;

/** Who has the state: what another head reads of it. */
interface Holder {
  readonly life: string;
  readonly hostname: string;
  readonly process: ProcessName;
}

interface Row extends StateRow {
  readonly order: number;
}

/** Opens the state, or waits for its holder's end; rejects with what to do. */
export async function openRedisState(
  address: RedisAddress,
): Promise<RedisState> {
  let server: RedisServer | undefined;
  try {
    server = await connectToRedis(address);
    return await RedisState.open(server, address.name);
  } catch (cause) {
    server?.close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectionError(
      `Cannot start the head: its state in ${address.shown} cannot be used: ` +
        why,
      { cause, details: { reason: "state_unusable" } },
    );
  }
}

/** See the head of the file. */
export class RedisState {
  readonly #server: RedisServer;
  readonly #keys: readonly [state: string, holder: string];
  readonly #holder: string;
  /** What is there: a server that has lost it is given all of it again. */
  readonly #rows = new Map<string, Row>();
  #lastOrder = 0;
  #isUnsure = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #taken = Promise.withResolvers<ConnectionError>();

  /** Takes the state of this name, as soon as nobody else has it. */
  static async open(server: RedisServer, name: string): Promise<RedisState> {
    const state = new RedisState(server, name);
    await state.#open();
    state.#renewLater();
    return state;
  }

  private constructor(server: RedisServer, name: string) {
    this.#server = server;
    // One slot of a cluster of servers has both.
    this.#keys = [`manta:{${name}}`, `manta:{${name}}:holder`];
    const holder: Holder = {
      life: crypto.randomUUID(),
      hostname: hostname(),
      process: thisProcess(),
    };
    this.#holder = JSON.stringify(holder);
  }

  /** Resolves if another head has taken over: this one must end. */
  get taken(): Promise<ConnectionError> {
    return this.#taken.promise;
  }

  /** What former lives have kept, in the order in which it came. */
  rows(): readonly StateRow[] {
    return [...this.#rows.values()].map(({ kind, id, bytes }) => (
      { kind, id, bytes }
    ));
  }

  /** Keeps all of the changes, or rejects with why it is not sure to have. */
  async commit(changes: readonly StateChange[]): Promise<void> {
    if (this.#isUnsure) throw new Error("the Redis server does not answer");
    await this.#commit(changes);
  }

  /** Lets another head have it; without its rows if the cluster is over. */
  async close(isOver: boolean): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      await this.#run(CLOSE, [isOver ? String(OVER_KEPT_MS) : ""]);
    } finally {
      this.#server.close();
    }
  }

  async #open(): Promise<void> {
    const untilMs = performance.now() + STATE_HELD_MS + STATE_RENEW_EVERY_MS;
    let dead = "";
    while (true) {
      const [verdict, what] = await this.#run(OPEN, [dead, FORMAT]) as [
        Uint8Array,
        Uint8Array | Uint8Array[],
      ];
      const type = textOf(verdict);
      if (type === "open") return this.#load(what as Uint8Array[]);
      const text = textOf(what as Uint8Array);
      if (type === "foreign") throw new Error(foreign(this.#keys[0], text));
      if (isProcessAlive(readHolder(text).process) === false) dead = text;
      else if (performance.now() < untilMs) await sleep(HELD_LOOK_MS);
      else throw new Error(held(readHolder(text)));
    }
  }

  #load(fields: readonly Uint8Array[]): void {
    const rows: Row[] = [];
    for (let n = 0; n < fields.length; n += 2) {
      const field = textOf(fields[n]!);
      if (field === FORMAT_FIELD || field === LIFE_FIELD) continue;
      const cut = field.indexOf(":");
      const value = fields[n + 1]!;
      rows.push({
        ...{ kind: field.slice(0, cut), id: field.slice(cut + 1) },
        order: viewOf(value).getFloat64(0),
        bytes: value.slice(ORDER_BYTES),
      });
    }
    rows.sort((a, b) => a.order - b.order);
    for (const row of rows) this.#rows.set(fieldOf(row), row);
    this.#lastOrder = rows.at(-1)?.order ?? 0;
  }

  async #commit(changes: readonly StateChange[]): Promise<void> {
    const next = changes.map((change) => this.#placed(change));
    let reply = await this.#write("", next);
    if (reply === "lost") {
      reply = await this.#write(FORMAT, [...this.#rows.values(), ...next]);
    }
    if (reply === "taken") {
      const error = new ConnectionError(
        "Cannot go on: another head has taken over the cluster's state",
        { details: { reason: "state_taken" } },
      );
      this.#taken.resolve(error);
      throw error;
    }
    for (const row of next) {
      if (row.bytes) this.#rows.set(fieldOf(row), row as Row);
      else this.#rows.delete(fieldOf(row));
    }
  }

  #placed(change: StateChange): StateChange & { readonly order: number } {
    const known = this.#rows.get(fieldOf(change));
    return { ...change, order: known?.order ?? ++this.#lastOrder };
  }

  async #write(
    format: string,
    rows: readonly (StateChange & { readonly order: number })[],
  ): Promise<string> {
    const pairs = rows.flatMap((row) => [fieldOf(row), valueOf(row)]);
    return textOf(await this.#run(COMMIT, [format, ...pairs]) as Uint8Array);
  }

  async #run(
    script: string,
    args: readonly (string | Uint8Array)[],
  ): Promise<unknown> {
    const held = String(STATE_HELD_MS);
    const ran = this.#server.run(script, this.#keys, [
      ...[this.#holder, held],
      ...args,
    ]);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#isUnsure = true;
        reject(new Error("the Redis server does not answer"));
      }, STATE_COMMIT_MS_MAX);
    });
    try {
      const reply = await Promise.race([ran, late]);
      this.#isUnsure = false;
      return reply;
    } finally {
      clearTimeout(timer);
      ran.catch(() => {});
    }
  }

  #renewLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#commit([])
        .catch(() => {}) // The next change says it, if it is still so.
        .finally(() => this.#renewLater());
    }, STATE_RENEW_EVERY_MS);
  }
}

function fieldOf({ kind, id }: { kind: string; id: string }): string {
  return `${kind}:${id}`;
}

function valueOf(
  { order, bytes }: { order: number; bytes: Uint8Array | undefined },
): Uint8Array {
  if (!bytes) return new Uint8Array();
  const value = new Uint8Array(ORDER_BYTES + bytes.length);
  viewOf(value).setFloat64(0, order);
  value.set(bytes, ORDER_BYTES);
  return value;
}

function viewOf({ buffer, byteOffset }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function readHolder(text: string): Holder {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    throw new Error(`it is held by "${text}", which is no head`);
  }
}

function held({ hostname, process: { pid } }: Holder): string {
  return `the head on ${hostname} (process ${pid}) has it. End that head, or ` +
    "give this one a name of its own: redis://…?name=other";
}

function foreign(key: string, format: string): string {
  return format === ""
    ? `the key ${key} is something else. Remove it, or give another ?name=`
    : `it has format ${format}, and this release reads ${FORMAT}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
