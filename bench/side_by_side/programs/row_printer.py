"""Prints rows as the other programs do, and repeats a body as row.ts does."""

import json
import os
import time

QUICK = os.environ.get("BENCH_QUICK") == "1"
WARM_UP_S, RUNS, RUN_S = (0.1, 2, 0.1) if QUICK else (0.8, 4, 0.35)


def print_row(row, value, unit):
    print(json.dumps({"row": row, "value": value, "unit": unit}), flush=True)


def print_skip(row, reason):
    print(json.dumps({"row": row, "skipped": reason}), flush=True)


def measure_rate(once, multiplier=1):
    """How often the body runs per second; each time counts `multiplier`."""
    end = time.perf_counter() + WARM_UP_S
    warm_ups = 0
    while warm_ups == 0 or time.perf_counter() < end:
        once()
        warm_ups += 1
    step = warm_ups // 10 + 1
    figures = []
    # A body that takes seconds is not repeated as often.
    last_start = time.perf_counter() + RUNS * RUN_S * 2
    for _ in range(RUNS):
        start = time.perf_counter()
        if figures and start > last_start:
            break
        count = 0
        elapsed = 0
        while elapsed < RUN_S:
            for _ in range(step):
                once()
            count += step
            elapsed = time.perf_counter() - start
        figures.append(multiplier * count / elapsed)
    return sum(figures) / len(figures)


def print_rate(row, once, multiplier=1):
    """A row that fails is named, and the next ones go on."""
    try:
        print_row(row, measure_rate(once, multiplier), "per second")
    except Exception as error:
        print_skip(row, f"{type(error).__name__}: {error}"[:200])


def elapsed_s(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory_mb(root=None):
    """The proportional set size of a process and all below it, in MB."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    root = root or os.getpid()
    total = 0
    for pid in parents:
        at = pid
        while at not in (0, 1, root) and at in parents:
            at = parents[at]
        if at != root:
            continue
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                for line in file:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        except OSError:
            pass
    return total / 1e6
