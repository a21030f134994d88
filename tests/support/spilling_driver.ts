// A driver that spills into the folder of its argument, says so, and goes on
// until it is killed.

import process from "node:process";
import { init, type ObjectRef, put } from "../../mod.ts";

const MIB = 1024 * 1024;

await init({
  numCpus: 1,
  objectStoreMemory: 8 * MIB,
  spillDirectory: process.argv[2],
});
const refs: ObjectRef<Uint8Array>[] = [];
for (let at = 0; at < 16; at++) refs.push(await put(new Uint8Array(2 * MIB)));
console.log(`${refs.length} objects are stored`);
setInterval(() => {}, 1_000);
