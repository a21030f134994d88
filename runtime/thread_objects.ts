// How a thread writes objects into its node's store and opens them: it watches
// for the store's answer for a moment, where the store is near enough.

import {
  COPY_BYTES_PER_US,
  STORE_ANSWER_US_MAX,
  STORE_ROOM_MS_MAX,
} from "./base/limits.ts";
import type { WorkerId } from "./base/ids.ts";
import type { StoreClient } from "./object_store/store_client.ts";
import type { WritableObject } from "./object_store/writable_object.ts";
import type { Encoded } from "./owner/ports.ts";
import { spinUntil, Watch } from "./platform/spin.ts";
import type { ThreadWires } from "./thread_wires.ts";

/** See the head of the file. */
export class ThreadObjects {
  readonly #store: Pick<StoreClient, "create" | "open" | "isOpen">;
  readonly #wires: ThreadWires;
  /** Before a reader waits for the store. */
  readonly #storeWatch = new Watch(STORE_ANSWER_US_MAX);

  constructor(
    store: Pick<StoreClient, "create" | "open" | "isOpen">,
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
