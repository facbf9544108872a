"""Card read → lock pin: from the first key stroke of the reader to the new level of the lock's pin.

In between: the reader's driver, the way to the loop's thread, the token, the decision among 2,000
bookings, a transaction with its fsync on the journal's thread, the way back, the lane's driver. The link
to a real broker is up, and what follows from the visit before may still be on its way there. The
temperature was taken before, as when the face comes first. Between two taps the reader walks through and,
so that a hundred stay inside, an earlier one leaves.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.figure import Figure, latency
from benchmarks.mosquitto import mosquitto
from benchmarks.rig import Stopwatch, rig, told, uid
from benchmarks.server import Server

CARDS = 2000
INSIDE = 100
SPEED = 10.0


def measure(directory: Path, taps: int, stall_s: float = 0.0) -> Stopwatch:
    """Taps on a disk whose fsync takes so much longer than it does."""
    directory.mkdir()
    with mosquitto(directory) as port:
        server = Server(port)
        for topic, payload in told(max(CARDS, taps)).items():
            server.say(topic, payload, retain=True)
        server.close()
        with rig(directory, port, speed=SPEED) as gate:
            watch = Stopwatch(gate)
            gate.stall(stall_s)
            for number in range(taps):
                gate.step_up()
                if watch.time(partial(gate.world.tap, uid(number))):
                    gate.walk_in()
                    if number >= INSIDE:
                        gate.walk_out(number - INSIDE)
                gate.acknowledge()
    return watch


def run(directory: Path, scale: float) -> list[Figure]:
    """On this disk, and on one whose fsync takes 30 ms longer."""
    taps = max(3, round(2000 * scale))
    fast = measure(directory / "disk", taps)
    slow = measure(directory / "slow", max(3, taps // 4), stall_s=0.03)
    return [
        latency("card read → lock pin", fast.took_s, p50_ms=1, p99_ms=3, failed=fast.not_opened, disk=fast.disk_s),
        latency(
            "card read → lock pin, fsync + 30 ms", slow.took_s, p99_ms=60, failed=slow.not_opened, disk=slow.disk_s
        ),
    ]
