// Calls of an actor in a node that is another process, under the rows of
// call_rows.ts. The benchmark has started the node: `MANTA_ADDRESS` names it.
// Run by `manta run`.

import { get, init, remote, shutdown } from "manta";
import { runCallRows } from "../call_rows.ts";

const Echo = remote(
  { numCpus: 0 },
  class Echo {
    call(value: number): number {
      return value;
    }
    send(bytes: Uint8Array): number {
      return bytes.length;
    }
  },
);

await init();
const echo = Echo.remote();
await runCallRows({
  call: (value) => get(echo.call.remote(value)),
  callAll: (values) => get(values.map((value) => echo.call.remote(value))),
  send: async (bytes) => {
    using length = echo.send.remote(bytes);
    return await get(length);
  },
});
await shutdown();
