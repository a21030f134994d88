// What `manta start` tells people once the node is there. They copy it into a
// terminal, so each line is whole. Pure.

import type { StartedNode } from "./started_node.ts";

/** See the head of the file. */
export function howToUse(started: StartedNode, showsToken: boolean): string {
  const { address, publicAddress, nodeId, pid, logPath, head } = started;
  const lines = logPath === undefined ? [] : [
    `Node ${nodeId} listens on ${publicAddress ?? address} (process ${pid})`,
    `It prints to ${logPath}`,
    "",
  ];
  lines.push(
    ...(head ? workerLines(head.address) : headLines(started, showsToken)),
  );
  lines.push("", "End it:", "  manta stop", "");
  return lines.join("\n");
}

function workerLines(head: string): string[] {
  return [
    `It has joined the cluster of ${head}. See all nodes:`,
    "  manta status",
  ];
}

function headLines(
  { address, publicAddress, token, isInsecure }: StartedNode,
  showsToken: boolean,
): string[] {
  const shown = showsToken ? token : "$(manta token --show)";
  const far = publicAddress ?? address;
  const [others, machine] = publicAddress === undefined
    ? ["as another user of this machine", "Add a node of this machine to it:"]
    : ["from another machine", "Add another machine to it:"];
  return [
    "Run a program on it:",
    `  MANTA_ADDRESS=${address} manta run app.ts`,
    "",
    `The same ${others}:`,
    `  MANTA_ADDRESS=${far} MANTA_TOKEN=${shown} manta run app.ts`,
    "",
    machine,
    `  manta start --address ${far} --token ${shown}` +
    (isInsecure ? " --insecure" : ""),
  ];
}
