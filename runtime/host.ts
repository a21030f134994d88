// The threads of an embedded cluster, as the process's main thread has them:
// starts the node's thread and, when the node asks, those that run user code.

import type { MantaError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import { NODE_END_MS_MAX } from "./base/limits.ts";
import type {
  DriverJoin,
  ExecutorStart,
  FromHost,
  HostedNodeStart,
  NodeStart,
  ToHost,
} from "./host_messages.ts";
import { asMantaError } from "./node_threads.ts";
import type { StateHost } from "./hosted_state.ts";
import type { Platform, PlatformThread } from "./platform/platform.ts";
import { decodeError } from "./protocol/wire_error.ts";
import {
  EXECUTOR_PROCESS_URL,
  EXECUTOR_THREAD_URL,
  NODE_THREAD_URL,
} from "./thread_urls.ts";

const CHILD_ENTRIES = {
  processUrl: EXECUTOR_PROCESS_URL,
  threadUrl: EXECUTOR_THREAD_URL,
};

/** A thread that runs user code, from its start to its end. */
interface HostedThread {
  thread: PlatformThread;
  /** Set once it is given to the node. */
  workerId: WorkerId | undefined;
}

/** See the head of the file. No thread keeps the process alive. */
export class ThreadHost {
  readonly #platform: Platform;
  readonly #node: PlatformThread;
  readonly #state: StateHost | undefined;
  readonly #threads = new Map<WorkerId, HostedThread>();
  /** Started ahead, so that the first task need not wait for it. */
  #spare: HostedThread | undefined;
  #ended = false;
  readonly #nodeEnded = Promise.withResolvers<void>();
  readonly #listening = Promise.withResolvers<number>();
  readonly #joined = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<MantaError | undefined>();

  constructor(platform: Platform, start: NodeStart, state?: StateHost) {
    this.#platform = platform;
    this.#state = state;
    this.#listening.promise.catch(() => {});
    this.#joined.promise.catch(() => {});
    this.#node = platform.startThread(NODE_THREAD_URL, {
      name: "manta-node",
      onMessage: (message) => this.#fromNode(message as ToHost),
      onEnded: () => this.#nodeEnded.resolve(),
    });
    this.#node.unref();
    const message: HostedNodeStart = { ...start, childEntries: CHILD_ENTRIES };
    this.#node.post(message);
    this.#spare = this.#startThread();
  }

  /** The port of a node that is to listen, or why it cannot. */
  get listening(): Promise<number> {
    return this.#listening.promise;
  }

  /** Resolves when the head has let the node in, or rejects with why not. */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  /** Resolves when the node is to end, with why it cannot go on. */
  get over(): Promise<MantaError | undefined> {
    return this.#over.promise;
  }

  /** Has the node leave its cluster when its tasks are done. */
  drain(): void {
    const message: FromHost = { type: "node_drain" };
    this.#node.post(message);
  }

  /** Makes this process a driver of its node. */
  addDriver(join: DriverJoin): void {
    this.#node.post(join, [join.link.port!, join.control]);
  }

  /** Stops all threads; resolves when they are gone. */
  async end({ keepsCluster = false } = {}): Promise<void> {
    this.#ended = true;
    const end: FromHost = { type: "node_end", keepsCluster };
    this.#node.post(end);
    const timer = setTimeout(this.#nodeEnded.resolve, NODE_END_MS_MAX);
    await this.#nodeEnded.promise;
    clearTimeout(timer);
    const threads = [...this.#threads.values()].map(({ thread }) => thread);
    if (this.#spare) threads.push(this.#spare.thread);
    await Promise.all([this.#node, ...threads].map((thread) => thread.stop()));
  }

  #fromNode(message: ToHost): void {
    switch (message.type) {
      case "start_thread":
        return this.#giveThread(message.workerId, message.start);
      case "stop_thread":
        return void this.#threads.get(message.workerId)?.thread.stop();
      case "node_listens":
        return this.#listening.resolve(message.port);
      case "node_cannot_listen":
        return this.#listening.reject(decodeError(message.error));
      case "state_request":
        return void this.#state?.answer(message.number, message.request);
      case "node_says":
        console.warn(message.text);
        return;
      case "node_joined":
        return this.#joined.resolve();
      case "node_over": {
        const error = message.error &&
          asMantaError(decodeError(message.error));
        this.#joined.reject(error);
        return this.#over.resolve(error);
      }
      case "node_ended":
        return this.#nodeEnded.resolve();
    }
  }

  #giveThread(workerId: WorkerId, start: ExecutorStart): void {
    const hosted = this.#spare ?? this.#startThread();
    this.#spare = undefined;
    hosted.workerId = workerId;
    this.#threads.set(workerId, hosted);
    hosted.thread.post(start, [start.nodeLink.port!, start.control]);
  }

  #startThread(): HostedThread {
    const hosted: HostedThread = {
      workerId: undefined,
      thread: this.#platform.startThread(EXECUTOR_THREAD_URL, {
        name: "manta-executor",
        onMessage: () => {},
        onEnded: (reason) =>
          this.#threadEnded(
            hosted,
            reason.type === "crashed" ? reason.message : reason.type,
          ),
      }),
    };
    hosted.thread.unref();
    return hosted;
  }

  #threadEnded(hosted: HostedThread, reason: string): void {
    if (this.#spare === hosted) this.#spare = undefined;
    const { workerId } = hosted;
    if (!workerId || this.#ended) return;
    this.#threads.delete(workerId);
    const message: FromHost = { type: "thread_ended", workerId, reason };
    this.#node.post(message);
  }
}
