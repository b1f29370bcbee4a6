"""How every peer measures: once, in a fresh interpreter, wall and CPU time of the work alone."""

import gc
import time


def measured(work):
    """Runs work() and prints a line with nanoseconds of wall time, of CPU time, and what it returned."""
    gc.collect()
    computed = time.process_time_ns()
    started = time.perf_counter_ns()
    answer = work()
    wall = time.perf_counter_ns() - started
    cpu = time.process_time_ns() - computed
    print(wall, cpu, answer)
