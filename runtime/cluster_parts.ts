// Asks all nodes of a cluster for what they know, and answers those that ask.
// Only the head asks all: it has a session with each. Whoever does not answer
// in time is named as such; nobody is waited for without an end.

import { clearTimeout, setTimeout } from "node:timers";
import type { JobId, NodeId } from "./base/ids.ts";
import { STATE_NODE_MS_MAX } from "./base/limits.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";
import {
  HEAD_NOUNS,
  type NodePart,
  type PartNoun,
  type PartRequest,
} from "./protocol/state_answers.ts";

/** What is needed of the node. */
export interface ClusterPartsPorts {
  readonly nodeId: NodeId;
  /** What this node knows. */
  own(request: PartRequest): Promise<NodePart>;
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

  /** The parts of all nodes, which share what may be told. */
  async collect(request: PartRequest): Promise<readonly NodePart[]> {
    const { own, askHead, others, flush } = this.#ports;
    const head = askHead();
    if (!head) {
      const asked = HEAD_NOUNS.has(request.noun) ? [] : others();
      const bytesMax = Math.floor(request.bytesMax / (asked.length + 1));
      const wanted = { ...request, bytesMax };
      const parts = asked.map((nodeId) => this.#ask(nodeId, wanted));
      flush();
      return await Promise.all([own(wanted), ...parts]);
    }
    // The head waits for others itself.
    const timeoutMs = 2 * STATE_NODE_MS_MAX;
    const { noun, jobId = null } = request;
    const all = within(timeoutMs, head.calls.parts(noun, jobId), () => {});
    return await all ??
      [await own(request), unanswered(head.headId, timeoutMs)];
  }

  #ask(nodeId: NodeId, wanted: PartRequest): Promise<NodePart> {
    const request = ++this.#requests;
    const { promise, resolve } = Promise.withResolvers<NodePart>();
    this.#asked.set(request, { nodeId, answered: resolve });
    this.#ports.send(nodeId, { type: "part_wanted", request, wanted });
    return within(
      STATE_NODE_MS_MAX,
      promise,
      () => unanswered(nodeId, STATE_NODE_MS_MAX),
    ).finally(() => this.#asked.delete(request));
  }

  /** Another node asks. */
  async wanted(from: NodeId, { request, wanted }: PartWanted): Promise<void> {
    const part = await this.#ports.own(wanted);
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
async function within<T, E>(
  timeoutMs: number,
  work: Promise<T>,
  otherwise: () => E,
): Promise<T | E> {
  const { promise, resolve } = Promise.withResolvers<T | E>();
  const giveUp = () => resolve(otherwise());
  const timer = setTimeout(giveUp, timeoutMs);
  work.then(resolve, giveUp);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
