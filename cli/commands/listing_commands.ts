// `manta list` and `manta summary`: how the commands look. Their work is in
// show_listing.ts, which is loaded when one of them runs.

import { buildCommand, buildRouteMap } from "@stricli/core";

import type { StateNoun } from "../../runtime/api/state_types.ts";
import { ASK_FLAGS } from "./ask_flags.ts";
import type { ListFlags } from "./show_listing.ts";

const FLAGS = {
  ...ASK_FLAGS,
  filter: {
    kind: "parsed",
    parse: String,
    variadic: true,
    optional: true,
    brief: "Only those of which this holds, as state=RUNNING or name!=f",
    placeholder: "field=value",
  },
  limit: {
    kind: "parsed",
    parse: Number,
    optional: true,
    brief: "How many to show [default = 100]",
    placeholder: "count",
  },
} as const;

const DETAIL = {
  kind: "boolean",
  optional: true,
  brief: "Show the fields, too, that few need",
  withNegated: false,
} as const;

function listCommand(noun: StateNoun, brief: string) {
  return buildCommand({
    loader: async () => {
      const { showList } = await import("./show_listing.ts");
      return (flags: ListFlags) => showList(noun, flags);
    },
    parameters: { flags: { ...FLAGS, detail: DETAIL } },
    docs: { brief },
  });
}

function summaryCommand(noun: "tasks" | "actors" | "objects", brief: string) {
  return buildCommand({
    loader: async () => {
      const { showSummary } = await import("./show_listing.ts");
      return (flags: Omit<ListFlags, "detail">) => showSummary(noun, flags);
    },
    parameters: { flags: FLAGS },
    docs: { brief },
  });
}

/** `manta list tasks|actors|… [--filter state=RUNNING] [--limit 10]` */
export const listCommands = buildRouteMap({
  routes: {
    tasks: listCommand("tasks", "List attempts to run tasks, the latest first"),
    actors: listCommand("actors", "List actors, and why dead ones died"),
    nodes: listCommand("nodes", "List nodes, dead ones included"),
    jobs: listCommand("jobs", "List jobs: drivers and what runs for them"),
    objects: listCommand("objects", "List the objects in the stores"),
    workers: listCommand("workers", "List drivers, threads and children"),
    placementGroups: listCommand("placementGroups", "List placement groups"),
  },
  docs: { brief: "List what the cluster runs and holds" },
});

/** `manta summary tasks|actors|objects` */
export const summaryCommands = buildRouteMap({
  routes: {
    tasks: summaryCommand("tasks", "Count attempts by function and state"),
    actors: summaryCommand("actors", "Count actors by class and state"),
    objects: summaryCommand("objects", "Count objects by node and state"),
  },
  docs: { brief: "Count what the cluster runs and holds" },
});
