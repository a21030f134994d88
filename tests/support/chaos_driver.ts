// A driver in a process of its own: it works until the file that it is given is
// there, then says what it has done.

import { existsSync } from "node:fs";
import process from "node:process";
import { init, shutdown } from "../../mod.ts";
import { allFree, workUntil } from "./chaos_work.ts";

const [signal] = process.argv.slice(2);
await init();
console.log("It works");
const rounds = await workUntil(() => existsSync(signal!));
await allFree();
console.log(`Rounds without a wrong result: ${rounds}`);
await shutdown();
