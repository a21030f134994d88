"""Ray under the rows of bench/ray_rows.ts: the same names, batches and counts."""

import os

import numpy as np
import ray

from row_printer import print_rate

CALLERS = 4
CALLS = 5_000
HALF_CPUS = max(1, (os.cpu_count() or 1) // 2)


@ray.remote
def small_value():
    return b"ok"


@ray.remote
def put_small():
    for _ in range(100):
        ray.put(0)


@ray.remote
def put_large():
    array = np.ones(10 * 1024 * 1024, dtype=np.int64)
    for _ in range(10):
        ray.put(array)


@ray.remote
def make_many_refs():
    return [ray.put(1) for _ in range(10_000)]


@ray.remote(num_cpus=0)
class Server:
    def small_value(self):
        return b"ok"

    def small_value_arg(self, _value):
        return b"ok"

    def small_tasks(self, count):
        ray.get([small_value.remote() for _ in range(count)])


@ray.remote(num_cpus=0)
class AsyncServer:
    async def small_value(self):
        return b"ok"

    async def small_value_arg(self, _value):
        return b"ok"


@ray.remote(num_cpus=0)
class Client:
    def __init__(self, servers):
        self.servers = servers

    def call_all(self, count):
        ray.get([s.small_value.remote() for s in self.servers for _ in range(count)])

    def call_all_with_arg(self, count):
        arg = ray.put(0)
        ray.get(
            [s.small_value_arg.remote(arg) for s in self.servers for _ in range(count)]
        )


@ray.remote
def call_in_turn(servers, count):
    ray.get([servers[i % len(servers)].small_value.remote() for i in range(count)])


def objects():
    ref = ray.put(0)
    print_rate("single client get calls (Plasma Store)", lambda: ray.get(ref))
    print_rate("single client put calls (Plasma Store)", lambda: ray.put(0))
    print_rate(
        "multi client put calls (Plasma Store)",
        lambda: ray.get([put_small.remote() for _ in range(10)]),
        1_000,
    )
    array = np.ones(100 * 1024 * 1024, dtype=np.int64)
    print_rate("single client put gigabytes", lambda: ray.put(array), 0.8)
    print_rate("single client tasks and get batch", batch)
    print_rate(
        "multi client put gigabytes",
        lambda: ray.get([put_large.remote() for _ in range(10)]),
        8,
    )
    many = make_many_refs.remote()
    ray.wait([many])
    print_rate(
        "single client get object containing 10k refs", lambda: ray.get(many)
    )
    print_rate("single client wait 1k refs", wait_many)


def batch():
    ray.get([small_value.remote() for _ in range(1_000)])


def wait_many():
    rest = [small_value.remote() for _ in range(1_000)]
    while rest:
        _, rest = ray.wait(rest)


def tasks():
    print_rate("single client tasks sync", lambda: ray.get(small_value.remote()))
    print_rate("single client tasks async", batch, 1_000)
    servers = [Server.remote() for _ in range(CALLERS)]
    print_rate(
        "multi client tasks async",
        lambda: ray.get([s.small_tasks.remote(10_000) for s in servers]),
        40_000,
    )
    kill(servers)


def kill(actors):
    for actor in actors:
        ray.kill(actor)


def many_calls(row, server, args=lambda i: ()):
    print_rate(
        row, lambda: ray.get([server(*args(i)) for i in range(1_000)]), 1_000
    )


def one_to_many(row, kind):
    servers = [kind.remote() for _ in range(HALF_CPUS)]
    client = Client.remote(servers)
    print_rate(
        row, lambda: ray.get(client.call_all.remote(CALLS)), CALLS * HALF_CPUS
    )
    kill([client, *servers])


def many_to_many(row, kind):
    servers = [kind.remote() for _ in range(HALF_CPUS)]
    print_rate(
        row,
        lambda: ray.get([call_in_turn.remote(servers, CALLS) for _ in range(CALLERS)]),
        CALLERS * CALLS,
    )
    kill(servers)


def actors():
    server = Server.remote()
    print_rate("1:1 actor calls sync", lambda: ray.get(server.small_value.remote()))
    many_calls("1:1 actor calls async", server.small_value.remote)
    concurrent = Server.options(max_concurrency=16).remote()
    many_calls("1:1 actor calls concurrent", concurrent.small_value.remote)
    kill([server, concurrent])
    one_to_many("1:n actor calls async", Server)
    many_to_many("n:n actor calls async", Server)
    servers = [Server.remote() for _ in range(HALF_CPUS)]
    clients = [Client.remote([server]) for server in servers]
    print_rate(
        "n:n actor calls with arg async",
        lambda: ray.get([c.call_all_with_arg.remote(1_000) for c in clients]),
        1_000 * HALF_CPUS,
    )
    kill([*clients, *servers])


def async_actors():
    server = AsyncServer.remote()
    print_rate(
        "1:1 async-actor calls sync", lambda: ray.get(server.small_value.remote())
    )
    many_calls("1:1 async-actor calls async", server.small_value.remote)
    many_calls(
        "1:1 async-actor calls with args async",
        server.small_value_arg.remote,
        lambda i: (i,),
    )
    kill([server])
    one_to_many("1:n async-actor calls async", AsyncServer)
    many_to_many("n:n async-actor calls async", AsyncServer)


def groups():
    def create_and_remove():
        made = [
            ray.util.placement_group([{"custom": 0.001}]) for _ in range(100)
        ]
        for group in made:
            group.wait(timeout_seconds=30)
        for group in made:
            ray.util.remove_placement_group(group)

    print_rate("placement group create/removal", create_and_remove, 100)


ray.init(
    resources={"custom": 100},
    include_dashboard=False,
    logging_level="error",
    log_to_driver=False,
)
objects()
tasks()
actors()
async_actors()
groups()
ray.shutdown()
