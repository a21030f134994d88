// The nodes of the cluster as they were last reported, less what was sent to
// them since: so a thousand demands do not all go to the one that was free.
// Keeps count only; who goes where is decided elsewhere.

import type { NodeId } from "../../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../../base/limits.ts";
import { RESOURCE_UNIT, type ResourceSet } from "../../base/resources.ts";
import { RecentSet } from "../recent_set.ts";
import type { ReportedNode } from "./messages.ts";

/** Something that was sent to a node and may not be in its report yet. */
export interface Sent {
  readonly need: ResourceSet;
  /** How many were sent since the latest report. */
  fresh: number;
  /** How many were sent and were not granted. */
  readonly unmet: number;
}

/** A node that is not dead. */
export interface ClusterNode {
  readonly nodeId: NodeId;
  readonly isLocal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly total: ResourceSet;
  /** What is taken to be free; below 0 where more was sent than fits. */
  available: Record<string, number>;
  /** Whether it takes new work: it is not draining. */
  isOpen: boolean;
  /** How much waits at it, by its latest report. */
  waiting: number;
  /** What was sent to it since its latest report. */
  readonly sent: Set<Sent>;
}

/** The node whose table it is. */
export interface OwnNode {
  readonly nodeId: NodeId;
  readonly total: ResourceSet;
  readonly labels?: Readonly<Record<string, string>>;
  /** What its scheduler has free at this moment. */
  available(): ResourceSet;
}

/** See the head of the file. */
export class NodeTable {
  readonly #nodes = new Map<NodeId, ClusterNode>();
  readonly #dead = new RecentSet<NodeId>(IDS_REMEMBERED_MAX);
  readonly #own: OwnNode | undefined;
  /** The own node first, then round the ring of ids from there. */
  order: readonly ClusterNode[] = [];

  constructor(own?: OwnNode) {
    this.#own = own;
    if (!own) return;
    const { nodeId, total, labels = {}, available } = own;
    this.#add({
      nodeId,
      state: "alive",
      total,
      available: available(),
      labels,
      waiting: 0,
    });
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(nodeId: NodeId): ClusterNode | undefined {
    return this.#nodes.get(nodeId);
  }

  /** Whether the node was there and is gone for good. */
  isDead(nodeId: NodeId): boolean {
    return this.#dead.has(nodeId);
  }

  /** The own scheduler is asked what it has free: it does not report. */
  refreshOwn(): void {
    const own = this.#own && this.#nodes.get(this.#own.nodeId);
    if (own) own.available = { ...this.#own!.available() };
  }

  /** Takes reports in; says which nodes are gone, and if others came. */
  report(views: readonly ReportedNode[]): {
    readonly gone: readonly ClusterNode[];
    readonly isChanged: boolean;
  } {
    const gone: ClusterNode[] = [];
    let isChanged = false;
    for (const view of views) {
      if (view.state === "dead") {
        const node = this.remove(view.nodeId);
        if (node) gone.push(node);
        continue;
      }
      const wasOpen = this.#nodes.get(view.nodeId)?.isOpen;
      this.#take(view);
      if (wasOpen !== this.#nodes.get(view.nodeId)?.isOpen) isChanged = true;
    }
    return { gone, isChanged };
  }

  /** Forgets a node; its id is not taken again. */
  remove(nodeId: NodeId): ClusterNode | undefined {
    if (nodeId === this.#own?.nodeId) return undefined;
    this.#dead.add(nodeId);
    const node = this.#nodes.get(nodeId);
    if (!this.#nodes.delete(nodeId)) return undefined;
    this.order = this.order.filter((each) => each !== node);
    return node;
  }

  #take(view: ReportedNode): void {
    if (this.#dead.has(view.nodeId)) return;
    const node = this.#nodes.get(view.nodeId);
    if (!node) return this.#add(view);
    node.isOpen = view.state === "alive";
    node.waiting = view.waiting;
    if (node.isLocal) return;
    node.available = { ...view.available };
    for (const sent of [...node.sent]) {
      // What was granted has arrived, so that the report has it.
      const missing = Math.min(sent.fresh, sent.unmet);
      sent.fresh = 0;
      node.sent.delete(sent);
      changeBy(node, sent.need, -missing);
    }
  }

  #add({ nodeId, labels, total, available, state, waiting }: ReportedNode) {
    this.#nodes.set(nodeId, {
      nodeId,
      isLocal: nodeId === this.#own?.nodeId,
      labels,
      total,
      available: { ...available },
      isOpen: state === "alive",
      waiting,
      sent: new Set(),
    });
    this.order = this.#ring();
  }

  #ring(): ClusterNode[] {
    const own = this.#own?.nodeId;
    const isBefore = (id: NodeId) => own !== undefined && id < own;
    return [...this.#nodes.values()].sort((left, right) => {
      const [a, b] = [isBefore(left.nodeId), isBefore(right.nodeId)];
      if (a !== b) return a ? 1 : -1;
      return left.nodeId < right.nodeId ? -1 : 1;
    });
  }
}

/** Counts what is sent to the node as used until it reports. */
export function noteSent(node: ClusterNode, sent: Sent, count: number): void {
  changeBy(node, sent.need, -count);
  if (node.isLocal) return;
  sent.fresh += count;
  node.sent.add(sent);
}

/** Some of what was sent is taken back before it was met. */
export function noteTakenBack(
  node: ClusterNode,
  sent: Sent,
  count: number,
): void {
  // What has waited since before the latest report takes nothing there.
  const fresh = Math.min(count, sent.fresh);
  sent.fresh -= fresh;
  changeBy(node, sent.need, fresh);
}

/** What the node held for us is free, unless others there wait for it. */
export function noteReturned(node: ClusterNode, need: ResourceSet): void {
  if (node.waiting > 0 || node.isLocal) return;
  changeBy(node, need, 1);
  for (const name in need) {
    const total = node.total[name] ?? 0;
    if (node.available[name]! > total) node.available[name] = total;
  }
}

/** How many more the node has room for, at most `max`. */
export function roomFor(
  node: Pick<ClusterNode, "available">,
  need: ResourceSet,
  max: number,
): number {
  let room = max;
  for (const name in need) {
    const free = node.available[name] ?? 0;
    const each = need[name]!;
    room = Math.min(
      room,
      name === "GPU" ? gpuRoom(free, each) : Math.floor(free / each),
    );
  }
  return Math.max(0, room);
}

/** Parts of GPUs do not add up to one across several. */
function gpuRoom(free: number, each: number): number {
  if (each >= RESOURCE_UNIT) return Math.floor(free / each);
  const perGpu = Math.floor(RESOURCE_UNIT / each);
  const whole = Math.floor(free / RESOURCE_UNIT);
  return whole * perGpu + Math.floor((free - whole * RESOURCE_UNIT) / each);
}

function changeBy(node: ClusterNode, need: ResourceSet, count: number): void {
  if (count === 0) return;
  for (const name in need) {
    node.available[name] = (node.available[name] ?? 0) + count * need[name]!;
  }
}
