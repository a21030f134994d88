// Compile-time tests of `manta/state`.

import {
  type ActorItem,
  listActors,
  listTasks,
  type StateListing,
  type StateSummary,
  summarizeTasks,
  type TaskItem,
} from "../../lib/state/mod.ts";
import { listState, type ObjectItem } from "../../mod.ts";
import { hasType } from "./expect.ts";

hasType<Promise<StateListing<TaskItem>>>()(listTasks());
hasType<Promise<StateListing<ActorItem>>>()(listActors({ detail: true }));
hasType<Promise<StateListing<StateSummary>>>()(summarizeTasks({ limit: 3 }));
hasType<Promise<StateListing<ObjectItem>>>()(listState("objects"));
listTasks({ filters: [["state", "=", "RUNNING"], ["attempt", "!=", 0]] });
// @ts-expect-error: no such comparison
listTasks({ filters: [["state", "<", "RUNNING"]] });
// @ts-expect-error: unknown option
listTasks({ filter: [] });
// @ts-expect-error: nothing of that name is listed
listState("threads");
