// `manta start`: how the command looks. Its work is in run_start.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import type { StartFlags } from "./start_options.ts";
import {
  parseBytes,
  parseCount,
  parseLabels,
  parseNames,
  parsePort,
  parseResources,
} from "./start_values.ts";

/** `manta start --head [--port 6380] …` */
export const startCommand = buildCommand({
  loader: async () => {
    const { runStart } = await import("./run_start.ts");
    return (flags: StartFlags) => runStart(flags);
  },
  parameters: {
    flags: {
      head: {
        kind: "boolean",
        optional: true,
        brief: "Start a cluster, with this node as its head",
        withNegated: false,
      },
      address: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Join the cluster of this head instead",
        placeholder: "host:port",
      },
      host: {
        kind: "parsed",
        parse: String,
        default: "127.0.0.1",
        brief: "The address to listen on",
        placeholder: "address",
      },
      port: {
        kind: "parsed",
        parse: parsePort,
        default: "6380",
        brief: "The port to listen on; 0 takes one that is free",
        placeholder: "port",
      },
      names: {
        kind: "parsed",
        parse: parseNames,
        optional: true,
        brief: "Other names and addresses that drivers reach it by",
        placeholder: "name,…",
      },
      token: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "What drivers must know instead of what `manta token` shows; " +
          "- reads it",
        placeholder: "token",
      },
      tls: {
        kind: "boolean",
        optional: true,
        brief: "Encrypt, with a certificate of the cluster's own",
        withNegated: false,
      },
      insecure: {
        kind: "boolean",
        optional: true,
        brief: "Allow plain text on an address that others can reach",
        withNegated: false,
      },
      numCpus: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        brief: "CPUs for tasks and actors [default = the machine's]",
        placeholder: "n",
      },
      numGpus: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        brief: "GPUs for tasks and actors",
        placeholder: "n",
      },
      resources: {
        kind: "parsed",
        parse: parseResources,
        optional: true,
        brief: "More resources, such as '{\"license\": 2}'",
        placeholder: "json",
      },
      labels: {
        kind: "parsed",
        parse: parseLabels,
        optional: true,
        brief: "Labels of the node, such as zone=a,disk=ssd",
        placeholder: "k=v,…",
      },
      memory: {
        kind: "parsed",
        parse: parseBytes,
        optional: true,
        brief: "Memory that tasks and actors may ask for",
        placeholder: "bytes",
      },
      objectStoreMemory: {
        kind: "parsed",
        parse: parseBytes,
        optional: true,
        brief: "Memory for objects [default = 30 % of the machine's]",
        placeholder: "bytes",
      },
      spillDirectory: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Where objects go for which memory has no room",
        placeholder: "folder",
      },
      block: {
        kind: "boolean",
        optional: true,
        brief: "Stay in the foreground, for a service or a container",
        withNegated: false,
      },
    },
  },
  docs: {
    customUsage: ["--head [options]"],
    brief: "Start a node that stays up while drivers come and go",
    fullDescription: [
      "Starts a node and prints how drivers join it. Only who has its token can",
      "use it; without --host only this machine reaches it. Sizes are in bytes,",
      "or with a unit: 512M, 20G. `manta stop` ends the node.",
    ].join("\n"),
  },
});
