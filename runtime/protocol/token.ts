// What a token is: a secret that a node asks for and, for a node with TLS, the
// fingerprint of its certificate beside it. Who has such a token speaks TLS, and
// to that certificate only: nobody in between gets to see the secret.

import { randomBytes } from "node:crypto";
import { TOKEN_CHARACTERS_MAX } from "../base/limits.ts";

const SECRET_BYTES = 32;
const PIN_PREFIX = "~sha256-";
/** A secret that fits into a header, then the fingerprint, if there is one. */
const TOKEN = /^([A-Za-z0-9._~+/=-]+?)(?:~sha256-([A-Za-z0-9_-]{43}))?$/;

/** A token in its parts. */
export interface TokenParts {
  /** What the node compares; the only part that is ever sent. */
  readonly secret: string;
  /** SHA-256 of the node's certificate in DER, as base64url. */
  readonly pin?: string;
}

/** Makes a secret that nobody can guess. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** The parts of a token; undefined for what cannot be one. */
export function splitToken(token: string): TokenParts | undefined {
  if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
  const [, secret, pin] = TOKEN.exec(token) ?? [];
  if (secret === undefined) return undefined;
  return pin === undefined ? { secret } : { secret, pin };
}

/** The token that is made of these parts. */
export function joinToken({ secret, pin }: TokenParts): string {
  return pin === undefined ? secret : `${secret}${PIN_PREFIX}${pin}`;
}
