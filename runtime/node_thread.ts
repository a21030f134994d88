// The entry of the node's thread: waits for its start message, then leads the
// host's messages to the node. Runs no user code.

import type { FromHost, NodeListen } from "./host_messages.ts";
import { HostedState } from "./hosted_state.ts";
import { Node } from "./node.ts";
import { NodeGateway } from "./node_gateway.ts";
import { detectPlatform } from "./platform/detect.ts";
import type { StateStorage } from "./platform/state_file.ts";
import { encodeError } from "./protocol/wire_error.ts";
import { answerStopSignal } from "./platform/thread_signal.ts";

/** The global of a web worker, as far as an entry uses it. */
interface ThreadGlobal {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<FromHost>) => void,
  ): void;
}

const thread = globalThis as unknown as ThreadGlobal;
const platform = detectPlatform();
let node: Node | undefined;
let gateway: NodeGateway | undefined;

async function listen(node: Node, options: NodeListen): Promise<void> {
  const opened = new NodeGateway(node, options, platform);
  gateway = opened;
  try {
    // Loaded before anybody can come: then all begins in one turn.
    const open = await stateOpener(options);
    const port = await opened.open(platform.serveWeb);
    node.cluster!.begin(open?.(port));
    thread.postMessage({ type: "node_listens", port });
  } catch (error) {
    thread.postMessage({
      type: "node_cannot_listen",
      error: encodeError(error),
    });
  }
}

/** What opens a head's state, for a head that keeps it. */
async function stateOpener(
  { state, port: wanted }: NodeListen,
): Promise<((port: number) => StateStorage) | undefined> {
  if (!state) return undefined;
  if ("board" in state) {
    return () => new HostedState(state, (ask) => thread.postMessage(ask));
  }
  const { openStateFile } = await import("./platform/state_file.ts");
  // Who takes any port has another one each time: nothing of it comes back.
  return (port) =>
    openStateFile(`${state.folder}/head-${port}.sqlite`, wanted === 0);
}

async function end(keepsCluster: boolean): Promise<void> {
  if (keepsCluster) node?.cluster?.suspend();
  await gateway?.close();
  await node?.end();
}

answerStopSignal();
thread.addEventListener("message", ({ data: message }) => {
  switch (message.type) {
    case "node_start":
      node = new Node(message, {
        post: (reply, transfer) => thread.postMessage(reply, transfer),
        collectGarbage: () => platform.collectGarbage(),
        returnMemory: platform.returnMemory,
        yieldProcessor: platform.yieldProcessor,
        makeMemoryFile: platform.makeMemoryFile,
        childCommand: (url, args) => platform.childCommand(url, args),
      });
      if (message.listen) void listen(node, message.listen);
      break;
    case "driver_join":
      node?.addOwnDriver(message);
      break;
    case "node_drain":
      node?.cluster?.drain();
      break;
    case "node_end":
      void end(message.keepsCluster);
      break;
    case "thread_ended":
      node?.threadEnded(message.workerId, message.reason);
      break;
  }
});
