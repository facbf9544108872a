"""Fire input → lane open, while every commit stalls for a second and cards go on being tapped.

From the edge on the input's pin to the new level of the lock's pin. Before each alarm three cards are
tapped, which lie before it in the loop's inbox, and a transaction waits for the disk all the time. After
each alarm a guard's command brings the lane back to normal, and it locks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.figure import Figure, latency
from benchmarks.mosquitto import mosquitto
from benchmarks.rig import START, Rig, Stopwatch, rig, told, uid, wait_for
from benchmarks.server import Server

CARDS = 300
STALL_S = 1.0


def measure(directory: Path, alarms: int) -> Stopwatch:
    """So many alarms."""
    with mosquitto(directory) as port:
        server = Server(port)
        for topic, payload in told(CARDS).items():
            server.say(topic, payload, retain=True)
        server.close()
        with rig(directory, port, speed=1.0) as gate:
            gate.stall(STALL_S)
            gate.step_up()
            watch = Stopwatch(gate)
            for number in range(alarms):
                for card in range(3):
                    gate.world.tap(uid((3 * number + card) % CARDS))
                watch.time(partial(gate.world.fire, True))
                gate.world.fire(False)
                _back_to_normal(gate, number)
            gate.stall(0.0)
    return watch


def _back_to_normal(gate: Rig, number: int) -> None:
    began = datetime.fromisoformat(START)
    command = {
        "id": f"normal-{number}", "do": "normal", "by": "guard",
        "issued_at": began.isoformat(), "expires_at": (began + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    gate.hear("commands/north", command)
    wait_for(lambda: not gate.world.open)


def run(directory: Path, scale: float) -> list[Figure]:
    """A few hundred alarms."""
    watch = measure(directory, max(3, round(300 * scale)))
    name = "fire input → lane open, disk stalled for 1 s"
    return [latency(name, watch.took_s, p99_ms=20, failed=watch.not_opened)]
