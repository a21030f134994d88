// Writes docs/states.md from the tables of transitions that the state machines
// themselves run on, so that the page is true. With `--check` it writes nothing
// and fails when the page is not what the tables say.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { ACTOR_TRANSITIONS as ACTOR_LIFE } from "../runtime/control/actor_record.ts";
import { NODE_TRANSITIONS } from "../runtime/control/node_table.ts";
import {
  ACTOR_PLACE_TRANSITIONS,
  GROUP_PLACE_TRANSITIONS,
} from "../runtime/scheduler/cluster/head_state.ts";
import {
  ACTOR_TRANSITIONS,
  GROUP_TRANSITIONS,
  LEASE_TRANSITIONS,
  THREAD_TRANSITIONS,
} from "../runtime/scheduler/records.ts";

/** For each state those that can follow it; the first one is the initial. */
type Transitions = Readonly<Record<string, readonly string[]>>;

/** One machine, and what its states mean. */
interface Machine {
  readonly title: string;
  readonly file: string;
  readonly text: string;
  readonly table: Transitions;
  readonly meanings: Readonly<Record<string, string>>;
}

const PAGE = "docs/states.md";

const MACHINES: readonly Machine[] = [
  {
    title: "A thread",
    file: "runtime/scheduler/records.ts",
    text: "A thread that runs user code, as the scheduler sees it.",
    table: THREAD_TRANSITIONS,
    meanings: {
      starting: "asked for; leases on it are assigned, not granted",
      running: "takes leases or actors",
      stopping: "takes nothing and has not ended yet",
      ended: "gone, with its leases and with what it owned",
    } satisfies Record<keyof typeof THREAD_TRANSITIONS, string>,
  },
  {
    title: "A lease",
    file: "runtime/scheduler/records.ts",
    text: "The right of an owner to run one task at a time on a thread.",
    table: LEASE_TRANSITIONS,
    meanings: {
      assigned: "it has resources, its thread is still starting",
      granted: "its owner was told and may push tasks",
      blocked: "its task waits in `get` or `wait`; its CPU is lent out",
      ended: "returned, revoked, or gone with its thread or owner",
    } satisfies Record<keyof typeof LEASE_TRANSITIONS, string>,
  },
  {
    title: "An actor's place",
    file: "runtime/scheduler/records.ts",
    text: "What the scheduler knows of an actor: whether it has a place. " +
      "A restarted actor is a new request.",
    table: ACTOR_TRANSITIONS,
    meanings: {
      waiting: "no resources yet",
      placing: "it has resources, its thread is still starting",
      placed: "it has a thread; placed and placing actors hold resources",
      ended: "dead, cancelled, or impossible to place",
    } satisfies Record<keyof typeof ACTOR_TRANSITIONS, string>,
  },
  {
    title: "An actor's life",
    file: "runtime/control/actor_record.ts",
    text: "The same actor as its callers see it, in Ray's words, across " +
      "restarts. An actor is restarted at most `maxRestarts` times.",
    table: ACTOR_LIFE,
    meanings: {
      PENDING_CREATION: "waits for its place and its constructor",
      ALIVE: "its constructor has returned; calls are sent to it",
      RESTARTING: "its thread ended; the constructor runs again",
      DEAD: "for good; its calls fail with `ActorDiedError`",
    } satisfies Record<keyof typeof ACTOR_LIFE, string>,
  },
  {
    title: "A placement group",
    file: "runtime/scheduler/records.ts",
    text: "All of its bundles are set aside together, or none.",
    table: GROUP_TRANSITIONS,
    meanings: {
      waiting: "holds nothing yet",
      prepared: "bundles of it are set aside here, and not yet elsewhere",
      created: "every bundle is taken from the node's resources",
      ended: "removed; its leases are revoked and its actors end",
    } satisfies Record<keyof typeof GROUP_TRANSITIONS, string>,
  },
  {
    title: "A node",
    file: "runtime/control/node_table.ts",
    text: "A node of the cluster, as its head sees it. One that is heard of " +
      "after its death joins again under another id.",
    table: NODE_TRANSITIONS,
    meanings: {
      alive: "was heard of within four seconds; takes work",
      draining: "ends what it runs, takes nothing new, and will leave",
      dead: "has left, is gone, or was silent for too long",
    } satisfies Record<keyof typeof NODE_TRANSITIONS, string>,
  },
  {
    title: "An actor's node",
    file: "runtime/scheduler/cluster/head_state.ts",
    text: "What the head knows of an actor's place: which node is to have it.",
    table: ACTOR_PLACE_TRANSITIONS,
    meanings: {
      unplaced: "no node could hold it now",
      asked: "a node was asked for it and has not answered",
      placed: "it has a thread on its node",
      ended: "released, or impossible to place",
    } satisfies Record<keyof typeof ACTOR_PLACE_TRANSITIONS, string>,
  },
  {
    title: "A placement group's nodes",
    file: "runtime/scheduler/cluster/head_state.ts",
    text: "What the head knows of a group: which nodes have its bundles. " +
      "They are set aside on each node first, and used once all are.",
    table: GROUP_PLACE_TRANSITIONS,
    meanings: {
      waiting: "no node was asked for anything",
      preparing: "nodes were asked to set its bundles aside",
      created: "every bundle is on a node",
      broken: "bundles were lost with a node; the others stay",
      repairing: "nodes were asked to set aside what was lost",
      ended: "removed",
    } satisfies Record<keyof typeof GROUP_PLACE_TRANSITIONS, string>,
  },
];

const OPENING = `# States

<!-- Made by scripts/states.ts. Change the tables, then run it again. -->

Each picture is one table in the source. The state machines look every change of
state up in their table; an edge that is not there throws \`InvariantError\`. This
page is made from the same tables by \`deno run -A scripts/states.ts\`, and
\`deno task ok\` fails when it is out of date.
`;

function render(machines: readonly Machine[]): string {
  return [OPENING, ...machines.map(renderMachine)].join("\n");
}

function renderMachine({ title, file, text, table, meanings }: Machine) {
  const lines = [`## ${title}`, "", ...wrapped(text), "", `From \`${file}\`.`];
  lines.push("", "```mermaid", "stateDiagram-v2", ...renderEdges(table), "```");
  lines.push("");
  for (const state of Object.keys(table)) {
    lines.push(`- \`${state}\`: ${meanings[state] ?? "?"}`);
  }
  return lines.join("\n") + "\n";
}

function* renderEdges(table: Transitions): Iterable<string> {
  const [initial] = Object.keys(table);
  yield `  [*] --> ${initial}`;
  for (const [state, following] of Object.entries(table)) {
    if (following.length === 0) yield `  ${state} --> [*]`;
    for (const next of following) yield `  ${state} --> ${next}`;
  }
}

/** Lines as the formatter wants them: as many words as fit into 80. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 80) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const path = join(import.meta.dirname!, "..", PAGE);
const page = render(MACHINES);
if (!process.argv.includes("--check")) {
  writeFileSync(path, page);
} else if (readFileSync(path, "utf8") !== page) {
  console.error(
    `${PAGE}:1: is not what the tables say. Run: deno run -A scripts/states.ts`,
  );
  process.exitCode = 1;
}
