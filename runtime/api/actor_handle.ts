// The handle of an actor: its methods, each callable remotely. It keeps the
// actor alive by its hold, and looks like a plain object to the user.

import { PendingCallsLimitError } from "../base/errors.ts";
import type { WireMethod } from "../protocol/node_messages.ts";
import { checkArity, namedRetryRule, retryRule } from "./calls.ts";
import {
  checkConcurrencyGroup,
  mergeOptions,
  resolveMethodOptions,
} from "./options.ts";
import type { MethodOptions } from "./option_types.ts";
import { currentSession } from "./session.ts";
import type {
  ActorHold,
  Callable,
  MethodCall,
  Session,
} from "./session_port.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const DENO_INSPECT = Symbol.for("Deno.customInspect");

/** What a handle is made of; its methods are added by `makeHandle`. */
export class ActorHandle {
  #hold: ActorHold | undefined;
  readonly #text: string;
  readonly #callers = new Map<string, Callable>();
  readonly #methods = new Map<WireMethod, HandleMethod>();
  #session: Session | undefined;

  constructor(hold: ActorHold) {
    this.#hold = hold;
    hold.attach(this);
    this.#text = `ActorHandle(${hold.interface.className}, ${hold.actorId})`;
  }

  /** Gives this handle up; the actor ends when it was the last. */
  [Symbol.dispose](): void {
    const hold = this.#hold;
    this.#hold = undefined;
    this.#callers.clear();
    hold?.detach(this);
  }

  [INSPECT](): string {
    return this.#text;
  }

  [DENO_INSPECT](): string {
    return this.#text;
  }

  /** What keeps the actor alive; throws when the handle was given up. */
  static hold(handle: ActorHandle): ActorHold {
    if (handle.#hold) return handle.#hold;
    throw new TypeError(
      `Cannot use ${handle.#text}: this handle was disposed of`,
    );
  }

  /** Whether a value is a handle, and not just shaped like one. */
  static is(value: unknown): value is ActorHandle {
    return typeof value === "object" && value !== null && #hold in value;
  }

  /** Made once: a loop of calls asks for it each time. */
  static method(handle: ActorHandle, method: WireMethod): HandleMethod {
    let made = handle.#methods.get(method);
    if (!made) handle.#methods.set(method, made = makeMethod(handle, method));
    return made;
  }

  /** The caller of a method with the options of its class. */
  static caller(handle: ActorHandle, method: WireMethod): Callable {
    const session = currentSession();
    if (handle.#session !== session) handle.#callers.clear();
    handle.#session = session;
    let caller = handle.#callers.get(method.name);
    if (!caller) {
      const call = callOf(handle.#hold!.interface.className, method);
      caller = session.methodCaller(ActorHandle.hold(handle), call);
      handle.#callers.set(method.name, caller);
    }
    return caller;
  }
}

/** A method of a handle; calling it directly says what to do instead. */
interface HandleMethod {
  (): never;
  remote(...args: unknown[]): unknown;
  options(overrides: MethodOptions): HandleMethod;
}

function makeMethod(
  handle: ActorHandle,
  method: WireMethod,
  options?: MethodOptions,
): HandleMethod {
  const refuse = (): never => {
    const { className } = ActorHandle.hold(handle).interface;
    throw new TypeError(
      `Cannot call ${className}.${method.name} directly: it runs in its ` +
        `actor. Use .${method.name}.remote(…), and get() for the result`,
    );
  };
  return Object.assign(refuse, {
    remote: (...args: unknown[]) => callMethod(handle, method, options, args),
    options: (overrides: MethodOptions) => {
      const merged = mergeOptions(options ?? {}, overrides);
      const kind = method.streaming ? "generator" : "plain";
      resolveMethodOptions(merged, undefined, kind);
      const { concurrencyGroups = [] } = ActorHandle.hold(handle).interface;
      checkConcurrencyGroup(merged.concurrencyGroup, concurrencyGroups);
      return makeMethod(handle, method, merged);
    },
  });
}

function callMethod(
  handle: ActorHandle,
  method: WireMethod,
  options: MethodOptions | undefined,
  args: unknown[],
): unknown {
  const hold = ActorHandle.hold(handle);
  const { name, arity } = method;
  const { className, maxPendingCalls } = hold.interface;
  if (arity) {
    const [least, most] = arity;
    checkArity(`${className}.${name}`, { least, most }, args.length);
  }
  if (maxPendingCalls !== Infinity) checkPending(hold);
  if (!options) return ActorHandle.caller(handle, method).call(args);
  const call = overriddenCall(className, method, options);
  return currentSession().methodCaller(hold, call).call(args);
}

function checkPending(hold: ActorHold): void {
  const { className, maxPendingCalls } = hold.interface;
  const pending = currentSession().pendingCalls(hold);
  if (pending < maxPendingCalls) return;
  throw new PendingCallsLimitError(
    `Cannot call ${className}: ${pending} calls of this handle are ` +
      `unfinished and its maxPendingCalls is ${maxPendingCalls}. Wait for ` +
      "some of them first",
    { details: { maxPendingCalls } },
  );
}

function callOf(className: string, method: WireMethod): MethodCall {
  return {
    method: method.name,
    name: `${className}.${method.name}`,
    returns: method.streaming ? -1 : method.returns,
    backpressure: method.backpressure,
    timeoutMs: method.timeoutMs,
    maxRetries: method.maxTaskRetries,
    retries: namedRetryRule(method.retryExceptions),
    concurrencyGroup: method.concurrencyGroup,
  };
}

function overriddenCall(
  className: string,
  method: WireMethod,
  options: MethodOptions,
): MethodCall {
  const kind = method.streaming ? "generator" : "plain";
  const resolved = resolveMethodOptions(options, undefined, kind);
  const base = callOf(className, method);
  return {
    ...base,
    name: resolved.name ?? base.name,
    returns: method.streaming || options.numReturns === undefined
      ? base.returns
      : resolved.numReturns,
    backpressure: resolved.backpressure ?? base.backpressure,
    timeoutMs: resolved.timeoutMs ?? base.timeoutMs,
    maxRetries: resolved.maxTaskRetries ?? base.maxRetries,
    retries: options.retryExceptions === undefined
      ? base.retries
      : retryRule(resolved.retryExceptions),
    concurrencyGroup: resolved.concurrencyGroup ?? base.concurrencyGroup,
  };
}

/** Prototypes with the methods of an interface, one per interface. */
const PROTOTYPES = new WeakMap<object, object>();

/** Makes a handle with the methods of the actor's class. */
export function makeHandle(hold: ActorHold): ActorHandle {
  const handle = new ActorHandle(hold);
  Object.setPrototypeOf(handle, prototypeOf(hold));
  return handle;
}

function prototypeOf({ interface: shape }: ActorHold): object {
  let prototype = PROTOTYPES.get(shape);
  if (prototype) return prototype;
  prototype = Object.create(refuseUnknown(shape.className, shape.methods));
  for (const method of shape.methods) {
    Object.defineProperty(prototype, method.name, {
      enumerable: true,
      get(this: ActorHandle) {
        return ActorHandle.method(this, method);
      },
    });
  }
  PROTOTYPES.set(shape, prototype!);
  return prototype!;
}

/** Reached for names that the class does not have as methods. */
function refuseUnknown(
  className: string,
  methods: readonly WireMethod[],
): object {
  return new Proxy(ActorHandle.prototype, {
    get(target, name, receiver) {
      const isOurs = typeof name === "symbol" || name in target;
      // `then` is asked for by every await, `toJSON` by JSON.stringify.
      if (isOurs || name === "then" || name === "toJSON") {
        return Reflect.get(target, name, receiver);
      }
      const known = methods.map((method) => method.name).join(", ");
      throw new TypeError(
        `Cannot call ${className}.${name}: the class has no such public ` +
          `method. It has: ${known || "none"}`,
      );
    },
  });
}
