// Reads the values of options as people write them. Each function throws a
// `SyntaxError` for what it cannot read: the parser shows its message.

import { isIP } from "node:net";

const PORT_MAX = 65_535;
const UNITS = "kmgt";

/** A port's number; 0 is any that is free. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= PORT_MAX) return port;
  throw new SyntaxError(`Expected a port from 0 to ${PORT_MAX}`);
}

/** A number of CPUs and the like. */
export function parseCount(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new SyntaxError("Expected a number, such as 2 or 0.5");
}

/** A size in bytes, or in units of 1,024 bytes and their powers. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])i?b?|b)?$/i.exec(text);
  if (!match) {
    throw new SyntaxError("Expected bytes, such as 1000000, 512M or 20G");
  }
  const [, amount, unit] = match;
  const power = unit === undefined ? 0 : UNITS.indexOf(unit.toLowerCase()) + 1;
  return Math.floor(Number(amount) * 1024 ** power);
}

/** Amounts by name, as JSON. */
export function parseResources(text: string): Record<string, number> {
  const wanted = 'Expected a JSON object of numbers, such as {"license": 2}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError(wanted);
  }
  const isObject = typeof value === "object" && value !== null &&
    !Array.isArray(value);
  if (!isObject) throw new SyntaxError(wanted);
  const amounts = Object.values(value as Record<string, unknown>);
  if (amounts.some((amount) => typeof amount !== "number")) {
    throw new SyntaxError(wanted);
  }
  return value as Record<string, number>;
}

/** Names of hosts and addresses, without ports or brackets. */
export function parseNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every(isHostname)) return names;
  throw new SyntaxError(
    "Expected names or addresses without ports, such as example.org,10.0.0.5",
  );
}

/** Whether this can be the name or the address of a machine. */
export function isHostname(text: string): boolean {
  return isIP(text) !== 0 || /^[A-Za-z0-9._-]+$/.test(text);
}

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

/** Whether this is `host:port`. */
export function isAddress(text: string): boolean {
  return ADDRESS.test(text) && URL.canParse(`ws://${text}`);
}

/** Pairs of names and values with commas between. */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const pair of text.split(",")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at < 0 || name === "") {
      throw new SyntaxError(
        "Expected name=value pairs, such as zone=a,disk=ssd",
      );
    }
    if (Object.hasOwn(labels, name)) {
      throw new SyntaxError(`Expected each label once, and "${name}" is twice`);
    }
    labels[name] = pair.slice(at + 1).trim();
  }
  return labels;
}
