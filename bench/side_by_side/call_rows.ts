// The rows of calls to another process over the loopback, the same for every
// transport: each brings its own client. Must not know any transport.

import { PACE, printRow, printSequence } from "./print_row.ts";
import { printRate } from "./pool_rows.ts";

/** A client of a server in another process. */
export interface Client {
  /** Answered with the same number. */
  call(value: number): Promise<number>;
  /** Answered with how many bytes came. */
  send(bytes: Uint8Array): Promise<number>;
  /** Many calls, where there is a better way than one by one. */
  callAll?(values: readonly number[]): Promise<readonly number[]>;
}

const CALLS = 1_000;
const CALLERS = 100;
const PAYLOAD_BYTES = 1_000_000;

/** Prints the rows of a client that is connected. */
export async function runCallRows(client: Client): Promise<void> {
  await checkedCall(client, 7);
  await printSequence("call after call", () => client.call(1));
  await printCallers(client);
  await printRate("1,000 calls at once", CALLS, () => callMany(client));
  const bytes = new Uint8Array(PAYLOAD_BYTES).fill(1);
  await printRate("calls with 1 MB", 1, async () => {
    const length = await client.send(bytes);
    if (length !== PAYLOAD_BYTES) throw new Error(`${length} bytes came`);
  });
}

async function checkedCall(client: Client, value: number): Promise<void> {
  const answer = await client.call(value);
  if (answer !== value) throw new Error(`${value} was answered by ${answer}`);
}

/** Each caller waits for its answer before it calls again. */
async function printCallers(client: Client): Promise<void> {
  const run = async (forMs: number) => {
    const startMs = performance.now();
    let count = 0;
    const callers = Array.from({ length: CALLERS }, async () => {
      while (performance.now() - startMs < forMs) {
        await client.call(count++);
      }
    });
    await Promise.all(callers);
    return count / (performance.now() - startMs) * 1_000;
  };
  await run(PACE.warmUpMs);
  const value = await run(PACE.runs * PACE.runMs);
  printRow("100 callers at once", value, "per second");
}

async function callMany(client: Client): Promise<void> {
  const values = Array.from({ length: CALLS }, (_, i) => i);
  const answers = client.callAll
    ? await client.callAll(values)
    : await Promise.all(values.map((value) => client.call(value)));
  if (answers.at(-1) !== CALLS - 1) throw new Error("An answer is wrong");
}
