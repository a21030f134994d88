// What the table of nodes is told, and what is to be done about it. Messages of
// sessions become events, and actions messages, in the wiring.

import type { NodeId } from "../base/ids.ts";
import type {
  NodeFacts,
  NodeReport,
  NodeView,
} from "../protocol/cluster_messages.ts";

/** What happened; all times are of this machine's own steady clock. */
export type NodeEvent =
  & { readonly nowMs: number }
  & (
    | {
      readonly type: "node_joined";
      readonly facts: NodeFacts;
      readonly report: NodeReport;
    }
    | {
      readonly type: "node_reported";
      readonly nodeId: NodeId;
      readonly report: NodeReport;
    }
    /** Something came over its session; a report need not be told here. */
    | { readonly type: "node_heard"; readonly nodeId: NodeId }
    /** It said goodbye. */
    | { readonly type: "node_left"; readonly nodeId: NodeId }
    /** Its process or its session is gone, for the reason. */
    | {
      readonly type: "node_lost";
      readonly nodeId: NodeId;
      readonly reason: string;
    }
    | { readonly type: "clock_ticked" }
  );

/** What is to be done. */
export type NodeAction =
  /** To all living nodes. */
  | { readonly type: "publish_views"; readonly views: readonly NodeView[] }
  /** Once for each node, whatever the reason of its end. */
  | {
    readonly type: "declare_dead";
    readonly nodeId: NodeId;
    readonly reason: string;
  }
  /** Who has just asked to join may not, and the one of its id goes on. */
  | {
    readonly type: "refuse";
    readonly nodeId: NodeId;
    readonly reason: string;
  }
  /** Who has just spoken is dead, or was never here: `node_dead`. */
  | { readonly type: "tell_dead"; readonly nodeId: NodeId };
