// The sections of the side-by-side benchmark, in the order of the tables. Each
// has rows that the same peers share.

/** A section's title by a short name. */
export const SECTIONS = {
  limits: "What the machine allows",
  ray: "Tasks, actors and objects: Ray",
  pools: "A pool of threads: JavaScript libraries",
  calls: "Calls to another process over the loopback",
  graph: "Tasks that depend on others: Dask",
  cores: "Tasks by the number of cores: Ray",
  nodes: "Tasks and objects over several nodes: Ray",
  sweep: "A sweep of models: Ray with scikit-learn",
  size: "Installed size",
} as const;
