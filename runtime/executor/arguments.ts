// The arguments of tasks, calls and constructors on their last leg: from the
// wire to the values that user code is called with.

import type {
  WireArguments,
  WireCode,
  WireStored,
} from "../protocol/messages.ts";
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
  return valuesOf(args, { codeHash, run, ports });
}

/** The arguments of an actor's constructor, as values. */
export function actorArguments(
  { args, code }: { readonly args: WireArguments; readonly code: WireCode },
  ports: ExecutorPorts,
): readonly unknown[] | Promise<readonly unknown[]> {
  return valuesOf(args, { codeHash: code.hash, run: undefined, ports });
}

/** Who reads arguments. */
interface Reader {
  readonly codeHash: string | undefined;
  readonly run: TaskRun | undefined;
  readonly ports: ExecutorPorts;
}

function valuesOf(
  args: WireArguments,
  reader: Reader,
): readonly unknown[] | Promise<readonly unknown[]> {
  if (args === null) return [];
  if (args instanceof Uint8Array) {
    return decode(args, false, reader) as unknown[];
  }
  if (!("parts" in args)) return args;
  const values = args.parts.map((part) => {
    if ("v" in part) return part.v;
    if ("p" in part) return decode(part.p, false, reader);
    return opened(part, reader);
  });
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values)
    : values;
}

/** A value of the store, made again first if it has been lost. */
async function opened(stored: WireStored, reader: Reader): Promise<unknown> {
  const { store } = reader.ports;
  for (let tries = 1;; tries++) {
    const { o: [owner, number], at = number } = stored;
    const found = await store.open(owner, at).catch((error) =>
      store.again(stored, { error, tries }, reader.run)
    );
    if (found instanceof Uint8Array) return decode(found, true, reader);
    if ("v" in found) return found.v;
    if ("p" in found) return decode(found.p, false, reader);
    stored = found;
  }
}

function decode(
  bytes: Uint8Array,
  share: boolean,
  { codeHash, ports: { codec } }: Reader,
): unknown {
  return codec.within(codeHash, () => codec.decode(bytes, share));
}
