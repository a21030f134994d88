// Puts values: small ones stay in their ref, large ones go to the store. The
// bytes are taken over before a call returns.

import { INLINE_VALUE_BYTES_MAX } from "../base/limits.ts";
import { isPrimitive } from "../protocol/primitive.ts";
import { type ObjectRef, settleRef } from "./object_ref.ts";
import type { Encoded, OwnerPorts } from "./ports.ts";
import type { References } from "./references.ts";

/** See the head of the file. */
export class Storing {
  readonly #ports: Pick<OwnerPorts, "codec" | "store">;
  readonly #references: References;

  constructor(
    ports: Pick<OwnerPorts, "codec" | "store">,
    references: References,
  ) {
    this.#ports = ports;
    this.#references = references;
  }

  /** Takes a value over at once; resolves when the store has accepted it. */
  async put(value: unknown): Promise<ObjectRef> {
    if (isPrimitive(value)) {
      const ref = this.#references.create();
      settleRef(ref, "primitive", value);
      return ref;
    }
    const encoded = this.#ports.codec.encode(value, "value");
    const ref = this.#references.createHolder(encoded.contained);
    if (encoded.sizeBytes <= INLINE_VALUE_BYTES_MAX) {
      settleRef(ref, "payload", encoded.toPayload());
    } else {
      await this.#store(ref, encoded);
    }
    return ref;
  }

  /** Stores an argument that is too large to travel inline. */
  putSoon(encoded: Encoded): ObjectRef {
    const ref = this.#references.createHolder(encoded.contained);
    ref.seen = true;
    this.#store(ref, encoded).catch((error) =>
      this.#references.fail(ref, this.#ports.codec.encodeError(error))
    );
    return ref;
  }

  async #store(ref: ObjectRef, encoded: Encoded): Promise<void> {
    const { ownerId, number } = ref;
    await this.#ports.store.write(ownerId, number, encoded);
    this.#references.settleStored(ref);
  }
}
