// Ids of everything that has a name on the wire: branded strings with a
// visible prefix. Random, never sequential across threads, so that no two
// sessions can meet by accident. Imports nothing of ours.

declare const brand: unique symbol;
type Id<Kind extends string> = string & { readonly [brand]: Kind };

export type NodeId = Id<"node">;
export type JobId = Id<"job">;
/** A thread that runs user code and therefore owns objects. */
export type WorkerId = Id<"worker">;
export type ActorId = Id<"actor">;
export type LeaseId = Id<"lease">;
export type PlacementGroupId = Id<"placement_group">;

const PREFIXES = {
  node: "n",
  job: "j",
  worker: "w",
  actor: "a",
  lease: "l",
  placement_group: "p",
} as const;

/** Random part of an id: 12 characters of 5 bits. */
const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARACTERS = 12;

/** Makes a new id, such as `n-x4k2…`; `random` gives bytes (default: crypto). */
export function newId<Kind extends keyof typeof PREFIXES>(
  kind: Kind,
  random: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) =>
    crypto.getRandomValues(bytes),
): Id<Kind> {
  const bytes = new Uint8Array(ID_CHARACTERS);
  random(bytes);
  let text = PREFIXES[kind] + "-";
  for (const byte of bytes) text += ID_ALPHABET[byte & 31];
  return text as Id<Kind>;
}

/** A new id of a thread of this node, which can be told from it. */
export function newThreadId(
  nodeId: NodeId,
  random?: (bytes: Uint8Array<ArrayBuffer>) => void,
): WorkerId {
  return `${newId("worker", random)}-${nodeId.slice(2)}` as WorkerId;
}

/** The node of a thread; undefined for a driver, which is where its job is. */
export function nodeOfWorker(workerId: WorkerId): NodeId | undefined {
  const suffix = workerId.slice(2 + ID_CHARACTERS + 1);
  return suffix === "" ? undefined : `n-${suffix}` as NodeId;
}

/** The id of a lease, which tells the node that has granted it. */
export function leaseIdText(nodeId: NodeId, number: number): LeaseId {
  return `l-${nodeId.slice(2)}-${number.toString(36)}` as LeaseId;
}

/** The node that has granted a lease. */
export function nodeOfLease(leaseId: LeaseId): NodeId {
  return `n-${leaseId.slice(2, leaseId.lastIndexOf("-"))}` as NodeId;
}

/** The visible id of an object: its owner and the owner's number for it. */
export function objectIdText(owner: WorkerId, number: number): string {
  return `o-${owner.slice(2)}-${number.toString(36)}`;
}

/** What stands for an object where objects are looked up. */
export function objectKey(owner: WorkerId, number: number): string {
  return `${owner}/${number}`;
}

/** The visible id of a task: its owner and the owner's number for it. */
export function taskIdText(owner: WorkerId, number: number): string {
  return `t-${owner.slice(2)}-${number.toString(36)}`;
}
