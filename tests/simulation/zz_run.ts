import process from "node:process";
import { withSimWeakRefs } from "./sim_collector.ts";
import { runWorld } from "./cluster_run.ts";
const [from, to] = process.argv.slice(2).map(Number);
const groups = new Map<string, number[]>();
const t0 = performance.now();
await withSimWeakRefs(async () => {
  for (let seed = from!; seed <= to!; seed++) {
    try {
      await runWorld(seed);
    } catch (e) {
      const text = (e as Error).stack ?? String(e);
      let key = text.replaceAll(/[ow]-[a-z0-9-]+/g, "ID").replaceAll(
        /\d+/g,
        "N",
      ).slice(0, 1500);
      const kinds = new Set(
        [...key.matchAll(/^[+] +['"](.*?)['"],?$/gm)].map((m) =>
          m[1]!.slice(0, 60)
        ),
      );
      if (kinds.size > 0) key = [...kinds].sort().join(" | ");
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key)!.push(seed);
    }
  }
});
let failures = 0;
for (
  const [key, seeds] of [...groups].sort((a, b) => b[1].length - a[1].length)
) {
  failures += seeds.length;
  console.log(`--- ${seeds.length}: ${seeds.slice(0, 12)}\n${key}`);
}
console.log(
  `${failures} of ${to! - from! + 1} failed in ${
    Math.round(performance.now() - t0)
  } ms`,
);
