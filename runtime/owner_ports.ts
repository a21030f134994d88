// What an owner has of its thread: the ports that `owner/` asks for, made of
// the thread's session. No decisions here, only the way to who makes them.

import { clearTimeout, setTimeout } from "node:timers";
import { TIMER_MS_MAX } from "./base/limits.ts";
import type { ActorId, WorkerId } from "./base/ids.ts";
import type {
  ActorPin,
  Collected,
  OwnerPeer,
  OwnerPorts,
} from "./owner/ports.ts";
import type { ToNode, WireClass } from "./protocol/node_messages.ts";
import type { WireError } from "./protocol/wire_error.ts";
import type { Peer } from "./transport/peers.ts";

/** What the ports need of the thread's session. */
export interface OwnerSession {
  readonly identity: { readonly workerId: WorkerId };
  readonly codec: OwnerPorts["codec"];
  readonly store: Pick<OwnerPorts["store"], "open" | "free">;
  readonly holds: { get(actorId: ActorId): ActorPin };
  readonly writeObject: OwnerPorts["store"]["write"];
  peer(id: WorkerId): Peer;
  sendNode(message: ToNode): void;
  schedule(): void;
}

/** The ports of a thread's owner. */
export function ownerPorts(
  session: OwnerSession,
  { depth, reportUnseen }: {
    depth(): number;
    reportUnseen(error: WireError): void;
  },
  collected: FinalizationRegistry<Collected>,
): OwnerPorts {
  return {
    workerId: session.identity.workerId,
    peer: peerPorts(session),
    node: nodePort(session, depth),
    store: {
      write: (owner, number, encoded) =>
        session.writeObject(owner, number, encoded),
      open: (owner, number) => session.store.open(owner, number),
      free: (owner, number) => session.store.free(owner, number),
    },
    codec: session.codec,
    collector: {
      watch: (ref, what) => {
        collected.unregister(ref);
        collected.register(ref, what, ref);
      },
      unwatch: (ref) => void collected.unregister(ref),
    },
    timers: { after },
    nowMs: () => performance.now(),
    scheduleFlush: () => session.schedule(),
    holdActor: (actorId) => session.holds.get(actorId),
    reportUnseen,
  };
}

function nodePort(
  session: OwnerSession,
  depth: () => number,
): OwnerPorts["node"] {
  return {
    demand: (
      {
        key,
        resources,
        strategy,
        labelSelector,
        isolation,
        isTimed,
        isOnce,
      },
      count,
    ) =>
      session.sendNode({
        type: "demand_change",
        schedulingClass: {
          key,
          resources,
          strategy,
          ...(labelSelector ? { labelSelector } : {}),
          ...(isolation ? { isolation } : {}),
          ...(isTimed ? { isTimed } : {}),
          ...(isOnce ? { isOnce } : {}),
        } as WireClass,
        count,
        depth: depth(),
      }),
    returnLease: (leaseId) =>
      session.sendNode({ type: "lease_return", leaseId }),
    killThread: (workerId, reason) =>
      session.sendNode({ type: "thread_kill", workerId, reason }),
  };
}

function peerPorts(session: OwnerSession): OwnerPorts["peer"] {
  const known = new Map<WorkerId, OwnerPeer>();
  return (id) => {
    let port = known.get(id);
    if (!port) {
      const peer = session.peer(id);
      port = {
        id,
        get closed() {
          return peer.closed;
        },
        get claims() {
          return peer.link?.pushed;
        },
        send: (message) => peer.send(message),
        whenOpen: (callback) => peer.whenOpen(callback),
      };
      known.set(id, port);
    }
    return port;
  };
}

/** A timer that lets the process end. */
export function after(delayMs: number, callback: () => void): () => void {
  // A longer one would fire at once.
  const timer = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX));
  timer.unref();
  return () => clearTimeout(timer);
}
