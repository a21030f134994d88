// The rows of Ray's own microbenchmark, under Ray's names and with its meaning:
// what one turn does, how often it counts, how large the batches are. Only how
// long each row is repeated is our own choice.

import {
  type ActorHandle,
  get,
  kill,
  type ObjectRef,
  placementGroup,
  put,
  wait,
} from "manta";
import { cpuCount } from "../runtime/platform/machine.ts";
import {
  COMLINK_ECHO,
  MEMCPY_GIGABYTE,
  PISCINA_ECHO,
  POST_MESSAGE_ECHO,
} from "./limits.ts";
import {
  AsyncServer,
  callInTurn,
  Client,
  makeManyRefs,
  putLarge,
  putSmall,
  Server,
  type SmallServer,
  smallValue,
} from "./remotes.ts";
import { type Loop, rate, type Row, type Target } from "./row.ts";

/** Of the node's CPUs: a group takes this little of it. */
export const GROUP_RESOURCE = "custom";

/** As many actors as half of the CPUs, as Ray has it. */
const HALF_CPUS = Math.max(1, Math.floor(cpuCount() / 2));
const CALLERS = 4;
const CALLS = 5_000;

const ECHOES: Target = {
  ratios: { [POST_MESSAGE_ECHO]: 0.65, [COMLINK_ECHO]: 1, [PISCINA_ECHO]: 1 },
};

/** All of them, in Ray's order. */
export const RAY_ROWS: readonly Row[] = [
  rate("single client get calls (Plasma Store)", 1, getCalls),
  rate("single client put calls (Plasma Store)", 1, putCalls),
  rate("multi client put calls (Plasma Store)", 1_000, multiPutCalls),
  rate("single client put gigabytes", 0.8, putGigabytes, {
    ratios: { [MEMCPY_GIGABYTE]: 0.7 },
  }),
  rate("single client tasks and get batch", 1, () => taskBatch()),
  rate("multi client put gigabytes", 8, multiPutGigabytes),
  rate("single client get object containing 10k refs", 1, getManyRefs),
  rate("single client wait 1k refs", 1, waitManyRefs),
  rate("single client tasks sync", 1, tasksSync, ECHOES),
  rate("single client tasks async", 1_000, () => taskBatch(), {
    value: 250_000,
  }),
  rate("multi client tasks async", 40_000, multiTasksAsync),
  rate("1:1 actor calls sync", 1, () => callsSync(startServer()), ECHOES),
  rate("1:1 actor calls async", 1_000, () => callsAsync(startServer()), {
    value: 300_000,
  }),
  rate("1:1 actor calls concurrent", 1_000, callsConcurrent),
  rate(
    "1:n actor calls async",
    CALLS * HALF_CPUS,
    () => oneToMany(startServers(HALF_CPUS)),
  ),
  rate(
    "n:n actor calls async",
    CALLERS * CALLS,
    () => manyToMany(startServers(HALF_CPUS)),
    { value: 300_000 },
    { threads: CALLERS },
  ),
  rate("n:n actor calls with arg async", 1_000 * HALF_CPUS, manyWithArg),
  rate("1:1 async-actor calls sync", 1, () => callsSync(startAsyncServer())),
  rate(
    "1:1 async-actor calls async",
    1_000,
    () => callsAsync(startAsyncServer()),
  ),
  rate("1:1 async-actor calls with args async", 1_000, callsWithArgs),
  rate(
    "1:n async-actor calls async",
    CALLS * HALF_CPUS,
    () => oneToMany(startAsyncServers(HALF_CPUS)),
  ),
  rate(
    "n:n async-actor calls async",
    CALLERS * CALLS,
    () => manyToMany(startAsyncServers(HALF_CPUS)),
  ),
  rate("placement group create/removal", 100, placementGroups),
];

/** Calls from many tasks to `count` actors, for other numbers of them. */
export function manyToManyRow(count: number): Row {
  const actors = count === 1 ? "1 actor" : `${count} actors`;
  return rate(
    `n:n actor calls async, ${actors}`,
    CALLERS * CALLS,
    () => manyToMany(startServers(count)),
    { value: 300_000 },
    { threads: count },
  );
}

async function getCalls(): Promise<Loop> {
  const ref = await put(0);
  return { once: () => get(ref) };
}

function putCalls(): Loop {
  return { once: () => put(0) };
}

function multiPutCalls(): Loop {
  return { once: () => get(times(10, () => putSmall.remote())) };
}

function putGigabytes(): Loop {
  // Memory that was never written to would be quicker to read than any other.
  const array = new BigInt64Array(100 * 1024 * 1024).fill(1n);
  return {
    once: async () => {
      using _ref = await put(array);
    },
  };
}

function multiPutGigabytes(): Loop {
  return { once: () => get(times(10, () => putLarge.remote())) };
}

function taskBatch(): Loop {
  return { once: () => get(times(1_000, () => smallValue.remote())) };
}

async function getManyRefs(): Promise<Loop> {
  const ref = makeManyRefs.remote();
  await wait([ref]);
  return { once: () => get(ref) };
}

function waitManyRefs(): Loop {
  return {
    once: async () => {
      let rest: ObjectRef<string>[] = times(1_000, () => smallValue.remote());
      while (rest.length > 0) [, rest] = await wait(rest);
    },
  };
}

function tasksSync(): Loop {
  return { once: () => get(smallValue.remote()) };
}

function multiTasksAsync(): Loop {
  const servers = startServers(CALLERS);
  return {
    once: () => get(servers.map((it) => it.smallTasks.remote(10_000))),
    end: () => servers.forEach((server) => kill(server)),
  };
}

function callsSync(server: ActorHandle<SmallServer>): Loop {
  return {
    once: () => get(server.smallValue.remote()),
    end: () => kill(server),
  };
}

function callsAsync(server: ActorHandle<SmallServer>): Loop {
  return {
    once: () => get(times(1_000, () => server.smallValue.remote())),
    end: () => kill(server),
  };
}

function callsConcurrent(): Loop {
  return callsAsync(Server.options({ maxConcurrency: 16 }).remote());
}

function callsWithArgs(): Loop {
  const server = startAsyncServer();
  return {
    once: () => get(times(1_000, (i) => server.smallValueArg.remote(i))),
    end: () => kill(server),
  };
}

function oneToMany(servers: readonly ActorHandle<SmallServer>[]): Loop {
  const client = Client.remote(servers);
  return {
    once: () => get(client.callAll.remote(CALLS)),
    end: () => [client, ...servers].forEach((actor) => kill(actor)),
  };
}

function manyToMany(servers: readonly ActorHandle<SmallServer>[]): Loop {
  return {
    once: () => get(times(CALLERS, () => callInTurn.remote(servers, CALLS))),
    end: () => servers.forEach((server) => kill(server)),
  };
}

function manyWithArg(): Loop {
  const servers = startServers(HALF_CPUS);
  const clients = servers.map((server) => Client.remote([server]));
  return {
    once: () => get(clients.map((it) => it.callAllWithArg.remote(1_000))),
    end: () => [...clients, ...servers].forEach((actor) => kill(actor)),
  };
}

function placementGroups(): Loop {
  return {
    once: async () => {
      const groups = times(
        100,
        () => placementGroup([{ [GROUP_RESOURCE]: 0.001 }]),
      );
      for (const group of groups) await group.wait(30_000);
      for (const group of groups) await group.remove();
    },
  };
}

function startServer(): ActorHandle<SmallServer> {
  return Server.remote();
}

function startServers(count: number) {
  return times(count, () => Server.remote());
}

function startAsyncServer(): ActorHandle<SmallServer> {
  return AsyncServer.remote();
}

function startAsyncServers(count: number) {
  return times(count, startAsyncServer);
}

function times<T>(count: number, make: (index: number) => T): T[] {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(make(i));
  return made;
}
