"""Processor time of the processes that are measured. Knows nothing of what they are."""

from collections.abc import Mapping
from contextlib import suppress

import psutil


def cpu_s(pid: int) -> float:
    """Return the processor time so far of a process, its threads and its children, in seconds.

    Children that have ended count: their parent inherits their time. Raises psutil.NoSuchProcess.
    """
    root = psutil.Process(pid)
    total = 0.0
    for child in root.children(recursive=True):
        # The parent, asked last, has the time of one that ends in between.
        with suppress(psutil.NoSuchProcess):
            total += _with_ended_children_s(child)
    return total + _with_ended_children_s(root)


def _with_ended_children_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def all_cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor time so far of each of some processes by name, in seconds."""
    return {name: cpu_s(pid) for name, pid in pids.items()}
