// Is a node of either role. The code of a role is loaded when it is known to be
// needed: a worker has no use for what makes tokens.

import type { StartRequest } from "./start_request.ts";
import type { WorkerNews } from "./worker_process.ts";

/** Resolves when the node has ended; rejects if it cannot start. */
export async function runNode(
  request: StartRequest,
  news: WorkerNews,
): Promise<void> {
  if (request.role === "worker") {
    const { runWorker } = await import("./worker_process.ts");
    return await runWorker(request, news);
  }
  const { runHead } = await import("./head_process.ts");
  await runHead(request, (started) => news.started(started));
}
