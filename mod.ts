/**
 * Manta runs functions and classes of a TypeScript file as tasks and actors on
 * every core of this machine.
 *
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const square = remote(function square(x: number) {
 *   return x * x;
 * });
 * console.log(await get([1, 2, 3].map((x) => square.remote(x)))); // [1, 4, 9]
 * ```
 *
 * @module
 */

import "./runtime/init.ts";

export { remote } from "./runtime/api/remote.ts";
export { asCompleted, cancel, get, put, wait } from "./runtime/api/objects.ts";
export { exitActor, getActor, kill } from "./runtime/api/actors.ts";
export { placementGroup } from "./runtime/api/placement_group.ts";
export { registerSerializer } from "./runtime/api/serializers.ts";
export {
  availableResources,
  clusterResources,
  context,
  init,
  isInitialized,
  nodes,
  shutdown,
  timeline,
} from "./runtime/api/session.ts";
export * from "./runtime/base/errors.ts";

export type {
  ActorClass,
  ActorHandle,
  ActorMethod,
  AnyActorHandle,
  AnyClass,
  GetActorOptions,
  KillOptions,
  MethodName,
  MethodOptionsOf,
  NoMethodOptions,
  UntypedActor,
} from "./runtime/api/actor_types.ts";
export type {
  AnyFunction,
  CallResult,
  RemoteArg,
  RemoteArgs,
  RemoteFunction,
} from "./runtime/api/function_types.ts";
export type {
  ActorOptions,
  CallOptions,
  ErrorClass,
  LabelSelector,
  MethodOptions,
  MethodOptionsByName,
  NodeAffinityStrategy,
  Permissions,
  PermissionSet,
  PlacementGroupStrategy,
  PlacementOptions,
  RuntimeEnv,
  SchedulingStrategy,
  TaskOptions,
} from "./runtime/api/option_types.ts";
export type {
  Bundle,
  PlacementGroup,
  PlacementGroupOptions,
  PlacementStrategy,
} from "./runtime/api/placement_group_types.ts";
export type {
  AnyObjectRef,
  CancelOptions,
  GetOptions,
  ObjectRef,
  ObjectRefGenerator,
  RefValue,
  RefValues,
  Serializer,
  WaitOptions,
} from "./runtime/api/ref_types.ts";
export type {
  ClusterInfo,
  InitOptions,
  NodeInfo,
  ObjectStoreInfo,
  RuntimeContext,
} from "./runtime/api/session_types.ts";
