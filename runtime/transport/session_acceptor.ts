// The node's side of a connection: answers the requests of drivers, makes a
// session for each new one, and gives a driver that comes back its own.

import {
  type Clock,
  systemClock,
  systemTimers,
  type Timers,
} from "../base/clock.ts";
import { HANDSHAKE_MS_MAX, SESSIONS_MAX } from "../base/limits.ts";
import type { WebAnswer } from "../platform/web_server.ts";
import {
  type HandshakeRules,
  judgeHandshake,
  reasonHeaders,
  refusalResponse,
} from "../protocol/handshake.ts";
import { RemoteSession, type RemoteSessionEnd } from "./remote_session.ts";
import { BROKEN, GONE } from "./session_dialer.ts";

const CONFLICT = 409;
const UNAVAILABLE = 503;

export interface AcceptOptions {
  /** Asked for each request: tokens can be replaced. */
  readonly rules: () => HandshakeRules;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /**
   * A driver has connected. Its streams 0 and 1 must be opened now; what is
   * returned hears of it.
   */
  readonly onSession: (session: RemoteSession) => SessionUser;
}

/** Who uses an accepted session. */
export interface SessionUser {
  /** Streams have got something. */
  received?(): void;
  /** The driver is gone, or the node has ended it. */
  ended(reason: RemoteSessionEnd): void;
}

/** See the head of the file. */
export class SessionAcceptor {
  readonly #options: AcceptOptions;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #sessions = new Map<string, RemoteSession>();
  /** Those that were ended for what was sent: their drivers are told why. */
  readonly #broken = new Map<string, string>();
  #epoch = 0;

  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
  }

  /** How many drivers there are, those without a channel included. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Answers a request to `CONNECT_PATH`. */
  answer({ url, headers }: Request, from: string): WebAnswer {
    const request = { url, headers, from };
    const verdict = judgeHandshake(request, this.#options.rules());
    if (verdict.type === "refused") return refusalResponse(verdict);
    const { session: name, isResumed } = verdict;
    const known = this.#sessions.get(name);
    if (isResumed) {
      if (known) return (channel) => known.attach(channel);
      const reason = this.#broken.get(name);
      if (reason === undefined) return refusalResponse({ status: GONE });
      return refusalResponse({
        status: BROKEN,
        headers: reasonHeaders(reason),
      });
    }
    if (known) return refusalResponse({ status: CONFLICT });
    if (this.#sessions.size >= SESSIONS_MAX) {
      return refusalResponse({ status: UNAVAILABLE });
    }
    return (channel) => {
      // Somebody else was faster with the same name.
      if (this.#sessions.has(name)) channel.close();
      else this.#begin(name).attach(channel);
    };
  }

  /** Ends all sessions; their drivers hear of it. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    await Promise.all(sessions.map((session) => session.leave()));
  }

  #noteBroken(name: string, reason: string): void {
    if (this.#broken.size >= SESSIONS_MAX) this.#broken.clear();
    this.#broken.set(name, reason);
  }

  #begin(name: string): RemoteSession {
    // Not there yet if the user ends it while it begins.
    const accepted: { user?: SessionUser } = {};
    const cancel = this.#timers.after(
      HANDSHAKE_MS_MAX,
      () => session.over("peer_silent"),
    );
    const session = new RemoteSession({
      epoch: ++this.#epoch,
      isNumbering: true,
      clock: this.#clock,
      timers: this.#timers,
      onReceived: () => {
        cancel();
        accepted.user?.received?.();
      },
      onEnded: (reason) => {
        cancel();
        this.#sessions.delete(name);
        const { brokenBy } = session;
        if (brokenBy) this.#noteBroken(name, brokenBy.message);
        accepted.user?.ended(reason);
      },
    });
    this.#sessions.set(name, session);
    accepted.user = this.#options.onSession(session);
    return session;
  }
}
