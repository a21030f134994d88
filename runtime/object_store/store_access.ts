// How a thread with user code reaches its node's object store, whether it
// shares memory with it or a connection lies between them.

import type { WorkerId } from "../base/ids.ts";
import type { FromRemoteStore } from "./chunk_messages.ts";
import type { FromStore } from "./messages.ts";
import type { WritableObject } from "./writable_object.ts";

/** See the head of the file. */
export interface StoreAccess {
  /**
   * Memory for a new object; resolves once the store has room for it, and
   * rejects if it never has. `onGranted` may be called earlier: as soon as
   * there is memory to write into, even within this call.
   */
  create(
    owner: WorkerId,
    number: number,
    sizeBytes: number,
    onGranted?: (writable: WritableObject) => void,
  ): Promise<WritableObject>;
  /** The bytes of a sealed object, to be read only. */
  open(owner: WorkerId, number: number): Promise<Uint8Array>;
  /** Whether `open` has the object without asking. */
  isOpen(owner: WorkerId, number: number): boolean;
  /** The owner says that the object is not needed any more. */
  free(owner: WorkerId, number: number): void;
  /** Takes a message of the store in. */
  receive(message: FromStore | FromRemoteStore): void;
  /** The node is gone: whatever waits fails, now and later. */
  failAll(error: unknown): void;
}
