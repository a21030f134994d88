// The errors of refs whose object cannot be had any more, with the reason and
// the way out.

import {
  type MantaError,
  ObjectLostError,
  OwnerDiedError,
} from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";

/** For an object that its owner does not have any more. */
export function lostError(ownerId: WorkerId, number: number): MantaError {
  return new ObjectLostError(
    `Cannot read object ${number}: its owner has freed it`,
    { details: { ownerId } },
  );
}

/** For an object whose owner has ended. */
export function ownerDiedError(
  owner: WorkerId,
  number: number,
  cause: Error | undefined,
): MantaError {
  return new OwnerDiedError(
    `Cannot read object ${number} of ${owner}: the thread that owned it is ` +
      "gone. Keep the task or actor that made the object alive, or return " +
      "the value instead of a ref",
    cause ? { cause } : {},
  );
}
