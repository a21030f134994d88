// The session of a driver, from its opening to its end: what the node tells a
// driver, what a driver's calls need, and the last things that are done when
// the session or the process ends.

import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { ApiSession, type CallerContext } from "./api_session.ts";
import { type Session, setSession } from "./api/session_port.ts";
import type { RuntimeContext } from "./api/session_types.ts";
import { OUTPUT_DRAIN_MS_MAX } from "./base/limits.ts";
import { DriverOutput, printWarning } from "./driver_output.ts";
import type { ThreadHost } from "./host.ts";
import type { Platform } from "./platform/platform.ts";
import type { ProcessFolder } from "./platform/process_folder.ts";
import type { WireEnvironment } from "./protocol/messages.ts";
import type { FromNode, SessionIdentity } from "./protocol/node_messages.ts";
import type { ThreadSession } from "./thread_session.ts";

/** What a driver's session is made of. */
export interface DriverSetup {
  readonly platform: Platform;
  readonly thread: ThreadSession;
  readonly home: DriverHome;
  /** Where the cluster is, as its user names it. */
  readonly address: string;
  /** Whether the output of tasks is shown. */
  readonly logToDriver: boolean;
  /** The job's environment. */
  readonly environment: WireEnvironment | undefined;
}

/** Where a driver's node is. */
export type DriverHome =
  | {
    readonly type: "own_process";
    readonly host: ThreadHost;
    /** What the session has on disk; removed at its end. */
    readonly directories: readonly ProcessFolder[];
  }
  | {
    readonly type: "elsewhere";
    /** Says goodbye, once all has arrived. */
    leave(): Promise<void>;
  };

/** A busy machine may need longer than the node's own limit. */
const DRAIN_MS_MAX = 4 * OUTPUT_DRAIN_MS_MAX;

/** Makes the thread a driver's; it takes messages in from now on. */
export function openDriverSession(setup: DriverSetup): Session {
  const driver = new Driver(setup);
  driver.open();
  return driver.session;
}

/** See the head of the file. */
class Driver {
  readonly session: ApiSession;
  readonly #setup: DriverSetup;
  readonly #output = new DriverOutput();
  #forgetProcessEnd: () => void = () => {};
  #isOutputGiven = false;
  readonly #outputGiven = Promise.withResolvers<void>();

  constructor(setup: DriverSetup) {
    this.#setup = setup;
    const { thread, address } = setup;
    this.session = new ApiSession(thread, this.#caller(), address);
  }

  open(): void {
    const { platform, thread, home } = this.#setup;
    thread.onNodeMessage = (message) => this.#fromNode(message);
    thread.open();
    this.#forgetProcessEnd = home.type === "own_process"
      ? platform.onProcessEnd(() => this.#end())
      : this.#beforeProcessEnd();
  }

  /** A connection cannot be waited for at the very end: it ends before. */
  #beforeProcessEnd(): () => void {
    const before = () => void this.#leave();
    process.once("beforeExit", before);
    const forgetEnd = this.#setup.platform.onProcessEnd(() => {
      this.#setup.thread.end();
      this.#output.end();
    });
    return () => {
      process.removeListener("beforeExit", before);
      forgetEnd();
    };
  }

  #fromNode(message: FromNode): void {
    switch (message.type) {
      case "actor_registered":
        return this.session.actors.registered(message);
      case "output":
        if (!this.#setup.logToDriver) return;
        return this.#output.show(message.lines, message.origin);
      case "output_given":
        this.#isOutputGiven = true;
        return this.#outputGiven.resolve();
      case "warning":
        return printWarning(message.text);
    }
  }

  /** Synchronous: at the end of a process nothing else is waited for. */
  #end(): void {
    const { thread } = this.#setup;
    thread.sendNodeNow({ type: "output_wanted" });
    thread.takeInUntil(() => this.#isOutputGiven, DRAIN_MS_MAX);
    this.#output.end();
    thread.end();
    this.#removeDirectories();
  }

  #removeDirectories(): void {
    const { home } = this.#setup;
    if (home.type === "elsewhere") return;
    for (const directory of home.directories) directory.remove();
  }

  /** The end of a driver whose node is elsewhere and goes on. */
  async #leave(): Promise<void> {
    const { thread, home } = this.#setup;
    if (home.type === "own_process") return;
    if (!thread.ended) {
      thread.sendNodeNow({ type: "output_wanted" });
      // Not one of those that let the process end.
      const timer = setTimeout(this.#outputGiven.resolve, DRAIN_MS_MAX);
      await this.#outputGiven.promise;
      clearTimeout(timer);
    }
    this.#output.end();
    thread.end();
    await home.leave();
  }

  async #close(): Promise<void> {
    this.#forgetProcessEnd();
    setSession(undefined);
    const { home } = this.#setup;
    if (home.type === "elsewhere") return await this.#leave();
    this.#end();
    await home.host.end();
    // The store may have been writing a file.
    this.#removeDirectories();
  }

  #caller(): CallerContext {
    const { thread, environment } = this.#setup;
    const inheritance = { environment, strategy: undefined };
    return {
      scope: () => thread.waitScope,
      parentTask: () => undefined,
      inherited: () => inheritance,
      context: () => driverContext(thread.identity),
      exitActor: () => {
        throw new Error("Cannot exit: this is no actor");
      },
      end: () => this.#close(),
    };
  }
}

function driverContext(identity: SessionIdentity): RuntimeContext {
  return {
    ...identity,
    assignedResources: {},
    acceleratorIds: {},
    attempt: 0,
    wasRestarted: false,
    signal: new AbortController().signal,
  };
}
