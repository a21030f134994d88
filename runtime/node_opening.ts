// What a process gives the node that it starts, embedded or as a head: its
// folders on disk and its share of the machine.

import { hostname } from "node:os";
import { nodeResources, type ResolvedInitOptions } from "./api/init_options.ts";
import type { NodeId } from "./base/ids.ts";
import { fromUnits } from "./base/resources.ts";
import { VERSION } from "./base/version.ts";
import type { NodeStart } from "./host_messages.ts";
import { cpuCount, memoryBytes } from "./platform/machine.ts";
import type { ProcessFolder } from "./platform/process_folder.ts";
import { openSessionDirectory } from "./platform/session_directory.ts";
import { openSpillDirectory } from "./platform/spill_directory.ts";
import type { MailboxBuffer } from "./transport/mailbox.ts";

/** What a node is asked to have. */
export type NodeOptions = Pick<
  ResolvedInitOptions,
  | "numCpus"
  | "numGpus"
  | "resources"
  | "labels"
  | "memoryBytes"
  | "objectStoreBytes"
  | "spillDirectory"
  | "systemConfig"
>;

/** A node that can be started. */
export interface NodeOpening {
  readonly start: NodeStart;
  /** What it has on disk; removed at its end. */
  readonly directories: readonly ProcessFolder[];
}

/** Opens the folders of a node and sizes it. */
export function openNode(
  nodeId: NodeId,
  nodeMailbox: MailboxBuffer,
  options: NodeOptions,
): NodeOpening {
  const spillDirectory = openSpillDirectory(options.spillDirectory);
  const directory = openSessionDirectory();
  const total = nodeResources(options, {
    cpus: cpuCount(),
    memoryBytes: memoryBytes(),
  });
  return {
    start: {
      type: "node_start",
      nodeId,
      nodeMailbox,
      total,
      labels: options.labels,
      storeBytes: fromUnits(total["objectStoreMemory"] ?? 0),
      sessionPath: directory.path,
      spillPath: spillDirectory?.path,
      memory: options.systemConfig,
      hostname: hostname(),
      version: VERSION,
      startedAtMs: Date.now(),
    },
    directories: [directory, ...(spillDirectory ? [spillDirectory] : [])],
  };
}
