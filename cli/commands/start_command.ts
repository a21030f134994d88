// `manta start`: how the command looks. Its work is in run_start.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import type { StartFlags } from "./start_request.ts";
import {
  parseBytes,
  parseCount,
  parseLabels,
  parseNames,
  parsePort,
  parseResources,
} from "./start_values.ts";

/** `manta start --head [--port 6380] …`, `manta start --address …` */
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
        optional: true,
        brief: "The address to listen on [default = 127.0.0.1; of a worker, " +
          "the one that it reaches its head from]",
        placeholder: "address",
      },
      port: {
        kind: "parsed",
        parse: parsePort,
        optional: true,
        brief: "The port to listen on; 0 takes one that is free [default = " +
          "6380; of a worker, 0]",
        placeholder: "port",
      },
      names: {
        kind: "parsed",
        parse: parseNames,
        optional: true,
        brief: "Other names and addresses that others reach it by",
        placeholder: "name,…",
      },
      token: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "What drivers and nodes must know, or the token of the head " +
          "to join [default = what `manta token --show` prints]; - reads it",
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
      state: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief:
          "Where a head keeps what it must know when it is started again:" +
          " a folder, or redis://host:port [default = ~/.local/state/manta]",
        placeholder: "place",
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
    customUsage: ["--head [options]", "--address host:port [options]"],
    brief: "Start a cluster, or add this machine to one",
    fullDescription: [
      "Starts a node that stays up while drivers come and go: the head of a new",
      "cluster, or a worker that joins a head. A head prints how drivers and",
      "other machines join it. Only who has its token can; without --host only",
      "this machine reaches it. Sizes are in bytes, or with a unit: 512M, 20G.",
      "`manta stop` ends the node.",
    ].join("\n"),
  },
});
