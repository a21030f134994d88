// The making of actors, as the thread that makes them sees it: the class's
// code and the constructor's arguments are awaited, then the node is told.

import type {
  ActorCreation,
  ActorHold,
  MethodCall,
} from "./api/session_port.ts";
import type { Hold } from "./actor_holds.ts";
import { makeHandle } from "./api/actor_handle.ts";
import type { Inheritance } from "./caller_templates.ts";
import { ActorDiedError, type MantaError } from "./base/errors.ts";
import { type ActorId, newId } from "./base/ids.ts";
import { NO_RESOURCES } from "./base/resources.ts";
import { shippable } from "./code_port.ts";
import type { ActorChannel } from "./owner/actor_channel.ts";
import {
  completeArguments,
  prepareArguments,
  type PreparedArguments,
} from "./owner/arguments.ts";
import { type References, whenAllSettled } from "./owner/references.ts";
import type { TaskTemplate } from "./owner/task_record.ts";
import type {
  WireArguments,
  WireCode,
  WireEnvironment,
} from "./protocol/messages.ts";
import type { FromNode, WireActor } from "./protocol/node_messages.ts";
import type { WireError } from "./protocol/wire_error.ts";
import { outsideRuns } from "./run_context.ts";
import { environmentFor, variantFor } from "./runtime_env.ts";
import type { ThreadSession } from "./thread_session.ts";

/** See the head of the file. */
export class ActorCreations {
  readonly #thread: ThreadSession;
  /** What the present caller passes on. */
  readonly #inherited: () => Inheritance;

  constructor(thread: ThreadSession, inherited: () => Inheritance) {
    this.#thread = thread;
    this.#inherited = inherited;
  }

  /** Makes an actor; its calls wait until it is there. */
  create(creation: ActorCreation, args: readonly unknown[]): ActorHold {
    const { isolation } = creation.options;
    const actorId = newId("actor");
    const hold = this.#thread.holds.get(actorId, creation.interface, true);
    this.#announce(actorId, creation.options);
    const inherited = this.#inherited();
    const strategy = creation.options.strategy ?? inherited.strategy ??
      "default";
    const home = this.#codeAndEnvironment(creation, inherited);
    const wire = this.#arguments(hold, args);
    const place = { strategy, isolation };
    // The node must know of the actor before it hears that nobody holds it.
    hold.pin();
    this.#register(hold, creation, Promise.all([home, wire]), place)
      .catch((error) => this.#failed(hold, error))
      .finally(() => hold.unpin());
    return hold;
  }

  /** The node's answer to a registration. */
  registered(
    { actorId, existing, error }: Extract<
      FromNode,
      { type: "actor_registered" }
    >,
  ): void {
    const { owner, holds } = this.#thread;
    const hold = holds.find(actorId);
    if (existing && hold) {
      // The name belongs to another actor, and that one was asked for: handles
      // of the actor that was not made keep the other one alive.
      hold.follow(this.#thread.watchActor(existing));
      owner.redirect(actorId, existing);
    } else if (existing || error) {
      owner.channel(actorId).gone(error);
    }
    if (!hold) owner.forgetChannel(actorId);
    this.#thread.schedule();
  }

  async find(name: string, namespace: string): Promise<object | undefined> {
    const found = await this.#thread.control.findActor(name, namespace);
    if (!found) return undefined;
    return makeHandle(this.#thread.actorHold(found.actorId, found.interface));
  }

  /** Calls on an actor of an ended session fail. */
  endForeign(hold: Hold): void {
    const { owner, codec } = this.#thread;
    const error = codec.encodeError(sessionEndedError(hold));
    owner.channel(hold.actorId).gone(error);
  }

  kill(hold: ActorHold, noRestart: boolean): void {
    const channel = this.#thread.owner.channel(hold.actorId);
    const { actorId } = channel;
    channel.killed();
    this.#thread.sendNode({ type: "actor_kill", actorId, noRestart });
  }

  /** At once: who asks for the name from now on waits for this actor. */
  #announce(
    actorId: ActorId,
    { name, namespace = this.#thread.identity.namespace }:
      ActorCreation["options"],
  ): void {
    const type = "actor_announce";
    if (name === undefined) this.#thread.sendNode({ type, actorId });
    else {this.#thread.sendNodeNow({
        type,
        actorId,
        named: { name, namespace },
      });}
  }

  async #register(
    hold: Hold,
    creation: ActorCreation,
    parts: Promise<[CodeAndEnvironment, WireArguments]>,
    place: Pick<WireActor, "strategy" | "isolation">,
  ): Promise<void> {
    const [home, args] = await this.#thread.holdOpen(parts);
    const actor = wireActor(creation, home.code, args);
    const { namespace } = this.#thread.identity;
    const { environment } = home;
    this.#thread.sendNode({
      type: "actor_register",
      actor: {
        namespace,
        ...actor,
        ...place,
        actorId: hold.actorId,
        ...(environment ? { environment } : {}),
      },
    });
  }

  /** Begins in the caller's context, whose variables may be referred to. */
  async #codeAndEnvironment(
    { code, options }: ActorCreation,
    inherited: Inheritance,
  ): Promise<CodeAndEnvironment> {
    const environment = environmentFor(
      inherited.environment,
      options.runtimeEnv,
    );
    const ship = async () => {
      const wire = await shippable(code).ship(await variantFor(environment));
      return await this.#thread.sendCode(wire);
    };
    return { code: await outsideRuns(ship), environment };
  }

  /** The arguments of a constructor, once all of them are known. */
  async #arguments(
    hold: Hold,
    args: readonly unknown[],
  ): Promise<WireArguments> {
    const { owner, codec } = this.#thread;
    const { references } = owner;
    const prepared = prepareArguments(
      args,
      codec,
      (encoded) => owner.putSoon(encoded),
    );
    const { dependencies } = prepared;
    pinUntilDead(prepared, references, owner.channel(hold.actorId));
    if (!dependencies) return prepared.wire;
    for (const ref of dependencies) references.want(ref);
    return await new Promise((resolve, reject) =>
      whenAllSettled(dependencies, (failed) => {
        if (!failed) return resolve(completeArguments(prepared.parts!));
        references.markSeen(failed);
        const error = codec.decodeError(failed.value as WireError);
        reject(argumentsError(hold, error));
      })
    );
  }

  #failed(hold: Hold, error: unknown): void {
    const { owner, codec } = this.#thread;
    const wire = codec.encodeError(error);
    const { actorId } = hold;
    owner.channel(actorId).gone(wire);
    // Other threads may have handles of it by now.
    this.#thread.sendNode({
      type: "actor_construction_failed",
      actorId,
      incarnation: 0,
      error: wire,
    });
    this.#thread.schedule();
  }
}

/** Arguments live as long as the actor may be made again. */
function pinUntilDead(
  { contained, dependencies }: PreparedArguments,
  references: References,
  channel: ActorChannel,
): void {
  references.pin(contained);
  references.pin(dependencies);
  channel.whenDead(() => {
    references.unpin(contained);
    references.unpin(dependencies);
  });
}

/** What the calls of a method have in common. */
export function methodTemplate(
  index: number,
  { actorId }: ActorHold,
  call: MethodCall,
): TaskTemplate {
  const { name, method, returns, backpressure, timeoutMs } = call;
  const { concurrencyGroup, maxRetries, retries } = call;
  return {
    index,
    name,
    returns,
    backpressure,
    timeoutMs,
    maxRetries,
    retries,
    actorId,
    spec: {
      name,
      actorId,
      method,
      returns,
      backpressure,
      resources: NO_RESOURCES,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(concurrencyGroup === undefined ? {} : { concurrencyGroup }),
    },
  };
}

interface CodeAndEnvironment {
  readonly code: WireCode;
  readonly environment: WireEnvironment | undefined;
}

type WireActorParts = Omit<
  WireActor,
  "actorId" | "strategy" | "isolation" | "namespace"
>;

function wireActor(
  { className, options, interface: shape }: ActorCreation,
  code: WireCode,
  args: WireArguments,
): WireActorParts & { readonly namespace?: string } {
  const { name, namespace, labelSelector } = options;
  return {
    className,
    code,
    args,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    getIfExists: options.getIfExists,
    detached: options.detached,
    placement: options.placementResources,
    held: options.heldResources,
    ...(labelSelector ? { labelSelector } : {}),
    maxRestarts: options.maxRestarts,
    maxConcurrency: options.maxConcurrency,
    concurrencyGroups: options.concurrencyGroups,
    interface: shape,
  };
}

function sessionEndedError({ actorId, shape }: Hold): MantaError {
  return new ActorDiedError(
    `Cannot call actor ${shape?.className} (${actorId}): its session has ended`,
    { details: { actorId } },
  );
}

function argumentsError({ actorId, shape }: Hold, cause: Error): MantaError {
  return new ActorDiedError(
    `Cannot call actor ${shape?.className} (${actorId}): an argument of its ` +
      `constructor failed: ${cause.message}`,
    { cause, details: { actorId } },
  );
}
