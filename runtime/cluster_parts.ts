// Asks all nodes of a cluster for what they know, and answers those that ask.
// Only the head asks all: it has a session with each. Whoever does not answer
// in time is named as such; nobody is waited for without an end.

import { clearTimeout, setTimeout } from "node:timers";
import type { JobId, NodeId } from "./base/ids.ts";
import { STATE_NODE_MS_MAX } from "./base/limits.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";
import type { NodePart, PartNoun } from "./protocol/state_answers.ts";

/** What is needed of the node. */
export interface ClusterPartsPorts {
  readonly nodeId: NodeId;
  /** What this node knows. */
  own(noun: PartNoun, jobId: JobId | undefined): Promise<NodePart>;
  /** The other nodes that are not dead, if this is the head. */
  others(): readonly NodeId[];
  /** Has the head ask all; undefined if this is the head. */
  askHead(): {
    readonly headId: NodeId;
    readonly calls: {
      parts(
        noun: PartNoun,
        jobId: JobId | null,
      ): Promise<readonly NodePart[]>;
    };
  } | undefined;
  send(nodeId: NodeId, message: ClusterMessage): void;
  flush(): void;
}

type PartGiven = Extract<ClusterMessage, { type: "part_given" }>;
type PartWanted = Extract<ClusterMessage, { type: "part_wanted" }>;

/** A node that has not answered yet. */
interface Asked {
  readonly nodeId: NodeId;
  answered(part: NodePart): void;
}

/** See the head of the file. */
export class ClusterParts {
  readonly #ports: ClusterPartsPorts;
  readonly #asked = new Map<number, Asked>();
  #requests = 0;

  constructor(ports: ClusterPartsPorts) {
    this.#ports = ports;
  }

  /** The parts of all nodes. */
  async collect(
    noun: PartNoun,
    jobId: JobId | undefined,
  ): Promise<readonly NodePart[]> {
    const { own, askHead, others, flush } = this.#ports;
    const head = askHead();
    if (!head) {
      const parts = [
        own(noun, jobId),
        ...others().map((nodeId) => this.#ask(nodeId, noun, jobId)),
      ];
      flush();
      return await Promise.all(parts);
    }
    // The head waits for others itself.
    const all = within(
      2 * STATE_NODE_MS_MAX,
      head.calls.parts(noun, jobId ?? null),
      () => undefined,
    );
    return await all ??
      [await own(noun, jobId), unanswered(head.headId, 2 * STATE_NODE_MS_MAX)];
  }

  #ask(
    nodeId: NodeId,
    noun: PartNoun,
    jobId: JobId | undefined,
  ): Promise<NodePart> {
    const request = ++this.#requests;
    const { promise, resolve } = Promise.withResolvers<NodePart>();
    this.#asked.set(request, { nodeId, answered: resolve });
    this.#ports.send(nodeId, {
      type: "part_wanted",
      ...{ request, noun },
      ...(jobId ? { jobId } : {}),
    });
    return within(
      STATE_NODE_MS_MAX,
      promise,
      () => unanswered(nodeId, STATE_NODE_MS_MAX),
    ).finally(() => this.#asked.delete(request));
  }

  /** Another node asks. */
  async wanted(from: NodeId, message: PartWanted): Promise<void> {
    const { request, noun, jobId } = message;
    const part = await this.#ports.own(noun, jobId);
    this.#ports.send(from, { type: "part_given", request, part });
    this.#ports.flush();
  }

  /** Another node has answered; it speaks for itself alone. */
  given(from: NodeId, { request, part }: PartGiven): void {
    const asked = this.#asked.get(request);
    if (asked?.nodeId === from && part.nodeId === from) asked.answered(part);
  }
}

function unanswered(nodeId: NodeId, timeoutMs: number): NodePart {
  return { nodeId, failure: `it did not answer within ${timeoutMs} ms` };
}

/** What the work gives, or something else if that takes long or fails. */
async function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  otherwise: () => T | undefined,
): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const giveUp = () => resolve(otherwise() as T);
  const timer = setTimeout(giveUp, timeoutMs);
  work.then(resolve, giveUp);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
