"""Card read → lock pin: from the first key stroke of the reader to the level of the lock's pin.

The decision and its fsync lie between; the temperature was taken before, as when a face comes first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import Figure, latency
from benchmarks.rig import rig, uid


def measure(directory: Path, taps: int, before_write: Callable[[], None] = lambda: None) -> list[float]:
    """Seconds of each tap; between taps the person walks through and the next one is measured."""
    seconds: list[float] = []
    opened = threading.Event()
    opened_s = 0.0

    def lock_changed(on: bool) -> None:
        nonlocal opened_s
        if on:
            opened_s = time.perf_counter()
            opened.set()

    with rig(directory, taps, before_write) as gate:
        gate.lock_changed = lock_changed
        for number in range(taps):
            gate.measured()
            opened.clear()
            began_s = time.perf_counter()
            gate.world.tap(uid(number))
            if not opened.wait(10):
                raise TimeoutError(f"tap {number} did not open the lane")
            seconds.append(opened_s - began_s)
            gate.walk()
    return seconds


def run(directory: Path, scale: float) -> list[Figure]:
    """With the disk as it is, and with one whose fsync takes 30 ms longer."""
    taps = max(3, round(2000 * scale))
    (directory / "fast").mkdir()
    (directory / "slow").mkdir()
    fast = measure(directory / "fast", taps)
    slow = measure(directory / "slow", max(3, taps // 4), lambda: time.sleep(0.03))
    return [
        latency("card read → lock pin", fast, p50_ms=1, p99_ms=3),
        latency("card read → lock pin, fsync + 30 ms", slow, p99_ms=60),
    ]
