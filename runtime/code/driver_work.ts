// Which top-level variables are the driver's own: those whose value comes from
// its session, such as `const images = await put(…)`. Making them again in
// every executor would run the driver there.

import type { Fragment } from "./fragments.ts";
import type { ModuleSyntax } from "./module_syntax.ts";
import { contains } from "./scope.ts";
import { mantaCallee } from "./sites.ts";
import { child, textOf } from "./syntax.ts";

/** Calls that ask nothing of a session. */
const SESSION_FREE: ReadonlySet<string> = new Set([
  "remote",
  "registerSerializer",
]);

/** Whether keeping the part would do the driver's work in an executor. */
export function driverWork(module: ModuleSyntax, fragment: Fragment): boolean {
  if (fragment.kind !== "variable" && fragment.kind !== "assignment") {
    return false;
  }
  return module.calls.some((call) => {
    // A call in an inner function is made when that is called, not on load.
    if (call.scope.kind !== "module") return false;
    if (!contains(fragment.node, call.node)) return false;
    const name = mantaCallee(module, call);
    if (name !== undefined) return isSessionCall(name);
    const callee = child(call.node, "callee");
    const isMember = callee?.type === "MemberExpression";
    return isMember && textOf(child(callee, "property"), "name") === "remote";
  });
}

/** Functions are in lower case; `new` of a class is no call. */
function isSessionCall(name: string): boolean {
  return !SESSION_FREE.has(name) && /^[a-z]/.test(name);
}
