"""Fire input → lane open, while each commit stalls for a second and cards go on being tapped."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from benchmarks.figure import Figure, latency
from benchmarks.rig import Rig, rig, uid, wait_for


def measure(directory: Path, alarms: int) -> list[float]:
    """Seconds of each alarm, from the edge on the input pin to the level of the lock's pin."""
    seconds: list[float] = []
    stalling = False
    opened = threading.Event()
    opened_s = 0.0

    def lock_changed(on: bool) -> None:
        nonlocal opened_s
        if on:
            opened_s = time.perf_counter()
            opened.set()

    def stall() -> None:
        if stalling:
            time.sleep(1.0)

    with rig(directory, alarms, stall) as gate:
        gate.measured()
        stalling = True
        gate.lock_changed = lock_changed
        for number in range(alarms):
            gate.world.tap(uid(number))
            time.sleep(0.003 * (number % 5))
            opened.clear()
            began_s = time.perf_counter()
            gate.world.fire(True)
            if not opened.wait(10):
                raise TimeoutError(f"alarm {number} did not open the lane")
            seconds.append(opened_s - began_s)
            gate.world.fire(False)
            _normal(gate, number)
        stalling = False
    return seconds


def _normal(gate: Rig, number: int) -> None:
    command = {
        "id": f"normal-{number}", "do": "normal", "by": "guard",
        "issued_at": "2026-03-09T00:00:00+08:00", "expires_at": "2026-03-19T00:00:00+08:00",
    }  # fmt: skip
    gate.say("commands/north", command)
    wait_for(lambda: not gate.world.open)


def run(directory: Path, scale: float) -> list[Figure]:
    """A few hundred alarms."""
    seconds = measure(directory, max(3, round(300 * scale)))
    return [latency("fire input → lane open, disk stalled for 1 s", seconds, p99_ms=20)]
