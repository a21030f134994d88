// Ships functions that are in no file: what a REPL or `eval` defined. Their
// text is what the runtime prints for them, and what they use is looked up in
// the global scope, where a REPL keeps its names.

import { CaptureError } from "../base/errors.ts";
import { describeFunction } from "./find_target.ts";
import { analyseScopes } from "./scope_builder.ts";
import { parseModule } from "./syntax.ts";
import { BUNDLE_API } from "./render_slice.ts";

// deno-lint-ignore ban-types -- Classes are functions, too, and not callable.
type AnyFunction = Function;

/** The module that a function in no file is shipped as. */
export function replText(
  fn: AnyFunction,
): { readonly text: string; readonly exportName: string } {
  const collector = new ReplCollector();
  const source = collector.include(fn, fn.name);
  const exportName = "repl:1:1";
  const offer = `${BUNDLE_API}.site("${exportName}", () => ${source.value});`;
  return { text: [...collector.lines, offer].join("\n"), exportName };
}

let api: Readonly<Record<string, unknown>> = {};

/**
 * Says what the public API is, by its names: a REPL's functions use the
 * executor's API and not a copy of the driver's.
 */
export function recogniseApi(names: Readonly<Record<string, unknown>>): void {
  api = names;
}

class ReplCollector {
  readonly lines: string[] = [];
  readonly #names = new Set<string>();
  #sites = 1;

  /** Adds what the function uses; gives the expression that it is. */
  include(fn: AnyFunction, name: string): { readonly value: string } {
    const printed = Function.prototype.toString.call(fn);
    const text = expressionText(printed);
    if (text === undefined) {
      throw new CaptureError(
        `Cannot ship "${name}": its source is not available. Pass remote() ` +
          `a function or class with a body of its own`,
        { details: { captures: [] } },
      );
    }
    for (const [used, line] of freeNames(text)) this.#resolve(used, line, fn);
    return { value: `(${text})` };
  }

  #resolve(name: string, line: number, user: AnyFunction): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    const value = globalValue(name);
    if (value === undefined) throw unknownName(name, line, user);
    if (value.isBuiltin) return;
    const text = this.#valueText(value.value, name);
    if (text === undefined) throw unknownName(name, line, user);
    this.lines.push(`var ${name} = ${text};`);
  }

  #valueText(value: unknown, name: string): string | undefined {
    if (isApi(value)) return BUNDLE_API;
    const known = apiName(value);
    if (known !== undefined) return `${BUNDLE_API}[${JSON.stringify(known)}]`;
    const local = remoteTarget(value);
    if (local) {
      const site = JSON.stringify(`repl:${++this.#sites}:1`);
      const { value: text } = this.include(local, name);
      return `${BUNDLE_API}.siteRemote(${site},{})(${text})`;
    }
    if (typeof value === "function") return this.include(value, name).value;
    return plainText(value);
  }
}

/** Methods are printed without `function`: they stand in an object. */
function expressionText(printed: string): string | undefined {
  const forms = [printed, `Object.values({${printed}})[0]`];
  for (const form of forms) {
    try {
      parseModule(`(${form})`, "repl.js");
      if (!printed.includes("[native code]")) return form;
    } catch { // Try the other form.
      continue;
    }
  }
  return undefined;
}

function freeNames(text: string): Map<string, number> {
  const module = analyseScopes(parseModule(`(${text})`, "repl.js"));
  const names = new Map<string, number>();
  for (const { name, binding, node } of module.references) {
    if (!binding && !names.has(name)) names.set(name, node.loc.start.line);
  }
  for (const implicit of ["this", "super", "new.target"]) {
    names.delete(implicit);
  }
  return names;
}

/** The value that a name has for indirect `eval`: the REPL's global scope. */
function globalValue(
  name: string,
): { readonly value: unknown; readonly isBuiltin: boolean } | undefined {
  const indirectEval = eval;
  try {
    const value: unknown = indirectEval(name);
    return { value, isBuiltin: isBuiltin(name) };
  } catch { // No such name there.
    return undefined;
  }
}

/** The global names from before this module was loaded. */
const EARLY_NAMES: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(globalThis),
);

/** What a REPL declares cannot be deleted; the runtime's own globals can. */
function isBuiltin(name: string): boolean {
  const found = Object.getOwnPropertyDescriptor(globalThis, name);
  if (!found || !EARLY_NAMES.has(name)) return false;
  return found.configurable === true || found.writable === false;
}

/** Whether a value is all of the API, as `import * as manta` gives it. */
function isApi(value: unknown): boolean {
  return typeof value === "object" && value !== null && "remote" in value &&
    value.remote === api["remote"] && value.remote !== undefined;
}

function apiName(value: unknown): string | undefined {
  if (typeof value !== "function") return undefined;
  return Object.entries(api).find(([, each]) => each === value)?.[0];
}

function remoteTarget(value: unknown): AnyFunction | undefined {
  if (typeof value !== "function" && typeof value !== "object") {
    return undefined;
  }
  if (value === null || !("local" in value) || !("remote" in value)) {
    return undefined;
  }
  return typeof value.local === "function" ? value.local : undefined;
}

/** Only what JSON gives back as it was. */
function plainText(value: unknown): string | undefined {
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  const text = JSON.stringify(value);
  return isPlain(value) ? text : undefined;
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object") {
    return typeof value !== "symbol" && typeof value !== "function";
  }
  if (Array.isArray(value)) return value.every(isPlain);
  return Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every(isPlain);
}

function unknownName(
  name: string,
  line: number,
  user: AnyFunction,
): CaptureError {
  const captures = [{ name, line }];
  return new CaptureError(
    `Cannot ship ${
      describeFunction(user)
    }: it uses "${name}" (line ${line}), which ` +
      `only the driver has. Pass it as an argument, or put() it and pass ` +
      `the ref`,
    { details: { captures } },
  );
}
