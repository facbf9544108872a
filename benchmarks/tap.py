"""Card read → lock pin: from the first key stroke of the reader to the new level of the lock's pin.

In between: the reader's driver, the way to the loop's thread, the token, the decision among 2,000
bookings, a transaction with its fsync on the journal's thread, the way back, the lane's driver. The link
to a real broker is up, and what follows from the visit before may still be on its way there. The
temperature was taken before, as when the face comes first. Between two taps the reader walks through and,
so that a hundred stay inside, an earlier one leaves.

One reader follows the other within 20 ms, so that processor and disk are awake. What it costs to wake them
is a property of the machine; it is measured beside, with a third of a second between two taps.
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
QUEUE, HALL = 80.0, 5.0
"""How much faster than life: one reader behind the other, or pauses in which the machine dozes off."""


def measure(directory: Path, taps: int, *, speed: float, stall_s: float = 0.0) -> Stopwatch:
    """Taps, at a gate whose clock runs so fast, on a disk whose fsync takes so much longer than it does."""
    directory.mkdir()
    with mosquitto(directory) as port:
        server = Server(port)
        for topic, payload in told(max(CARDS, taps)).items():
            server.say(topic, payload, retain=True)
        server.close()
        with rig(directory, port, speed=speed) as gate:
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
    """On this disk, after a pause, and on a disk whose fsync takes 30 ms longer."""
    taps = max(3, round(2000 * scale))
    fast = measure(directory / "disk", taps, speed=QUEUE)
    slow = measure(directory / "slow", max(3, taps // 4), speed=HALL, stall_s=0.03)
    woken = measure(directory / "woken", max(3, taps // 8), speed=HALL)
    name = "card read → lock pin"
    return [
        latency(name, fast.took_s, p50_ms=1, p99_ms=3, failed=fast.not_opened, disk=fast.disk_s),
        latency(f"{name}, fsync + 30 ms", slow.took_s, p99_ms=60, failed=slow.not_opened, disk=slow.disk_s),
        latency(f"{name}, machine woken", woken.took_s, failed=woken.not_opened, disk=woken.disk_s),
    ]
