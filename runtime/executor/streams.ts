// Runs a generator and sends its items as they are yielded, no further ahead
// of the reader than the template allows.

import { STREAM_ITEMS_MAX } from "../base/limits.ts";
import type { ExecutorPorts } from "./ports.ts";
import type { Results } from "./results.ts";
import type { TaskRun } from "./task_run.ts";

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Drives `source` to its end; rejects with what it throws. */
export async function runStream(
  run: TaskRun,
  source: unknown,
  ports: ExecutorPorts,
  results: Results,
): Promise<void> {
  const iterator = iteratorOf(run, await source);
  let count = 0;
  try {
    for (; count < STREAM_ITEMS_MAX - 1; count++) {
      await readerCatchesUp(run, count);
      if (run.cancelled) throw run.signal.reason;
      const step = await (ports.runAs(run, () => iterator.next()) as
        | IteratorResult<unknown>
        | Promise<IteratorResult<unknown>>);
      if (step.done) break;
      if (run.ended) return;
      await results.yielded(run, count, step.value);
    }
  } catch (error) {
    // Lets the generator's `finally` blocks run; the first error counts.
    await Promise.resolve(iterator.return?.()).catch(() => {});
    throw error;
  }
  const { number } = run;
  await results.ended(run, { type: "stream_ended", number, count });
}

function iteratorOf(run: TaskRun, source: unknown): AnyIterator {
  const iterable = source as
    & Partial<AsyncIterable<unknown>>
    & Partial<Iterable<unknown>>;
  const iterator = iterable?.[Symbol.asyncIterator]?.() ??
    iterable?.[Symbol.iterator]?.();
  if (iterator) return iterator;
  throw new TypeError(
    `Cannot stream from ${run.template.spec.name}: it returned no iterable`,
  );
}

/** Resolves when item `index` may be made. */
async function readerCatchesUp(run: TaskRun, index: number): Promise<void> {
  const { backpressure } = run.template.spec;
  if (backpressure === 0) return;
  while (index - run.consumed >= backpressure && !run.cancelled) {
    await new Promise<void>((resolve) => {
      run.onConsumed = resolve;
    });
    run.onConsumed = undefined;
  }
}
