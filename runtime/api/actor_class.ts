// What `remote(Class)` gives for a class: a way to start actors of it. Knows
// nothing of where they run; that is the session's.

import type {
  WireActorInterface,
  WireMethod,
} from "../protocol/node_messages.ts";
import type { AnyClass } from "./actor_types.ts";
import { type ActorHandle, makeHandle } from "./actor_handle.ts";
import { checkArity } from "./calls.ts";
import { functionKind, methodsOf } from "./function_kind.ts";
import {
  checkActorCreation,
  mergeOptions,
  resolveActorOptions,
  type ResolvedActorOptions,
  type ResolvedMethodOptions,
} from "./options.ts";
import type { ActorOptions } from "./option_types.ts";
import { currentSession } from "./session.ts";
import type { ShippableCode } from "./session_port.ts";

/** What an actor class is made of; kept beside the class itself. */
export interface ActorClassParts {
  readonly target: AnyClass;
  readonly code: ShippableCode;
  readonly options: ActorOptions;
}

const PARTS = new WeakMap<object, ActorClassParts>();

/** The parts of an actor class; undefined for anything else. */
export function actorClassParts(value: unknown): ActorClassParts | undefined {
  return typeof value === "function" ? PARTS.get(value) : undefined;
}

/** Makes the remote form of a class. */
export function makeActorClass(parts: ActorClassParts): unknown {
  const { target, code, options } = parts;
  const className = target.name || code.name;
  const methods = new Map(
    [...methodsOf(target)].map((
      [name, method],
    ) => [name, functionKind(method)]),
  );
  const resolved = resolveActorOptions(options, undefined, methods);
  let shape: WireActorInterface | undefined;

  const actorClass = function (): never {
    throw new TypeError(
      `Cannot make a ${className} directly: it is an actor class. Use ` +
        `${className}.remote() to start an actor, or new ${className}.local()` +
        " for a plain instance; extend the plain class before it is made " +
        "remote",
    );
  };
  const members = {
    remote(...args: unknown[]): ActorHandle {
      const session = currentSession();
      code.analyse();
      checkActorCreation(resolved);
      checkArity(`new ${className}`, code.arity(), args.length);
      shape ??= interfaceOf(className, target, code, resolved);
      const creation = { code, className, options: resolved, interface: shape };
      return makeHandle(session.createActor(creation, args));
    },
    options(overrides: ActorOptions): unknown {
      resolveActorOptions(options, overrides, methods);
      return makeActorClass({
        ...parts,
        options: mergeOptions(options, overrides),
      });
    },
  };
  Object.defineProperties(actorClass, {
    name: { value: className },
    remote: { value: members.remote },
    options: { value: members.options },
    local: { value: target },
  });
  PARTS.set(actorClass, parts);
  return actorClass;
}

function interfaceOf(
  className: string,
  target: AnyClass,
  code: ShippableCode,
  options: ResolvedActorOptions,
): WireActorInterface {
  const methods: WireMethod[] = [];
  for (const [name, method] of methodsOf(target)) {
    const arity = code.arity(name);
    methods.push({
      ...methodOf(options.methods[name], options),
      name,
      streaming: functionKind(method) === "generator",
      ...(arity ? { arity: [arity.least, arity.most] as const } : {}),
    });
  }
  const groups = Object.keys(options.concurrencyGroups);
  return {
    className,
    ...(options.name === undefined ? {} : { name: options.name }),
    methods,
    maxTaskRetries: options.maxTaskRetries,
    maxPendingCalls: options.maxPendingCalls,
    ...(groups.length > 0 ? { concurrencyGroups: groups } : {}),
  };
}

function methodOf(
  method: ResolvedMethodOptions | undefined,
  { maxTaskRetries }: ResolvedActorOptions,
): Omit<WireMethod, "name" | "streaming"> {
  const retryExceptions = method?.retryExceptions ?? false;
  return {
    returns: method?.numReturns ?? 1,
    backpressure: method?.backpressure ?? 0,
    maxTaskRetries: method?.maxTaskRetries ?? maxTaskRetries,
    retryExceptions: typeof retryExceptions === "boolean"
      ? retryExceptions
      : retryExceptions.map(({ name }) => name),
    ...(method?.timeoutMs === undefined ? {} : { timeoutMs: method.timeoutMs }),
    ...(method?.concurrencyGroup === undefined
      ? {}
      : { concurrencyGroup: method.concurrencyGroup }),
  };
}
