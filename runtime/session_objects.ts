// How refs, actors' handles and remote functions travel inside values: what
// is written for them, and how they are made again on the other side.

import { actorClassParts } from "./api/actor_class.ts";
import { ActorHandle, makeHandle } from "./api/actor_handle.ts";
import {
  makeRemoteFunction,
  remoteFunctionParts,
} from "./api/remote_function.ts";
import type { FunctionKind } from "./api/function_kind.ts";
import type { TaskOptions } from "./api/option_types.ts";
import {
  makePlacementGroup,
  placementGroupParts,
} from "./api/placement_group.ts";
import type { Bundle } from "./api/placement_group_types.ts";
import type { ActorId, PlacementGroupId } from "./base/ids.ts";
import type { CodePlace } from "./code_exchange.ts";
import { shippable } from "./code_port.ts";
import { ObjectRef } from "./owner/object_ref.ts";
import type { ObjectKey } from "./protocol/messages.ts";
import type { WireActorInterface } from "./protocol/node_messages.ts";
import { actorClassReason, ValueFailure } from "./protocol/value_failure.ts";
import { currentCode } from "./run_context.ts";
import { SessionCodec, type SessionKind } from "./session_codec.ts";
import type { ThreadSession } from "./thread_session.ts";

/** The codec of a thread's session. */
export function makeSessionCodec(thread: ThreadSession): SessionCodec {
  return new SessionCodec({
    ref: refKind(thread),
    actor: actorKind(thread),
    function: functionKind(thread),
    group: GROUP_KIND,
  }, currentCode);
}

/** A ref in a value: its key, and whether its value is in the store. */
type WrittenRef = readonly [...ObjectKey, isStored?: boolean];

function refKind(thread: ThreadSession): SessionKind {
  return {
    write: (object) => {
      if (!(object instanceof ObjectRef)) return undefined;
      thread.owner.references.requireReadable(object);
      const { ownerId, number, state, value, contained } = object;
      // Who knows where a value is need not ask its owner.
      const isStored = state === "stored" && value === number && !contained;
      const key: ObjectKey = [ownerId, number];
      return { value: isStored ? [...key, true] : key, holds: object };
    },
    read: (value, source) => {
      const [owner, number, isStored = false] = value as WrittenRef;
      const { references } = thread.owner;
      return references.importRef([owner, number], { source, isStored });
    },
  };
}

function actorKind(thread: ThreadSession): SessionKind {
  return {
    write: (object) => {
      if (!ActorHandle.is(object)) return undefined;
      const hold = ActorHandle.hold(object);
      const actorId = thread.owner.channel(hold.actorId).actorId;
      return { value: [actorId, hold.interface], holds: hold };
    },
    read: (value) => {
      const [actorId, shape] = value as [ActorId, WireActorInterface];
      return makeHandle(thread.actorHold(actorId, shape));
    },
  };
}

/** A placement group travels as its id: whoever has it may use it. */
const GROUP_KIND: SessionKind = {
  write: (object) => {
    const parts = placementGroupParts(object);
    return parts && { value: parts };
  },
  read: (value) => {
    const [id, bundles] = value as [PlacementGroupId, readonly Bundle[]];
    return makePlacementGroup(id, bundles);
  },
};

/** A remote function travels as the place of its code, with its options. */
function functionKind(thread: ThreadSession): SessionKind {
  return {
    write: (object) => {
      const actorClass = actorClassParts(object);
      if (actorClass) {
        const { target, code } = actorClass;
        throw new ValueFailure(actorClassReason(target.name || code.name));
      }
      const parts = remoteFunctionParts(object);
      if (!parts) return undefined;
      const { code, kind, options } = parts;
      const place = thread.codeExchange.placeOf(shippable(code));
      return { value: [code.name, kind, options, place] };
    },
    read: (value) => {
      const [name, kind, options, place] = value as [
        string,
        FunctionKind,
        TaskOptions,
        CodePlace,
      ];
      const code = thread.codeExchange.codeAt(name, place);
      return makeRemoteFunction({ target: undefined, code, kind, options });
    },
  };
}
