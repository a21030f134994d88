// What user code prints in one executor thread, on its way to the node and to
// the log files. Lines leave at once, so that none is lost when the thread
// ends or computes on; a flood of them leaves in batches.

import {
  OUTPUT_BACKLOG_BYTES_MAX,
  OUTPUT_LINES_AT_ONCE_MAX,
  OUTPUT_LINES_PER_MESSAGE_MAX,
} from "./base/limits.ts";
import { logFolder, OutputLog } from "./observe/output_log.ts";
import type { ExecutorStart } from "./host_messages.ts";
import type { OutputStream } from "./platform/platform.ts";
import type { OutputLine } from "./protocol/node_messages.ts";
import { currentRun } from "./run_context.ts";
import type { ThreadSession } from "./thread_session.ts";

/** How long a thread that prints too fast sleeps before it looks again. */
const PAUSE_MS = 1;

/** See the head of the file. */
export class ExecutorOutput {
  readonly #thread: ThreadSession;
  readonly #log: OutputLog;
  #lines: OutputLine[] = [];
  /** Lines that left on their own since the last turn. */
  #sentAlone = 0;

  constructor(thread: ThreadSession, start: ExecutorStart) {
    this.#thread = thread;
    const { workerId } = start.identity;
    this.#log = new OutputLog(logFolder(start.sessionPath), workerId);
  }

  /** A line that user code has printed. */
  printed(stream: OutputStream, text: string): void {
    this.#lines.push({ stream, text, ...printer() });
    if (this.#sentAlone < OUTPUT_LINES_AT_ONCE_MAX) {
      this.#sentAlone++;
      this.send();
    } else if (this.#lines.length >= OUTPUT_LINES_PER_MESSAGE_MAX) {
      this.send();
    } else this.#thread.schedule();
  }

  /** A turn of the thread ends. */
  turnEnded(): void {
    this.#sentAlone = 0;
    this.send();
  }

  /** Sends the lines that are held back. */
  send(): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    this.#log.write(lines);
    this.#thread.sendNodeNow({ type: "output", lines });
    this.#waitForRoom();
  }

  /** Like a full pipe: who prints faster than is read has to wait. */
  #waitForRoom(): void {
    let pause: Int32Array | undefined;
    while (this.#thread.nodeBacklogBytes > OUTPUT_BACKLOG_BYTES_MAX) {
      pause ??= new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(pause, 0, 0, PAUSE_MS);
      this.#thread.sendNodeBacklog();
    }
  }
}

/** Who prints: a task, or an actor. */
function printer(): Pick<OutputLine, "source" | "task"> {
  const context = currentRun();
  const actor = context?.run?.slot.actor ?? context?.actor;
  if (actor) return { source: actor.className };
  const { run } = context ?? {};
  return run
    ? { source: run.template.spec.name, task: run.number }
    : { source: "" };
}
