// What `remote(fn)` gives for a function: a way to start tasks of it, and the
// plain function as `.local`.

import type { FunctionKind } from "./function_kind.ts";
import { checkArity, retryRule } from "./calls.ts";
import { mergeOptions, resolveTaskOptions } from "./options.ts";
import type { TaskOptions } from "./option_types.ts";
import { currentSession } from "./session.ts";
import type { Callable, Session, ShippableCode } from "./session_port.ts";

type AnyTarget = (...args: never[]) => unknown;

/** What a remote function is made of; kept beside the function itself. */
export interface RemoteFunctionParts {
  readonly target: AnyTarget | undefined;
  readonly code: ShippableCode;
  readonly kind: FunctionKind;
  readonly options: TaskOptions;
}

const PARTS = new WeakMap<object, RemoteFunctionParts>();

/** The parts of a remote function; undefined for anything else. */
export function remoteFunctionParts(
  value: unknown,
): RemoteFunctionParts | undefined {
  return typeof value === "function" ? PARTS.get(value) : undefined;
}

/** Makes the remote form of a function. */
export function makeRemoteFunction(parts: RemoteFunctionParts): unknown {
  const { code, options, kind, target } = parts;
  const resolved = resolveTaskOptions(options, undefined, kind);
  const name = resolved.name ?? code.name;
  let caller: { readonly session: Session; readonly callable: Callable };

  function callerOf(session: Session): Callable {
    if (caller?.session === session) return caller.callable;
    code.analyse();
    const callable = session.taskCaller({
      code,
      name,
      options: resolved,
      retries: retryRule(resolved.retryExceptions),
    });
    caller = { session, callable };
    return callable;
  }

  function remoteFunction(): never {
    throw new TypeError(
      `Cannot call ${name} directly: it is a remote function. Use ` +
        `${name}.remote() to run it as a task, or ${name}.local() to run it ` +
        "here",
    );
  }
  const members = {
    remote(...args: unknown[]): unknown {
      const callable = callerOf(currentSession());
      checkArity(name, code.arity(), args.length);
      return callable.call(args);
    },
    options(overrides: TaskOptions): unknown {
      // Checked by themselves first, so that the error names what was given.
      resolveTaskOptions(options, overrides, kind);
      return makeRemoteFunction({
        ...parts,
        options: mergeOptions(options, overrides),
      });
    },
  };
  Object.defineProperties(remoteFunction, {
    name: { value: name },
    remote: { value: members.remote },
    options: { value: members.options },
    local: { get: () => localOf(target, name) },
  });
  PARTS.set(remoteFunction, parts);
  return remoteFunction;
}

function localOf(target: AnyTarget | undefined, name: string): AnyTarget {
  if (target) return target;
  throw new TypeError(
    `Cannot run ${name} here: this remote function came in a value, and its ` +
      "code is loaded where it runs",
  );
}
