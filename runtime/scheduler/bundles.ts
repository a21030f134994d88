// Some bundles of a group, on a node of several: set aside when there is room,
// used once the head has them everywhere, given back if it does not. The head
// decides which; here they wait, and are counted, like a group of one node.

import { sumOfBundles } from "./bundle_placement.ts";
import {
  type CreatedGroup,
  GROUP_TRANSITIONS,
  type GroupPart,
  type PreparedGroup,
  type WaitingGroup,
} from "./records.ts";
import type { BundlesSettled } from "./messages.ts";
import { ResourcePool } from "./resource_pool.ts";
import { checkEdge, type SchedulerState } from "./state.ts";

/** Takes the bundles from the node, for nobody's use yet. */
export function prepareBundles(
  state: SchedulerState,
  group: WaitingGroup & { readonly part: GroupPart },
): void {
  const { id, request, labels, sum, part } = group;
  checkEdge(state, GROUP_TRANSITIONS, { id, from: "waiting", to: "prepared" });
  const gpus = state.pool.gpus.takeAll(request.bundles) ?? [];
  const pools = request.bundles.map((bundle, at) => {
    const index = part.indices[at]!;
    return new ResourcePool(bundle, { groupId: id, index }, gpus[at]);
  });
  state.pool.take(sum);
  const base = { id, request, labels, sum, part, pools, gpus };
  state.parts.set(id, { ...base, state: "prepared" });
  answerBundles(state, { groupId: id, attempt: part.attempt }, true);
}

/** The bundles can be used, with those of the group that are here already. */
export function commitBundles(
  state: SchedulerState,
  { groupId: id, attempt }: BundlesSettled,
): void {
  const part = state.parts.get(id);
  if (part?.state !== "prepared" || part.part.attempt !== attempt) return;
  checkEdge(state, GROUP_TRANSITIONS, { id, from: "prepared", to: "created" });
  state.parts.delete(id);
  const known = state.groups.get(id);
  const { request, labels } = part;
  const parts = known?.state === "created" ? [known, part] : [part];
  const bundles = parts.flatMap((each) => each.request.bundles);
  const created: CreatedGroup = {
    state: "created",
    id,
    request: { ...request, bundles },
    labels,
    sum: sumOfBundles(bundles),
    pools: parts.flatMap(({ pools }) => pools),
    gpus: parts.flatMap(({ gpus }) => gpus),
    attempt,
  };
  state.groups.set(id, created);
}

/** Gives back what is not committed. */
export function returnBundles(
  state: SchedulerState,
  { groupId: id, attempt }: Pick<BundlesSettled, "groupId" | "attempt">,
): void {
  const part = state.parts.get(id);
  if (!part || part.part.attempt !== attempt) return;
  checkEdge(state, GROUP_TRANSITIONS, { id, from: part.state, to: "ended" });
  state.parts.delete(id);
  if (part.state === "waiting") return void state.waitingGroups.delete(part);
  giveBackBundles(state, part);
}

/** What the bundles took of the node is free again. */
export function giveBackBundles(
  state: SchedulerState,
  { sum, gpus }: CreatedGroup | PreparedGroup,
): void {
  state.pool.giveBack(sum);
  for (const shares of gpus) state.pool.gpus.giveBack(shares);
}

/** Tells the head whether they are set aside. */
export function answerBundles(
  state: SchedulerState,
  { groupId, attempt }: Pick<BundlesSettled, "groupId" | "attempt">,
  isPrepared: boolean,
): void {
  const { cause } = state;
  state.actions.push({
    type: "answer_bundles",
    groupId,
    attempt,
    isPrepared,
    cause,
  });
}
