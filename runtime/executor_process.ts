// The entry of a child process: connects to the node that has started it, and
// ends with the connection. Its arguments are the node's socket, the name that
// the node knows this child by, and the entry of its executor's thread.

import process from "node:process";
import { ChildBridge } from "./child_bridge.ts";
import { preferForOom } from "./platform/child_process.ts";
import { detectPlatform } from "./platform/detect.ts";
import { connectLocally } from "./platform/local_socket.ts";

const [socketPath, name, executorUrl] = process.argv.slice(-3) as [
  ...[string, string, string],
];

preferForOom();
new ChildBridge({
  platform: detectPlatform(),
  executorUrl,
  channel: await connectLocally(socketPath, name),
  // No exit handler, of a native library say, may hold it up.
  die: () => process.kill(process.pid, "SIGKILL"),
});
