// Where the entries of threads are. This file and they must stay in one
// folder: in the binary all modules have one address, and entries are beside
// it (docs/decisions has why).

/** The entry of the node's thread. */
export const NODE_THREAD_URL: string =
  new URL("./node_thread.ts", import.meta.url).href;

/** The entry of threads that run user code. */
export const EXECUTOR_THREAD_URL: string =
  new URL("./executor_thread.ts", import.meta.url).href;

/** The entry of child processes, which have one such thread. */
export const EXECUTOR_PROCESS_URL: string =
  new URL("./executor_process.ts", import.meta.url).href;
