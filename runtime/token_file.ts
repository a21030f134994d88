// The user's own files about clusters: the token that the user's nodes ask for,
// and the certificate of those with TLS. They outlive the nodes, so that what
// was told to other machines stays true when a node is started again.

import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { AuthenticationError } from "./base/errors.ts";
import {
  addPrivateFile,
  readPrivateFile,
  writePrivateFile,
} from "./platform/private_file.ts";
import { newSecret, splitToken } from "./protocol/token.ts";

/** Something that is kept in a file, or at least tried. */
export interface Kept<Value> {
  readonly value: Value;
  readonly path: string;
  /** Why it could not be kept: it lasts as long as this process. */
  readonly problem?: string;
}

/** Where the user's token is, or would be. */
export function tokenPath(): string {
  return join(configurationFolder(), "token");
}

/** Where the certificate of the user's nodes is, with its key, or would be. */
export function certificatePath(): string {
  return join(configurationFolder(), "tls.pem");
}

/**
 * The user's token; undefined if none was made yet.
 *
 * @throws {AuthenticationError} If the file holds no token, or is not private.
 */
export function readTokenFile(): string | undefined {
  const path = tokenPath();
  return checkToken(readPrivateFile(path), path);
}

/** The user's token, which is made when there is none. */
export function keepToken(): Kept<string> {
  const path = tokenPath();
  const kept = keepText(path, newSecret, readTokenFile);
  return { ...kept, value: checkToken(kept.value, path) ?? "" };
}

/** Makes another token, in place of the one that is there. */
export function writeToken(token: string = newSecret()): string {
  const path = tokenPath();
  checkToken(token, path);
  writePrivateFile(path, `${token}\n`);
  return token;
}

/** What `make` gives, if the file is not there yet. */
export function keepText(
  path: string,
  make: () => string,
  read: () => string | undefined = () => readPrivateFile(path),
): Kept<string> {
  let made: string | undefined;
  try {
    const present = read();
    if (present !== undefined) return { value: present, path };
    made = make();
    return { value: addPrivateFile(path, `${made}\n`), path };
  } catch (error) {
    if (error instanceof AuthenticationError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    return { value: made ?? make(), path, problem };
  }
}

/** Where the user's heads keep their state, unless they are told otherwise. */
export function stateFolder(): string {
  const base = process.env["XDG_STATE_HOME"] ?? "";
  return join(
    base.startsWith("/") ? base : join(homedir(), ".local", "state"),
    "manta",
  );
}

function checkToken(text: string | undefined, path: string) {
  if (text === undefined) return undefined;
  const token = text.trim();
  if (splitToken(token)) return token;
  const what = token === "" ? "it is empty" : "what it holds is no token";
  throw new AuthenticationError(
    `Cannot use the token in ${path}: ${what}. Make another one with ` +
      "`manta token --new`",
  );
}

/** As the XDG base directories have it; relative ones are to be ignored. */
function configurationFolder(): string {
  const base = process.env["XDG_CONFIG_HOME"] ?? "";
  return join(
    base.startsWith("/") ? base : join(homedir(), ".config"),
    "manta",
  );
}
