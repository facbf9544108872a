"""What was measured on: without it no figure means anything."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figure import percentile

SYNCS, WAKES = 200, 500


def machine(directory: Path) -> dict[str, Any]:
    """Processor, Python, how long the disk's fsync takes, how late a sleeper wakes, and who else is busy."""
    syncs, wakes = _fsync_s(directory), _late_s()
    return {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "fsync_p50_ms": round(1e3 * percentile(syncs, 0.5), 2),
        "fsync_p99_ms": round(1e3 * percentile(syncs, 0.99), 2),
        "wake_p50_ms": round(1e3 * percentile(wakes, 0.5), 2),
        "wake_p99_ms": round(1e3 * percentile(wakes, 0.99), 2),
    }


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
