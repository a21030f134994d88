// What a node says in words: why work cannot be placed, or cannot be yet, and
// what to do about it.

import {
  type MantaError,
  PlacementGroupRemovedError,
  TaskUnschedulableError,
} from "./base/errors.ts";
import { resourceAmounts } from "./base/resources.ts";
import type {
  InfeasibleReason,
  UnschedulableReason,
  WarnInfeasible,
} from "./scheduler/messages.ts";

const REASONS: Readonly<Record<UnschedulableReason, string>> = {
  node_unknown: "the node of its hard affinity is not in the cluster",
  node_too_small:
    "the node of its hard affinity does not have the resources it asks for",
  node_labels_differ: "the node of its hard affinity has other labels",
  group_removed: "its placement group was removed",
  bundle_unknown: "its placement group has no bundle of that index",
  bundle_too_small: "no bundle of its placement group can hold it",
  limit_reached: "the node has as many threads as it may have",
  thread_start_failed: "no thread could be started for it",
};

/** The error of work that can never be placed. */
export function unschedulableError(
  reason: UnschedulableReason,
  subject: string,
): MantaError {
  const text = `Cannot place ${subject}: ${REASONS[reason]}`;
  return reason === "group_removed"
    ? new PlacementGroupRemovedError(text)
    : new TaskUnschedulableError(text, { details: { reason } });
}

/** The warning about work that no node could hold. */
export function infeasibleText(action: Omit<WarnInfeasible, "cause">): string {
  const { subject, reason } = action;
  const name = "groupId" in subject
    ? `Placement group ${subject.groupId}`
    : "actorId" in subject
    ? `Actor ${subject.actorId}`
    : "A task";
  const needed = JSON.stringify(resourceAmounts(action.needed));
  const lacking = Object.keys(action.lacking).length > 0
    ? `; no node has ${JSON.stringify(resourceAmounts(action.lacking))} more`
    : "";
  const whys: Readonly<Record<InfeasibleReason, string>> = {
    labels: "no node has the labels it asks for",
    nodes: "there are fewer nodes than it needs",
    group: "its placement group has no place yet",
    resources: `no node can hold the ${needed} it needs${lacking}`,
  };
  return `${name} waits since 10 s: ${whys[reason]}. It goes on waiting`;
}
