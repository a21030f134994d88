// The arguments of tasks, calls and constructors on their last leg: from the
// wire to the values that user code is called with.

import type { WireArguments, WireCode } from "../protocol/messages.ts";
import type { ExecutorPorts } from "./ports.ts";
import type { TaskRun } from "./task_run.ts";

/** The run's arguments as values; a promise when the store must be asked. */
export function argumentsOf(
  run: TaskRun,
  ports: ExecutorPorts,
): readonly unknown[] | Promise<readonly unknown[]> {
  const { args } = run;
  run.args = null;
  const codeHash = run.template.spec.code?.hash ?? run.slot.actor?.codeHash;
  return valuesOf(args, codeHash, ports);
}

/** The arguments of an actor's constructor, as values. */
export function actorArguments(
  { args, code }: { readonly args: WireArguments; readonly code: WireCode },
  ports: ExecutorPorts,
): readonly unknown[] | Promise<readonly unknown[]> {
  return valuesOf(args, code.hash, ports);
}

function valuesOf(
  args: WireArguments,
  codeHash: string | undefined,
  ports: ExecutorPorts,
): readonly unknown[] | Promise<readonly unknown[]> {
  if (args === null) return [];
  const decode = (bytes: Uint8Array, share: boolean) =>
    ports.codec.within(codeHash, () => ports.codec.decode(bytes, share));
  if (args instanceof Uint8Array) return decode(args, false) as unknown[];
  if (!("parts" in args)) return args;
  const values = args.parts.map((part) => {
    if ("v" in part) return part.v;
    if ("p" in part) return decode(part.p, false);
    return ports.store.open(...part.o).then((bytes) => decode(bytes, true));
  });
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values)
    : values;
}
