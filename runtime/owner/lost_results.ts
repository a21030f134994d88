// What threads have stored as results of tasks and could not tell, or told in
// vain: their owner has no ref for it, and frees it here.

import { STREAM_ITEMS_LOST_MAX } from "../base/limits.ts";
import type { WorkerId } from "../base/ids.ts";
import type { WireValue } from "../protocol/messages.ts";
import type { OwnerStore } from "./ports.ts";
import type { TaskRecord } from "./task_record.ts";
import { storedAs } from "./wire_value.ts";

/** A result that nobody waits for any more. */
export function discardResult(store: OwnerStore, value: WireValue): void {
  if ("o" in value) store.free(value.o[0], storedAs(value));
}

/** Whatever a task that has failed may have left in the store. */
export function freeLostResults(
  store: OwnerStore,
  owner: WorkerId,
  task: TaskRecord,
): void {
  const { storedFrom, template, itemCount } = task;
  for (let index = 0; index < template.returns; index++) {
    store.free(owner, storedFrom + index);
  }
  if (template.returns >= 0) return;
  const first = storedFrom + 1 + itemCount;
  for (let count = 0; count < STREAM_ITEMS_LOST_MAX; count++) {
    store.free(owner, first + count);
  }
}
