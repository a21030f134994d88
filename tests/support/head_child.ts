// A head in a process of its own: prints where it is reached, and ends when its
// input does. Its arguments: the token, the number of CPUs, the store's size.

import process from "node:process";
import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import { startHead } from "../../runtime/head.ts";

const [token, cpus, storeBytes] = process.argv.slice(2);
const head = await startHead({
  hostname: "127.0.0.1",
  port: 0,
  token: token!,
  node: resolveInitOptions({
    address: "local",
    numCpus: Number(cpus),
    ...(Number(storeBytes) > 0
      ? { objectStoreMemory: Number(storeBytes) }
      : {}),
  }),
});
process.stdout.write(`${head.address}\n`);
process.stdin.on("end", () => void head.end()).resume();
