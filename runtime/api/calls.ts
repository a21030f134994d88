// What calls of functions and of methods have in common: the number of
// arguments, which failures are retried, what a direct call says.

import type { ErrorClass } from "./option_types.ts";
import type { Arity } from "./session_port.ts";

/** Throws when a function of fixed arity is given another number. */
export function checkArity(
  name: string,
  arity: Arity | undefined,
  count: number,
): void {
  if (!arity || (count >= arity.least && count <= arity.most)) return;
  const { least, most } = arity;
  const wanted = least === most
    ? `${least} argument${least === 1 ? "" : "s"}`
    : most === Infinity
    ? `at least ${least} argument${least === 1 ? "" : "s"}`
    : `${least} to ${most} arguments`;
  throw new TypeError(`Cannot call ${name}: it takes ${wanted}, got ${count}`);
}

/** Whether a failure of user code is to be retried. */
export function retryRule(
  retryExceptions: boolean | readonly ErrorClass[],
): (error: unknown) => boolean {
  if (typeof retryExceptions === "boolean") return () => retryExceptions;
  const names = retryExceptions.map(({ name }) => name);
  return (error) =>
    retryExceptions.some((errorClass) => error instanceof errorClass) ||
    namedRetryRule(names)(error);
}

/** As {@linkcode retryRule}, where only the names of the classes are known. */
export function namedRetryRule(
  retryExceptions: boolean | readonly string[],
): (error: unknown) => boolean {
  if (typeof retryExceptions === "boolean") return () => retryExceptions;
  return (error) =>
    error instanceof Error && retryExceptions.includes(error.name);
}
