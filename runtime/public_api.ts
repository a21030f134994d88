// The public API as values: what `mod.ts` exports, without the wiring that makes
// a thread a driver. Executors give it to bundles of user code.

export { remote } from "./api/remote.ts";
export { asCompleted, cancel, get, put, wait } from "./api/objects.ts";
export { exitActor, getActor, kill } from "./api/actors.ts";
export { placementGroup } from "./api/placement_group.ts";
export { registerSerializer } from "./api/serializers.ts";
export { listState, summarizeState } from "./api/state.ts";
export {
  availableResources,
  clusterResources,
  context,
  init,
  isInitialized,
  nodes,
  shutdown,
  timeline,
} from "./api/session.ts";
export {
  ActorDiedError,
  ActorNameTakenError,
  ActorUnavailableError,
  AuthenticationError,
  CaptureError,
  ConnectionError,
  GetTimeoutError,
  MantaError,
  NodeDiedError,
  ObjectLostError,
  ObjectStoreFullError,
  OutOfDiskError,
  OutOfMemoryError,
  OwnerDiedError,
  PendingCallsLimitError,
  PlacementGroupRemovedError,
  ProtocolError,
  ReconstructionError,
  RuntimeEnvError,
  SerializationError,
  TaskCancelledError,
  TaskError,
  TaskTimeoutError,
  TaskUnschedulableError,
  WorkerDiedError,
} from "./base/errors.ts";
