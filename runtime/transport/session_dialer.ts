// The driver's side of a connection: opens the first channel of a session, and
// another one after each break, until the session itself gives up.

import { randomBytes } from "node:crypto";
import {
  type Clock,
  systemClock,
  systemTimers,
  type Timers,
} from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import { RECONNECT_MS, RECONNECT_MS_MAX } from "../base/limits.ts";
import { type Connecting, openChannel } from "../platform/web_client.ts";
import {
  CONNECT_PATH,
  handshakeHeaders,
  reasonOf,
  refusalError,
} from "../protocol/handshake.ts";
import {
  RemoteSession,
  type RemoteSessionEnd,
  type RemoteSessionOptions,
} from "./remote_session.ts";

const SESSION_NAME_BYTES = 16;

export interface DialOptions extends
  Pick<
    RemoteSessionOptions,
    "onEnded" | "onReceived"
  > {
  readonly hostname: string;
  readonly port: number;
  readonly token: string;
  /** The certificate that the node's must be signed by; plain text without. */
  readonly ca?: string;
  /** Instead of it: the fingerprint of the node's certificate. */
  readonly pin?: string;
  /** How long one try may take. @default {CONNECT_MS_MAX} */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** @default {openChannel} */
  readonly openChannel?: typeof openChannel;
  /** Opens streams 0 and 1; called before anything can come. */
  readonly onSession: (session: RemoteSession) => void;
}

/**
 * Connects to a node. Rejects when the first try fails; later breaks are no
 * event but for `onEnded`, when none of the tries has helped in time.
 */
export async function dialSession(
  options: DialOptions,
): Promise<RemoteSession> {
  const { session, connected } = beginSession(options);
  await connected;
  return session;
}

/** The same; the session can be used at once, and is over if it fails. */
export function beginSession(options: DialOptions): {
  readonly session: RemoteSession;
  readonly connected: Promise<void>;
} {
  const dialer = new Dialer(options);
  const { session } = dialer;
  options.onSession(session);
  return { session, connected: dialer.begin() };
}

class Dialer {
  readonly session: RemoteSession;
  readonly #options: DialOptions;
  readonly #timers: Timers;
  readonly #name = randomBytes(SESSION_NAME_BYTES).toString("hex");
  #pauseMs = RECONNECT_MS;

  constructor(options: DialOptions) {
    const { clock = systemClock, timers = systemTimers } = options;
    this.#options = options;
    this.#timers = timers;
    this.session = new RemoteSession({
      // The name is new with each life of this side: one epoch is enough.
      epoch: 1,
      isNumbering: false,
      clock,
      timers,
      onEnded: options.onEnded,
      ...(options.onReceived ? { onReceived: options.onReceived } : {}),
      onDetached: () => {
        this.#pauseMs = RECONNECT_MS;
        this.#redial();
      },
    });
  }

  async begin(): Promise<void> {
    const first = await this.connect(false);
    if (first.type === "connected") return this.session.attach(first.channel);
    const { hostname, port } = this.#options;
    const error = first.type === "unreachable"
      ? first.error
      : refusalError(`${hostname}:${port}`, first.status, first.headers);
    this.session.over("not_connected");
    throw error;
  }

  connect(isResumed: boolean): Promise<Connecting> {
    const { hostname, port, token, ca, pin, timeoutMs } = this.#options;
    const headers = handshakeHeaders({ token, session: this.#name, isResumed });
    const open = this.#options.openChannel ?? openChannel;
    return open({
      hostname,
      port,
      path: CONNECT_PATH,
      headers,
      ...(ca === undefined ? {} : { ca }),
      ...(pin === undefined ? {} : { pin }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  async #redial(): Promise<void> {
    const { session } = this;
    if (session.end || session.isAttached) return;
    const connecting = await this.connect(true);
    if (connecting.type === "connected") {
      return session.attach(connecting.channel);
    }
    if (session.end) return;
    if (connecting.type === "answered" && FINAL[connecting.status]) {
      const reason = reasonOf(connecting.headers);
      if (reason !== undefined) session.brokenBy = new ProtocolError(reason);
      return session.over(FINAL[connecting.status]!);
    }
    this.#timers.after(this.#pauseMs, () => void this.#redial());
    this.#pauseMs = Math.min(this.#pauseMs * 2, RECONNECT_MS_MAX);
  }
}

/** The node does not know the session that a driver goes on with. */
export const GONE = 410;

/** The node has ended the session that a driver goes on with, as broken. */
export const BROKEN = 400;

/** Where trying again cannot help, and why. */
const FINAL: Readonly<Record<number, RemoteSessionEnd>> = {
  [BROKEN]: "protocol_broken",
  401: "peer_refuses",
  403: "peer_refuses",
  [GONE]: "peer_restarted",
};
