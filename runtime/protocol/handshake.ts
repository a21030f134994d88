// What is said before a session: who may connect to a node. Pure: it judges
// the headers of a request, and logs nothing, since a verdict must never hold
// a token. Every method and every upgrade is judged by the same rules: a page
// in a browser must not speak to a node, whatever name it found it by.

import { createHash, timingSafeEqual } from "node:crypto";
import {
  AuthenticationError,
  ConnectionError,
  type MantaError,
} from "../base/errors.ts";
import { TOKEN_CHARACTERS_MAX } from "../base/limits.ts";
import type { AttemptLimit } from "./attempt_limit.ts";

/** Of what this build says; both sides must say the same. */
export const PROTOCOL_VERSION = 1;

/** Where drivers connect. */
export const CONNECT_PATH = "/connect";

const PROTOCOL_HEADER = "manta-protocol";
const SESSION_HEADER = "manta-session";
const RESUME_HEADER = "manta-resume";
const REASON_HEADER = "manta-reason";

/** A session's name: random, made by the driver. */
const SESSION_NAME = /^[0-9a-f]{32}$/;
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** Compares tokens in a time that tells nothing of them. */
export class TokenCheck {
  readonly #digest: Uint8Array;

  constructor(token: string) {
    if (token.length === 0 || token.length > TOKEN_CHARACTERS_MAX) {
      throw new RangeError(
        `Cannot use a token of ${token.length} characters: it must have 1 to ` +
          `${TOKEN_CHARACTERS_MAX}`,
      );
    }
    this.#digest = digestOf(token);
  }

  /** Whether an `Authorization` header brings the token. */
  allows(authorization: string | null): boolean {
    const isLong = (authorization?.length ?? 0) > 2 * TOKEN_CHARACTERS_MAX;
    const given = isLong ? undefined : BEARER.exec(authorization ?? "")?.[1];
    const isEqual = timingSafeEqual(digestOf(given ?? ""), this.#digest);
    return isEqual && given !== undefined;
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** What a request is judged by. */
export interface HandshakeRules {
  readonly token: TokenCheck;
  /** Values of `Host` that name this node; see `hostsOf`. */
  readonly hosts: ReadonlySet<string>;
  /** Makes who guesses tokens wait. */
  readonly attempts?: AttemptLimit;
}

/** The part of a request that is judged. */
export interface HandshakeRequest {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** The address that it comes from. */
  readonly from?: string;
}

export type HandshakeVerdict =
  | {
    readonly type: "accepted";
    /** The driver's session, to be found again after a break. */
    readonly session: string;
    /** Whether the driver goes on with a session that has been. */
    readonly isResumed: boolean;
  }
  | {
    readonly type: "refused";
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** For people; holds nothing that the request said. */
    readonly reason: string;
  };

/** Whether a request may open a session. */
export function judgeHandshake(
  request: HandshakeRequest,
  rules: HandshakeRules,
): HandshakeVerdict {
  const refusal = judgeAccess(request, rules);
  if (refusal) return refusal;
  const { headers } = request;
  if (headers.get(PROTOCOL_HEADER) !== String(PROTOCOL_VERSION)) {
    return refused(
      426,
      `this node speaks version ${PROTOCOL_VERSION} of the protocol`,
      { [PROTOCOL_HEADER]: String(PROTOCOL_VERSION) },
    );
  }
  const session = headers.get(SESSION_HEADER) ?? "";
  if (!SESSION_NAME.test(session)) return refused(400, "it names no session");
  const isResumed = headers.get(RESUME_HEADER) === "1";
  return { type: "accepted", session, isResumed };
}

/**
 * What refuses a request of any kind, for every endpoint of a node that is not
 * meant for browsers: undefined when it may go on.
 */
export function judgeAccess(
  { url, headers, from = "" }: HandshakeRequest,
  { token, hosts, attempts }: HandshakeRules,
): Extract<HandshakeVerdict, { type: "refused" }> | undefined {
  const isRight = token.allows(headers.get("authorization"));
  const waitMs = attempts?.note(from, isRight) ?? 0;
  if (waitMs > 0) {
    return refused(429, "too many wrong tokens have come from its address", {
      "retry-after": String(Math.ceil(waitMs / 1_000)),
    });
  }
  if (!isRight) {
    return refused(401, "it brings no valid token", {
      "www-authenticate": "Bearer",
    });
  }
  if (!hosts.has(headers.get("host")?.toLowerCase() ?? "")) {
    return refused(403, "its Host is no address of this node");
  }
  // Browsers say where a page comes from; nothing else does.
  const isOfPage = headers.get("origin") !== null ||
    headers.get("sec-fetch-site") !== null;
  if (isOfPage) return refused(403, "it comes from a page in a browser");
  if (url.includes("?") || url.includes("@")) {
    return refused(
      400,
      "its URL has more than a path: secrets would be logged",
    );
  }
  return undefined;
}

function refused(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Extract<HandshakeVerdict, { type: "refused" }> {
  return { type: "refused", status, reason, headers };
}

/** The answer to a request that was refused; says nothing without the token. */
export function refusalResponse(refusal: {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}): Response {
  const { status, headers } = refusal;
  const ours = { [PROTOCOL_HEADER]: String(PROTOCOL_VERSION) };
  return new Response(null, { status, headers: headers ?? ours });
}

/** Tells who has the token why its session was ended. */
export function reasonHeaders(reason: string): Record<string, string> {
  const shown = reason.toWellFormed().slice(0, REASON_CHARACTERS_MAX);
  return { [REASON_HEADER]: encodeURIComponent(shown.toWellFormed()) };
}

/** What `reasonHeaders` has said, if it has. */
export function reasonOf(
  headers: { get(name: string): string | null },
): string | undefined {
  const text = headers.get(REASON_HEADER);
  if (text === null || !URI_TEXT.test(text)) return undefined;
  return text.replaceAll(/(%[0-9A-F]{2})+/g, (bytes) => {
    const decoded = Uint8Array.fromHex(bytes.replaceAll("%", ""));
    return new TextDecoder().decode(decoded);
  });
}

const REASON_CHARACTERS_MAX = 512;
/** Each character may take three bytes, and each of those three characters. */
const URI_TEXT = /^([\w.!~*'()-]|%[0-9A-F]{2}){1,4608}$/;

/** What a driver says in its request. */
export function handshakeHeaders(options: {
  readonly token: string;
  readonly session: string;
  readonly isResumed: boolean;
}): Record<string, string> {
  const { token, session, isResumed } = options;
  return {
    authorization: `Bearer ${token}`,
    [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
    [SESSION_HEADER]: session,
    ...(isResumed ? { [RESUME_HEADER]: "1" } : {}),
  };
}

/** Why a node has refused a driver, as an error for its user. */
export function refusalError(
  address: string,
  status: number,
  headers: { get(name: string): string | null },
): MantaError {
  const theirs = headers.get(PROTOCOL_HEADER);
  if (status === 401) {
    return new AuthenticationError(
      `Cannot connect to ${address}: it refuses the token. Set MANTA_TOKEN to ` +
        "what `manta token --show` prints there",
    );
  }
  if (status === 429) {
    const seconds = /^\d{1,6}$/.exec(headers.get("retry-after") ?? "")?.[0];
    return new AuthenticationError(
      `Cannot connect to ${address}: too many wrong tokens have come from ` +
        `this machine. Try again in ${seconds ?? "some"} s`,
    );
  }
  if (status === 426 && theirs !== null) {
    return new ConnectionError(
      `Cannot connect to ${address}: it speaks version ${
        theirs.slice(0, 16)
      } of the protocol, and this driver version ${PROTOCOL_VERSION}. Use the ` +
        "same release on both sides",
    );
  }
  if (status === 403) {
    return new ConnectionError(
      `Cannot connect to ${address}: the node does not know itself by this ` +
        "name. Use an address that it listens on",
    );
  }
  if (theirs !== null) {
    return new ConnectionError(
      `Cannot connect to ${address}: the node takes no driver now (status ` +
        `${status}). Try again later`,
    );
  }
  return new ConnectionError(
    `Cannot connect to ${address}: what answers there is no node of Manta ` +
      `(status ${status})`,
  );
}

/** The values of `Host` that a node answers to. */
export function hostsOf(options: {
  /** Where it listens. */
  readonly hostname: string;
  readonly port: number;
  /** The machine's own addresses, for a node that listens on all of them. */
  readonly addresses: readonly string[];
  /** Other names that its user gave it. */
  readonly names?: readonly string[];
}): ReadonlySet<string> {
  const { hostname, port, addresses, names = [] } = options;
  const isEverywhere = hostname === "0.0.0.0" || hostname === "::";
  const all = new Set([hostname, ...names]);
  if (isEverywhere) { for (const address of addresses) all.add(address); }
  if (isEverywhere || isLoopback(hostname)) {
    for (const name of ["localhost", "127.0.0.1", "::1"]) all.add(name);
  }
  const hosts = new Set<string>();
  for (const name of all) {
    const host = name.includes(":") ? `[${name}]` : name.toLowerCase();
    hosts.add(`${host}:${port}`);
    if (port === 80 || port === 443) hosts.add(host);
  }
  return hosts;
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(hostname);
}
