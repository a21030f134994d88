// Makes an actor in its thread: loads its class, runs the constructor with
// its arguments, and tells the node how that went.

import type { WireStrategy } from "../protocol/messages.ts";
import type { WireActor } from "../protocol/node_messages.ts";
import { actorArguments } from "./arguments.ts";
import type { Executor } from "./executor.ts";
import type { ExecutorPorts } from "./ports.ts";
import { type ActorPlace, Slot } from "./task_run.ts";

/** An actor that is to be made, and what it is given. */
export interface ActorStart {
  readonly actor: WireActor;
  readonly incarnation: number;
  readonly gpuIds?: readonly string[] | undefined;
}

/** See the head of the file. Calls that come meanwhile wait. */
export function constructActor(
  { actor, incarnation, gpuIds }: ActorStart,
  executor: Executor,
  ports: ExecutorPorts,
): void {
  const place = placeOf({ actor, incarnation, gpuIds });
  executor.hostActor(place);
  construct(actor, place, ports).then(
    () => {
      if (place.ended) return;
      ports.node.actorConstructed(place);
      executor.actorReady(place);
      ports.flush();
    },
    (error) => {
      if (place.ended) return;
      executor.dropActor(actor.actorId);
      ports.node.actorConstructionFailed(
        place,
        ports.codec.encodeError(ports.actorError(actor, error)),
      );
      ports.flush();
    },
  );
}

/** Where an actor's children go: into its placement group, if it says so. */
function childStrategy(strategy: WireStrategy): WireStrategy | undefined {
  const captures = typeof strategy === "object" &&
    "placementGroup" in strategy && strategy.captureChildTasks;
  if (!captures) return undefined;
  const { placementGroup } = strategy;
  return { placementGroup, captureChildTasks: true };
}

function placeOf({ actor, incarnation, gpuIds }: ActorStart): ActorPlace {
  const groups = new Map<string, Slot>();
  const place: ActorPlace = {
    actorId: actor.actorId,
    name: actor.name,
    className: actor.className,
    codeHash: actor.code.hash,
    resources: actor.held,
    environment: actor.environment,
    childStrategy: childStrategy(actor.strategy),
    gpuIds,
    incarnation,
    instance: undefined,
    groups,
    retiring: false,
    ended: false,
  };
  const limits = { "": actor.maxConcurrency, ...actor.concurrencyGroups };
  for (const [name, concurrencyMax] of Object.entries(limits)) {
    const slot = new Slot(concurrencyMax, undefined, place);
    slot.paused = true;
    groups.set(name, slot);
  }
  return place;
}

async function construct(
  actor: WireActor,
  place: ActorPlace,
  ports: ExecutorPorts,
): Promise<void> {
  const loaded = await ports.loadCode(actor.code, actor.environment);
  const Class = loaded as new (...args: readonly unknown[]) => unknown;
  const args = await actorArguments(actor, ports);
  if (place.ended) return;
  place.instance = ports.constructAs(place, () => new Class(...args));
}
