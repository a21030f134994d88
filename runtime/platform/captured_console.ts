// A console that prints to a callback. The common methods are done here, so
// that they look as on the runtime and a thread that prints little loads
// little; the rest is done by `node:console`, loaded when first used.

import process from "node:process";
import type { OutputStream } from "./platform.ts";

type WriteOutput = (stream: OutputStream, text: string) => void;

type Print = (...args: unknown[]) => void;

const GROUP_INDENT = "  ";

const STREAMS = {
  log: "stdout",
  info: "stdout",
  debug: "stdout",
  warn: "stderr",
  error: "stderr",
} as const satisfies Record<string, OutputStream>;

/** Methods that Node's console does as both runtimes do. */
const DELEGATED = [
  "count",
  "countReset",
  "dir",
  "dirxml",
  "table",
  "time",
  "timeEnd",
  "timeLog",
] as const;

/** Console methods by name, to be laid over a global console. */
export function createCapturedConsole(
  write: WriteOutput,
  inspect: (value: unknown) => string,
): Record<string, Print> {
  let indent = "";
  let nodeConsole: Record<string, Print> | undefined;
  const writeIndented: WriteOutput = (stream, text) =>
    write(stream, indent ? text.replace(/^(?=.)/gm, indent) : text);
  const print = (stream: OutputStream): Print => (...args) =>
    writeIndented(stream, formatArguments(args, inspect) + "\n");

  const methods: Record<string, Print> = {};
  for (const [name, stream] of Object.entries(STREAMS)) {
    methods[name] = print(stream);
  }
  methods["group"] = (...label) => {
    if (label.length > 0) print("stdout")(...label);
    indent += GROUP_INDENT;
  };
  methods["groupCollapsed"] = methods["group"];
  methods["groupEnd"] = () => {
    indent = indent.slice(GROUP_INDENT.length);
  };
  methods["assert"] = (condition, ...args) => {
    if (!condition) print("stderr")(...assertionMessage(args));
  };
  methods["trace"] = (...args) => {
    const stack = new Error().stack?.split("\n").slice(2).join("\n") ?? "";
    const text = formatArguments(["Trace:", ...args], inspect);
    writeIndented("stderr", `${text}\n${stack}\n`);
  };
  methods["clear"] = () => {};
  for (const name of DELEGATED) {
    methods[name] = (...args) => {
      nodeConsole ??= createNodeConsole(writeIndented);
      nodeConsole[name]?.(...args);
    };
  }
  return methods;
}

function formatArguments(
  args: readonly unknown[],
  inspect: (value: unknown) => string,
): string {
  const [first] = args;
  if (typeof first === "string" && args.length > 1 && first.includes("%")) {
    return process.getBuiltinModule("node:util").format(...args);
  }
  return args.map((value) => typeof value === "string" ? value : inspect(value))
    .join(" ");
}

function assertionMessage(args: readonly unknown[]): unknown[] {
  const [first, ...others] = args;
  if (args.length === 0) return ["Assertion failed"];
  if (typeof first !== "string") return ["Assertion failed", ...args];
  return [`Assertion failed: ${first}`, ...others];
}

function createNodeConsole(write: WriteOutput): Record<string, Print> {
  const { Console } = process.getBuiltinModule("node:console");
  const { Writable } = process.getBuiltinModule("node:stream");
  const stream = (name: OutputStream) => {
    const writable = new Writable();
    writable.write = (chunk: unknown) => {
      write(name, String(chunk));
      return true;
    };
    return writable;
  };
  return new Console({
    stdout: stream("stdout"),
    stderr: stream("stderr"),
  }) as unknown as Record<string, Print>;
}
