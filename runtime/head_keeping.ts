// Keeps what must outlive the head's process: notes what has changed, and
// writes it in one transaction before anybody hears of it. Belongs to the
// wiring of a head.

import type { ActorId, NodeId, PlacementGroupId } from "./base/ids.ts";
import {
  HEAD_GONE_KEPT_MS,
  HEAD_TAKEN_EVERY,
  HEAD_TAKEN_EVERY_MS,
  IDS_REMEMBERED_MAX,
  STATE_KEEP_AGAIN_MS,
} from "./base/limits.ts";
import type { ActorRecord } from "./control/actor_record.ts";
import {
  type SavedActor,
  type SavedGroup,
  type SavedHead,
  savedLife,
} from "./control/saved_head.ts";
import type { MemberNode } from "./member_node.ts";
import type { StateChange, StateStorage } from "./platform/state_file.ts";
import type {
  JobFacts,
  NodeFacts,
  NodeView,
} from "./protocol/cluster_messages.ts";
import { encodeFrame, joinFrame, readFrame } from "./protocol/frame_codec.ts";
import type { GroupPlace } from "./scheduler/cluster/head_state.ts";

/** What is needed of the head. */
export interface HeadKeepingPorts {
  readonly node: Pick<MemberNode, "jobs" | "groups" | "surroundings">;
  groupPlace(groupId: PlacementGroupId): GroupPlace | undefined;
  /** So many messages of the node are kept now. */
  tellTaken(nodeId: NodeId, count: number): void;
  warn(text: string): void;
}

type Kind = "cluster" | "node" | "job" | "actor" | "life" | "group" | Gone;
/** What was there: its registration may be on its way still. */
type Gone = "dead_actor" | "removed_group";

interface Taken {
  count: number;
  told: number;
}

/** See the head of the file. */
export class HeadKeeping {
  readonly clusterId: string;
  /** What a former process has kept; undefined if there was none. */
  readonly saved: SavedHead | undefined;
  readonly #storage: StateStorage;
  readonly #ports: HeadKeepingPorts;
  #changes: StateChange[] = [];
  readonly #actors = new Set<ActorRecord>();
  /** Actors that are in the file. */
  readonly #known = new Set<ActorId>();
  readonly #groups = new Set<PlacementGroupId>();
  /** In the order of their end. */
  readonly #gone: { kind: Gone; id: string; atMs: number }[] = [];
  readonly #nodes = new Set<NodeId>();
  /** By id: whether it is kept as over. */
  readonly #jobs = new Map<string, boolean>();
  #isDirty = false;
  #hasFailed = false;
  readonly #taken = new Map<NodeId, Taken>();
  #cancelTelling: (() => void) | undefined;
  #cancelAgain: (() => void) | undefined;

  constructor(storage: StateStorage, ports: HeadKeepingPorts) {
    this.#storage = storage;
    this.#ports = ports;
    this.saved = this.#load();
    this.clusterId = this.saved?.clusterId ?? crypto.randomUUID();
    if (!this.saved) this.#put("cluster", "cluster", { id: this.clusterId });
  }

  #load(): SavedHead | undefined {
    const rows = this.#storage.load();
    const of = <T>(kind: Kind): Map<string, T> =>
      new Map(
        rows.filter((row) => row.kind === kind)
          .map(({ id, bytes }) => [id, decode(bytes) as T]),
      );
    const clusterId = of<{ id: string }>("cluster").get("cluster")?.id;
    if (clusterId === undefined) return undefined;
    const lives = of<Partial<SavedActor>>("life");
    const actors = [...of<SavedActor>("actor")].map(([id, actor]) => (
      { ...actor, ...lives.get(id) }
    ));
    const jobs = [...of<JobFacts>("job").values()];
    const nodes = [...of<NodeFacts>("node").values()];
    for (const { actor } of actors) this.#known.add(actor.actorId);
    for (const { jobId, isOver } of jobs) this.#jobs.set(jobId, isOver);
    for (const { nodeId } of nodes) this.#nodes.add(nodeId);
    const groups = [...of<SavedGroup>("group").values()];
    const atMs = this.#nowMs();
    const gone = (kind: Gone) => {
      const ids = rows.filter((row) => row.kind === kind).map(({ id }) => id);
      for (const id of ids) this.#gone.push({ kind, id, atMs });
      return ids;
    };
    const deadActors = gone("dead_actor") as ActorId[];
    const removedGroups = gone("removed_group") as PlacementGroupId[];
    return {
      ...{ clusterId, nodes, jobs, actors, groups },
      ...{ deadActors, removedGroups },
    };
  }

  // -- What changes ----------------------------------------------------------

  actorChanged(record: ActorRecord): void {
    this.#actors.add(record);
    this.#isDirty = true;
  }

  groupChanged(groupId: PlacementGroupId): void {
    this.#groups.add(groupId);
    this.#isDirty = true;
  }

  jobsChanged(): void {
    this.#isDirty = true;
  }

  viewsChanged(views: readonly NodeView[]): void {
    for (const { facts, state } of views) {
      const { nodeId } = facts;
      const isKept = this.#nodes.has(nodeId);
      if (state === "dead") {
        if (this.#nodes.delete(nodeId)) this.#drop("node", nodeId);
        this.#taken.delete(nodeId);
      } else if (!isKept) {
        this.#nodes.add(nodeId);
        this.#put("node", nodeId, facts);
      }
    }
  }

  /** What a worker of the node has said is in what will be written next. */
  took(nodeId: NodeId): void {
    const taken = this.#taken.get(nodeId);
    if (taken) taken.count++;
    else this.#taken.set(nodeId, { count: 1, told: 0 });
    this.#cancelTelling ??= this.#ports.node.surroundings.timers.after(
      HEAD_TAKEN_EVERY_MS,
      () => this.#tellTaken(1),
    );
  }

  // -- Writing ---------------------------------------------------------------

  /** Before anything that follows from the changes is sent. */
  commit(): void {
    if (this.#isDirty) this.#gather();
    if (this.#changes.length > 0) {
      try {
        this.#storage.commit(this.#changes);
      } catch (error) {
        return this.#fail(error);
      }
      this.#changes = [];
      if (this.#hasFailed) this.#ports.warn("The state of the head is kept");
      this.#hasFailed = false;
    }
    this.#tellTaken(HEAD_TAKEN_EVERY);
  }

  /** Leaves what is kept to another process. */
  suspend(): void {
    this.commit();
    this.#stop();
    try {
      this.#storage.close();
    } catch {
      // A server that does not answer: who holds it is forgotten there soon.
    }
  }

  /** The cluster is over. */
  end(): void {
    this.#stop();
    try {
      this.#storage.remove();
    } catch (error) {
      this.#ports.warn(`Cannot remove the state of the head: ${textOf(error)}`);
    }
  }

  #stop(): void {
    this.#cancelTelling?.();
    this.#cancelAgain?.();
  }

  #fail(error: unknown): void {
    // A disk may have room by then, or a server be back.
    this.#cancelAgain?.();
    this.#cancelAgain = this.#ports.node.surroundings.timers.after(
      STATE_KEEP_AGAIN_MS,
      () => this.commit(),
    );
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#ports.warn(`Cannot keep the state of the head: ${textOf(error)}`);
  }

  #tellTaken(from: number): void {
    if (from === 1) this.#cancelTelling = undefined;
    if (this.#hasFailed) return;
    for (const [nodeId, taken] of this.#taken) {
      if (taken.count - taken.told < from) continue;
      taken.told = taken.count;
      this.#ports.tellTaken(nodeId, taken.count);
    }
  }

  #gather(): void {
    this.#isDirty = false;
    for (const record of this.#actors) this.#gatherActor(record);
    this.#actors.clear();
    for (const groupId of this.#groups) this.#gatherGroup(groupId);
    this.#groups.clear();
    this.#gatherJobs();
    this.#forgetGone();
  }

  #gatherActor(record: ActorRecord): void {
    const { actor, creator, jobId, state } = record;
    const { actorId } = actor;
    if (state === "DEAD") {
      if (!this.#known.delete(actorId)) return;
      this.#drop("actor", actorId);
      this.#drop("life", actorId);
      return this.#note("dead_actor", actorId);
    }
    if (!this.#known.has(actorId)) {
      this.#known.add(actorId);
      this.#put("actor", actorId, { actor, creator, jobId });
    }
    this.#put("life", actorId, savedLife(record));
  }

  #gatherGroup(groupId: PlacementGroupId): void {
    const { node, groupPlace } = this.#ports;
    const record = node.groups.record(groupId);
    const place = groupPlace(groupId);
    if (!record || !place) {
      this.#drop("group", groupId);
      return this.#note("removed_group", groupId);
    }
    const { creator, jobId, name, detached } = record;
    const { isConfirmed, nodes, attempt, request } = place;
    const { bundles, strategy } = request;
    const saved: SavedGroup = {
      ...{ groupId, creator, jobId, detached, bundles, strategy, attempt },
      ...(name === undefined ? {} : { name }),
      nodes: isConfirmed ? nodes.map((one) => one?.nodeId ?? null) : [],
    };
    this.#put("group", groupId, saved);
  }

  #gatherJobs(): void {
    const gone = new Set(this.#jobs.keys());
    for (const { driver, home, isOver } of this.#ports.node.jobs.all()) {
      const { jobId, workerId, namespace } = driver;
      gone.delete(jobId);
      if (this.#jobs.get(jobId) === isOver) continue;
      this.#jobs.set(jobId, isOver);
      const facts: JobFacts = {
        ...{ jobId, driver: workerId, home, namespace, isOver },
      };
      this.#put("job", jobId, facts);
    }
    for (const jobId of gone) {
      this.#jobs.delete(jobId);
      this.#drop("job", jobId);
    }
  }

  #note(kind: Gone, id: string): void {
    this.#put(kind, id, {});
    this.#gone.push({ kind, id, atMs: this.#nowMs() });
  }

  /** Nothing of those is on its way any more. */
  #forgetGone(): void {
    const untilMs = this.#nowMs() - HEAD_GONE_KEPT_MS;
    const tooMany = this.#gone.length - IDS_REMEMBERED_MAX;
    let count = this.#gone.findIndex(({ atMs }) => atMs > untilMs);
    if (count < 0) count = this.#gone.length;
    for (const { kind, id } of this.#gone.splice(0, Math.max(count, tooMany))) {
      this.#drop(kind, id);
    }
  }

  #nowMs(): number {
    return this.#ports.node.surroundings.clock.nowMs();
  }

  #put(kind: Kind, id: string, value: object): void {
    this.#changes.push({ kind, id, bytes: encode(value) });
  }

  #drop(kind: Kind, id: string): void {
    this.#changes.push({ kind, id, bytes: undefined });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function encode(value: object): Uint8Array {
  return joinFrame(encodeFrame([{ type: "saved", value }]));
}

function decode(bytes: Uint8Array): unknown {
  const [row] = readFrame(bytes);
  return (row as { readonly value?: unknown }).value;
}
