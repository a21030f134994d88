"""Dask under the rows of manta_graph.ts: a local cluster with a process per core."""

import os

import numpy as np
from distributed import Client, LocalCluster

from row_printer import QUICK, print_rate

TASKS = 200 if QUICK else 1_000
CHAIN = 50 if QUICK else 200
LEAVES = 64 if QUICK else 256


def echo(value):
    return value


def add(a, b):
    return a + b


def last(array):
    return int(array[-1])


def main():
    cluster = LocalCluster(
        n_workers=os.cpu_count(),
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=50,
    )
    with cluster, Client(cluster) as client:
        # Without `pure=False` the same call would be one task.
        print_rate(
            "task after task",
            lambda: client.submit(echo, 1, pure=False).result(),
        )

        def batch():
            client.gather(client.map(echo, range(TASKS), pure=False))

        print_rate("1,000 tasks, gathered", batch, TASKS)

        def chain():
            future = client.submit(echo, 0, pure=False)
            for _ in range(CHAIN):
                future = client.submit(add, future, 1, pure=False)
            assert future.result() == CHAIN

        print_rate("tasks in a chain", chain, CHAIN + 1)

        def tree():
            level = client.map(echo, range(LEAVES), pure=False)
            while len(level) > 1:
                level = client.map(add, level[::2], level[1::2], pure=False)
            assert level[0].result() == LEAVES * (LEAVES - 1) // 2

        print_rate("tasks in a tree", tree, 2 * LEAVES - 1)
        array = np.ones(12_500_000)

        def scatter():
            future = client.scatter(array, hash=False)
            assert client.submit(last, future, pure=False).result() == 1

        print_rate("100 MB scattered to a task, gigabytes", scatter, 0.1)


        def gather():
            made = client.submit(np.ones, 12_500_000, pure=False)
            assert client.gather(made)[-1] == 1

        print_rate("100 MB made by a task, gigabytes", gather, 0.1)


if __name__ == "__main__":
    main()
