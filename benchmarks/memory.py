"""Resident memory of ``gatehouse gate`` at work: 2,000 bookings, a broker, readers who come and go.

With simulated wires, whose code a gate on hardware does not load; it loads evdev and lgpio instead.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.crowd import SPEED, Crowd
from benchmarks.figure import Figure
from benchmarks.mosquitto import mosquitto
from benchmarks.process import gate
from benchmarks.rig import told
from benchmarks.server import Server

CARDS = 2000


def run(directory: Path, scale: float) -> list[Figure]:
    """When it has just started and heard everything, and after 200 readers."""
    readers = max(3, round(200 * scale))
    with mosquitto(directory) as port:
        server = Server(port)
        for topic, payload in told(CARDS).items():
            server.say(topic, payload, retain=True)
        with gate(directory, port, speed=SPEED) as lane:
            server.turn_until(time.perf_counter() + 2.0)
            fresh_mb = lane.resident_mb()
            Crowd(lane, server, range(readers))
            used_mb = lane.resident_mb()
        server.close()
    return [
        Figure(
            "resident memory of a gate",
            "≤ 60 MB",
            f"{used_mb:.0f} MB after {readers} readers, {fresh_mb:.0f} MB before",
            max(fresh_mb, used_mb) <= 60,
            {"fresh_mb": fresh_mb, "used_mb": used_mb},
        )
    ]
