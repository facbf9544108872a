"""What was measured on: without it no figure means anything."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figure import percentile

SYNCS, WAKES, PIECES = 200, 500, 25


def machine(directory: Path) -> dict[str, Any]:
    """Processor, Python and its pace, how long the disk's fsync takes, how late a sleeper wakes, who else is busy."""
    syncs, wakes, paces = _fsync_s(directory), _late_s(), _timed(PIECES, _piece)
    return {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python_min_ms": round(1e3 * min(paces), 1),
        "python_p50_ms": round(1e3 * percentile(paces, 0.5), 1),
        "fsync_p50_ms": round(1e3 * percentile(syncs, 0.5), 2),
        "fsync_p99_ms": round(1e3 * percentile(syncs, 0.99), 2),
        "wake_p50_ms": round(1e3 * percentile(wakes, 0.5), 2),
        "wake_p99_ms": round(1e3 * percentile(wakes, 0.99), 2),
    }


def pace_s() -> float:
    """How long a fixed piece of Python takes now, seconds: a neighbour on the same processor shows in it."""
    return percentile(_timed(PIECES // 3, _piece), 0.5)


def _piece() -> dict[int, int]:
    """Some 20 ms on a processor of 2021."""
    sums: dict[int, int] = {}
    for number in range(200_000):
        sums[number % 1000] = sums.get(number % 1000, 0) + number
    return sums


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, platform.machine())


def _fsync_s(directory: Path) -> list[float]:
    """Appends of 1 KiB, as an admission makes them."""
    file = os.open(directory / "fsync", os.O_CREAT | os.O_WRONLY)
    place = iter(range(SYNCS))
    took = _timed(SYNCS, lambda: (os.pwrite(file, b"x" * 1024, 1024 * next(place)), os.fdatasync(file)))
    os.close(file)
    return took


def _late_s() -> list[float]:
    """By how much a sleep of a millisecond is longer: what other processes take from this one."""
    return [took - 0.001 for took in _timed(WAKES, lambda: time.sleep(0.001))]


def _timed(times: int, act: Callable[[], object]) -> list[float]:
    took: list[float] = []
    for _ in range(times):
        began_s = time.perf_counter()
        act()
        took.append(time.perf_counter() - began_s)
    return took
