"""Ray under the rows of manta_nodes.ts: nodes are processes of one machine."""

import time

import numpy as np
import ray
from ray.cluster_utils import Cluster

from row_printer import QUICK, print_rate, print_row, print_skip

NODE_COUNTS = [1, 2, 4]
TASKS = 1_000
VALUE_BYTES = int(64e6 if QUICK else 256e6)
BROADCASTS = 3
STORE_BYTES = 1 << 30


@ray.remote
def small_value():
    return b"ok"


@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
class Reader:
    def length_of(self, array):
        return len(array)


def broadcast():
    count = NODE_COUNTS[-1]
    row = f"{VALUE_BYTES // 1_000_000} MB to each of {count} nodes"
    try:
        readers = [Reader.remote() for _ in range(count)]
        ray.get([it.length_of.remote(b"1") for it in readers])
        took = 0
        for n in range(BROADCASTS):
            array = np.full(VALUE_BYTES, n, dtype=np.uint8)
            start = time.perf_counter()
            value = ray.put(array)
            lengths = ray.get([it.length_of.remote(value) for it in readers])
            took += time.perf_counter() - start
            assert lengths == [VALUE_BYTES] * count
            del value
        print_row(row, took / BROADCASTS * 1_000, "milliseconds")
    except Exception as error:
        print_skip(row, f"{type(error).__name__}: {error}"[:200])


cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES},
)
ray.init(address=cluster.address, logging_level="error", log_to_driver=False)
started = 0
for count in NODE_COUNTS:
    while started < count:
        cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        started += 1
    cluster.wait_for_nodes()
    print_rate(
        f"tasks, {count} nodes",
        lambda: ray.get([small_value.remote() for _ in range(TASKS)]),
        TASKS,
    )
broadcast()
ray.shutdown()
cluster.shutdown()
