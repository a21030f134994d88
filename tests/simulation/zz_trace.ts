Error.stackTraceLimit = 40;
import process from "node:process";
import { withSimWeakRefs } from "./sim_collector.ts";
import { runWorld } from "./cluster_run.ts";
(globalThis as any).TRACE = (name: string, message: any) => {
  console.log(
    name,
    JSON.stringify(
      message,
      (k, v) =>
        k === "end" || v instanceof SharedArrayBuffer
          ? 0
          : v instanceof Uint8Array
          ? "B" + v.length
          : v,
    )?.slice(0, 400),
  );
};
await withSimWeakRefs(async () => {
  try {
    await runWorld(Number(process.argv[2]));
  } catch (e) {
    console.log("FAIL", (e as Error).stack, JSON.stringify(e));
  }
});
