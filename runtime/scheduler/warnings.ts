// Saying once what no node could ever hold, after it has waited long enough
// for that not to be a matter of start-up. It changes no decision.

import type { PlacementGroupId } from "../base/ids.ts";
import { INFEASIBLE_WARNING_MS } from "../base/limits.ts";
import type { ResourceSet } from "../base/resources.ts";
import { actorNeed, chooseForActor, firstActor } from "./actors.ts";
import { chooseForClass } from "./dispatch.ts";
import { chooseForGroup } from "./groups.ts";
import type { WarnInfeasible } from "./messages.ts";
import type { PoolChoice } from "./pool_choice.ts";
import type { SchedulerState } from "./state.ts";

/** Warns of what has been infeasible for long; called on every tick. */
export function warnInfeasible(state: SchedulerState): void {
  for (const classRecord of state.waitingClasses) {
    const owner = classRecord.waiting.top!.owner.id;
    watch(state, {
      item: classRecord,
      key: `class ${classRecord.id}`,
      subject: { classKey: classRecord.key, owner },
      needed: classRecord.spec.resources,
      choice: chooseForClass(state, classRecord),
    });
  }
  for (const queue of state.actorQueues.values()) {
    const actor = firstActor(state, queue)!;
    watch(state, {
      item: queue,
      key: `actor ${queue.key}`,
      subject: { actorId: actor.id, owner: actor.owner },
      needed: actorNeed(actor.spec),
      choice: chooseForActor(state, actor),
    });
  }
  for (const group of state.waitingGroups) {
    // The head names what no nodes could hold.
    if (group.part) continue;
    watch(state, {
      item: group,
      key: `group ${group.id satisfies PlacementGroupId}`,
      subject: { groupId: group.id },
      needed: group.sum,
      choice: chooseForGroup(state, group),
    });
  }
}

interface Watched {
  readonly item: { infeasibleSinceMs: number | undefined };
  readonly key: string;
  readonly subject: WarnInfeasible["subject"];
  readonly needed: ResourceSet;
  readonly choice:
    | Extract<PoolChoice, { type: "infeasible" }>
    | { readonly type: "fits" | "busy" | "never" };
}

function watch(state: SchedulerState, watched: Watched): void {
  const { item, key, subject, needed, choice } = watched;
  if (choice.type !== "infeasible") {
    item.infeasibleSinceMs = undefined;
    return;
  }
  item.infeasibleSinceMs ??= state.nowMs;
  if (state.nowMs - item.infeasibleSinceMs < INFEASIBLE_WARNING_MS) return;
  if (state.warned.has(key)) return;
  state.warned.add(key);
  const { reason, lacking } = choice;
  state.actions.push({
    type: "warn_infeasible",
    subject,
    reason,
    needed,
    lacking,
    cause: state.cause,
  });
}
