"""Ray under the rows of manta_cores.ts: tasks by the number of cores."""

import os
import time

import ray

from row_printer import print_rate

BURNS = 50
TASKS = 1_000


@ray.remote
def small_value():
    return b"ok"


def spin(rounds):
    x = 88_172_645
    for _ in range(rounds):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
    return x


def calibrate(ms):
    rounds = 10_000
    for _ in range(20):
        start = time.perf_counter()
        spin(rounds)
        rounds = int(rounds * ms / 1_000 / (time.perf_counter() - start))
    return rounds


burn = ray.remote(spin)
rounds = calibrate(10)
for cores in range(1, (os.cpu_count() or 1) + 1):
    ray.init(
        num_cpus=cores,
        include_dashboard=False,
        logging_level="error",
        log_to_driver=False,
    )
    print_rate(
        f"tasks, {cores} cores",
        lambda: ray.get([small_value.remote() for _ in range(TASKS)]),
        TASKS,
    )
    print_rate(
        f"tasks of 10 ms, {cores} cores",
        lambda: ray.get([burn.remote(rounds) for _ in range(BURNS)]),
        BURNS,
    )
    ray.shutdown()
