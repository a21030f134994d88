// What the fields of messages between threads with user code must be, for those
// that come from another process and that the node has relayed unread. Checked
// for each message, not for each task in it: lists of values are not looked
// into here.

import type {
  PeerMessage,
  Primitive,
  WireArguments,
  WireCode,
  WireTemplate,
  WireValue,
} from "./messages.ts";
import {
  anyOf,
  BOOLEAN,
  COUNT,
  list,
  MessageReader,
  object,
  optional,
  passing,
  RESOURCES,
  type Shape,
  TIME_MS,
  whole,
} from "./message_shape.ts";
import {
  ACTOR,
  CODE,
  ENVIRONMENT,
  ERROR,
  GROUP,
  LEASE,
  TEXT,
  VALUE,
} from "./wire_shapes.ts";
import type { WireError } from "./wire_error.ts";

type Failure = { readonly error: WireError };

const FAILURE = object<Failure>({ error: ERROR });
/** As many as a frame holds. */
const NUMBERS = list(COUNT, Infinity);
const OUTCOME = anyOf<WireValue | Failure>(VALUE, FAILURE);
const OF_TASK = { number: COUNT } as const;
const OF_OBJECTS = { numbers: NUMBERS } as const;

/** A list whose items are checked by who uses them, one by one. */
function unread<T>(): Shape<readonly T[]> {
  return passing((value) => Array.isArray(value));
}

const TEMPLATE = object<WireTemplate>({
  name: TEXT,
  code: optional(CODE),
  actorId: optional(ACTOR),
  method: optional(TEXT),
  concurrencyGroup: optional(TEXT),
  returns: whole(-1, Number.MAX_SAFE_INTEGER),
  backpressure: COUNT,
  timeoutMs: optional(TIME_MS),
  resources: RESOURCES,
  environment: optional(ENVIRONMENT),
  captureGroup: optional(GROUP),
});

/** Reads what a thread of another process says to one of this process. */
export const FROM_PEER: MessageReader<PeerMessage> = new MessageReader({
  template_define: { template: COUNT, spec: TEMPLATE },
  task_push: {
    template: COUNT,
    lease: optional(LEASE),
    incarnation: optional(COUNT),
    numbers: NUMBERS,
    args: unread<WireArguments>(),
    claim: optional(COUNT),
    gpuIds: optional(list(TEXT)),
    attempts: optional(NUMBERS),
    storedFrom: optional(NUMBERS),
  },
  task_cancel: { ...OF_TASK, recursive: BOOLEAN },
  stream_consumed: { ...OF_TASK, consumed: COUNT },
  results_taken: OF_OBJECTS,
  tasks_done: {
    ...OF_OBJECTS,
    values: unread<Primitive | Uint8Array>(),
  },
  task_returned: { ...OF_TASK, returns: list(VALUE) },
  task_failed: { ...OF_TASK, error: ERROR },
  stream_yielded: { ...OF_TASK, index: COUNT, item: OUTCOME },
  stream_ended: { ...OF_TASK, count: COUNT },
  task_started: OF_TASK,
  lease_blocked: { lease: LEASE, returned: NUMBERS },
  lease_resumed: { lease: LEASE },
  borrow: OF_OBJECTS,
  borrowed: OF_OBJECTS,
  borrow_ended: OF_OBJECTS,
  object_wanted: { ...OF_TASK, gone: optional(COUNT) },
  object_value: { ...OF_TASK, value: OUTCOME },
  cancel_wanted: { ...OF_TASK, force: BOOLEAN, recursive: BOOLEAN },
  code_wanted: { code: COUNT },
  code_found: {
    code: COUNT,
    result: anyOf<WireCode | Failure>(CODE, FAILURE),
  },
});
