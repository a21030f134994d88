// The objects of a node that is one of many: what their part needs of its node
// and of the sessions with others. Belongs to the wiring of a cluster.

import { ObjectLostError } from "./base/errors.ts";
import { type NodeId, nodeOfWorker, type WorkerId } from "./base/ids.ts";
import type { MemberNode } from "./member_node.ts";
import type { NodeSession } from "./node_session.ts";
import { NodeObjects } from "./object_store/node_objects.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import { encodeError } from "./protocol/wire_error.ts";

/** Puts them together. */
export function objectsOf(
  node: MemberNode,
  { session, send }: {
    session(nodeId: NodeId): NodeSession | undefined;
    /** To a worker of this node. */
    send(worker: WorkerId, message: FromNode): void;
  },
): NodeObjects {
  const { store, jobs, start: { nodeId }, surroundings } = node;
  const { clock, timers } = surroundings;
  return new NodeObjects({
    ...{ nodeId, store, clock, timers },
    send: (to, message) => session(to)?.send(message),
    wantLink: (to) => session(to)?.openObjects(),
    homeOf: (owner) => nodeOfWorker(owner) ?? jobs.of(owner)?.home,
    objectsLost: (owner, numbers) => {
      const reason = encodeError(
        new ObjectLostError("Every copy was on a node that is gone"),
      );
      send(owner, { type: "objects_lost", numbers, reason });
    },
    told: () => node.takeIn(),
  });
}
