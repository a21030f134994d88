// Which isolation a task or an actor can have in this version: that of a
// thread. Refuses the others at the call, before anything is sent.

import { TaskUnschedulableError } from "./base/errors.ts";

/** The isolation, if there is a place with it; `what` names the caller's. */
export function isolationOf<I extends "thread" | "process" | "shared">(
  what: string,
  isolation: I,
): Exclude<I, "process"> {
  if (isolation !== "process") return isolation as Exclude<I, "process">;
  throw new TaskUnschedulableError(
    `Cannot run ${what} in a process of its own: this version has no ` +
      'isolation "process". Leave the option "isolation" out, or set it to ' +
      '"thread"',
  );
}
