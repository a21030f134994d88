// How a thread writes objects into its node's store and opens them: it watches
// for the store's answer for a moment, where the store is near enough.

import {
  COPY_BYTES_PER_US,
  STORE_ANSWER_US_MAX,
  STORE_ROOM_MS_MAX,
} from "./base/limits.ts";
import type { WorkerId } from "./base/ids.ts";
import type { StoreUser } from "./object_store/denial_error.ts";
import { RemoteStoreClient } from "./object_store/remote_store_client.ts";
import type { StoreAccess } from "./object_store/store_access.ts";
import { StoreClient } from "./object_store/store_client.ts";
import type { WritableObject } from "./object_store/writable_object.ts";
import type { Encoded } from "./owner/ports.ts";
import { spinUntil, Watch } from "./platform/spin.ts";
import type { ToNode } from "./protocol/node_messages.ts";
import type { Platform } from "./platform/platform.ts";
import type { NodeLink, ThreadWires } from "./thread_wires.ts";

/** The access of a thread to its node's store, as near as it is. */
export function openStore(
  thread: {
    readonly identity: StoreUser;
    sendNode(message: ToNode): void;
  },
  { wires, platform }: {
    readonly wires: ThreadWires;
    readonly platform: Pick<
      Platform,
      "collectGarbage" | "makeMemoryFile" | "openSharedFile" | "returnMemory"
    >;
  },
  node: NodeLink,
): StoreAccess {
  const options = {
    identity: thread.identity,
    send: (message: { readonly type: string }) =>
      thread.sendNode(message as ToNode),
    collectGarbage: () => void platform.collectGarbage(),
  };
  if (wires.canWatch) {
    const { openSharedFile } = platform;
    return new StoreClient({ ...options, openSharedFile });
  }
  return new RemoteStoreClient({
    ...options,
    near: { platform, process: () => wires.nodeProcess },
    returnMemory: platform.returnMemory,
    flush: () => node.flush(),
  });
}

/** See the head of the file. */
export class ThreadObjects {
  readonly #store: StoreAccess;
  readonly #wires: ThreadWires;
  /** Before a reader waits for the store. */
  readonly #storeWatch = new Watch(STORE_ANSWER_US_MAX);

  constructor(
    store: StoreAccess,
    wires: ThreadWires,
  ) {
    this.#store = store;
    this.#wires = wires;
  }

  /**
   * Writes an object into the store. Its bytes are taken over before this
   * returns, whether or not there is room yet: what the user changes later is
   * not seen. Resolves once the store has accepted it.
   */
  write(
    owner: WorkerId,
    number: number,
    encoded: Pick<Encoded, "sizeBytes" | "layOut">,
  ): Promise<void> {
    const { sizeBytes } = encoded;
    let granted: WritableObject | undefined;
    const created = this.#store.create(owner, number, sizeBytes, (writable) => {
      granted = writable;
    });
    this.#wires.node.flush();
    if (this.#wires.canWatch) {
      this.#awaitRoom(() => granted !== undefined, sizeBytes);
    }
    if (granted) {
      writeAndSeal(granted, encoded);
      return created.then(() => {});
    }
    const copy = new Uint8Array(sizeBytes);
    encoded.layOut(copy);
    return created.then((writable) =>
      writeAndSeal(writable, { layOut: (target) => target.set(copy) })
    );
  }

  /** Most often the node answers at once, and one copy is enough. */
  #awaitRoom(isGranted: () => boolean, sizeBytes: number): void {
    const isAnswered = () => this.#storeAnswered(isGranted);
    const untilMs = performance.now() +
      Math.min(sizeBytes / COPY_BYTES_PER_US / 1_000, STORE_ROOM_MS_MAX);
    if (spinUntil(isAnswered, STORE_ANSWER_US_MAX)) return;
    // There is no room yet: who makes some needs the processor.
    while (performance.now() < untilMs && !isAnswered()) {
      this.#wires.mail.sleep(STORE_ANSWER_US_MAX / 1_000);
    }
  }

  /** The bytes of an object; watches for the store's answer for a moment. */
  open(owner: WorkerId, number: number): Promise<Uint8Array> {
    const opened = this.#store.open(owner, number);
    const isOpen = () => this.#store.isOpen(owner, number);
    if (isOpen()) return opened;
    this.#wires.node.flush();
    if (this.#wires.canWatch) {
      this.#storeWatch.until(() => this.#storeAnswered(isOpen));
    }
    return opened;
  }

  #storeAnswered(isAnswer: () => boolean): boolean {
    const { mail } = this.#wires;
    if (mail.hasMail) mail.poll();
    // The store may have asked for something, too.
    this.#wires.node.flush();
    this.#wires.node.pollShared();
    return isAnswer();
  }
}

function writeAndSeal(
  writable: WritableObject,
  { layOut }: Pick<Encoded, "layOut">,
): void {
  // Gives the memory back should the bytes not be had.
  using target = writable;
  layOut(target.bytes);
  target.seal();
}
