"""Ray under the rows of manta_scale.ts: many of each, memory, and the start."""

import os
import time

import numpy as np
import ray

from row_printer import QUICK, elapsed_s, memory_mb, print_row, print_skip

LIST = list(range(10_000))
# Ray's own counts take minutes on two cores: these are reckoned up.
QUEUED = 5_000 if QUICK else 20_000
ACTORS = 20 if QUICK else 100
GROUPS = 100 if QUICK else 1_000
SLEEP_S = 1 if QUICK else 3


@ray.remote
def small_value():
    return b"ok"


@ray.remote(num_cpus=0.125)
def sleep(seconds):
    time.sleep(seconds)


@ray.remote
def sum_lists(*lists):
    return sum(map(sum, lists))


@ray.remote
def make_lists(count):
    return [list(LIST) for _ in range(count)]


@ray.remote(num_cpus=0)
class Light:
    def ping(self):
        return "ok"


def run(row, unit, work):
    try:
        print_row(row, work(), unit)
    except Exception as error:
        print_skip(row, f"{type(error).__name__}: {error}"[:200])


def many_tasks():
    count = 8 * (os.cpu_count() or 1)
    took = elapsed_s(lambda: ray.get([sleep.remote(SLEEP_S) for _ in range(count)]))
    return count / max(took - SLEEP_S, 1e-6)


actors = []


def many_actors():
    def create():
        actors.extend(Light.remote() for _ in range(ACTORS))
        ray.get([actor.ping.remote() for actor in actors], timeout=150)

    return ACTORS / elapsed_s(create)


def many_groups():
    def create_and_remove():
        made = [ray.util.placement_group([{"custom": 0.001}]) for _ in range(GROUPS)]
        for group in made:
            group.wait(timeout_seconds=60)
        for group in made:
            ray.util.remove_placement_group(group)

    return GROUPS / elapsed_s(create_and_remove)


def many_arguments():
    def work():
        lists = [ray.put(LIST) for _ in range(10_000)]
        assert ray.get(sum_lists.remote(*lists)) == 10_000 * sum(LIST)

    return elapsed_s(work)


def many_returns():
    def work():
        for ref in make_lists.options(num_returns=3_000).remote(3_000):
            assert ray.get(ref)[-1] == LIST[-1]

    return elapsed_s(work)


def get_many():
    def work():
        assert len(ray.get([ray.put(LIST) for _ in range(10_000)])) == 10_000
        array = np.arange(10_000, dtype=np.float64)
        assert len(ray.get([ray.put(array) for _ in range(10_000)])) == 10_000

    return elapsed_s(work)


def queued():
    ray.get(small_value.remote())
    took = elapsed_s(lambda: ray.get([small_value.remote() for _ in range(QUEUED)]))
    return took * 1_000_000 / QUEUED


start = time.perf_counter()
ray.init(
    resources={"custom": 100},
    include_dashboard=False,
    logging_level="error",
    log_to_driver=False,
)
ray.get(small_value.remote())
print_row("init to first result", (time.perf_counter() - start) * 1_000, "milliseconds")
time.sleep(2)
print_row("memory after the first result", memory_mb(), "megabytes")
run("many tasks, 8 asleep per core", "per second", many_tasks)
run("many actors, created and called", "per second", many_actors)
print_row(f"memory of {ACTORS} actors", memory_mb(), "megabytes")
for actor in actors:
    ray.kill(actor)
actors.clear()
time.sleep(2)
run("many placement groups", "per second", many_groups)
run("10,000 object arguments to one task", "seconds", many_arguments)
run("3,000 returns from one task", "seconds", many_returns)
run("get of 10,000 lists, then of 10,000 arrays", "seconds", get_many)
run("1,000,000 queued tasks", "seconds", queued)
ray.shutdown()
