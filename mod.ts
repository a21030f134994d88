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

export * from "./runtime/public_api.ts";

export type { MantaErrorOptions } from "./runtime/base/errors.ts";
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
  ObjectStoreUse,
  RuntimeContext,
} from "./runtime/api/session_types.ts";
export type {
  ActorItem,
  JobItem,
  NodeItem,
  ObjectItem,
  PlacementGroupItem,
  StateFilter,
  StateItems,
  StateListing,
  StateNoun,
  StateOptions,
  StateSummary,
  TaskItem,
  WorkerItem,
} from "./runtime/api/state_types.ts";
