"""A card that a reader publishes (``readers/{device}``) → the event about it, over a real broker, QoS 1, committed.

The gate is a process of its own, the broker another. One client publishes the cards and hears the events,
and its clock takes the time: from handing the card to its socket to the event on the same socket. In
between: two ways through the broker, the decision, the transaction with its fsync.

*Ten a second*: readers with a booking, at one lane. Each stands before the thermometer before the card is
read, is admitted, walks through the beam, and later out.

*300 a second*: no lane lets 300 people a second through. So ten a second are such readers, and 290 are
cards without a booking, which are refused: each is decided, written, sent, and must be heard of once.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.crowd import READERS_PER_S, SPEED, Crowd
from benchmarks.figure import Figure, latency, percentile
from benchmarks.mosquitto import mosquitto
from benchmarks.process import gate
from benchmarks.rig import told
from benchmarks.server import Server

STRANGERS_PER_S = 290.0


def run(directory: Path, scale: float) -> list[Figure]:
    """One gate, one broker: first ten a second, then 300."""
    readers, crowded = max(3, round(500 * scale)), max(3, round(100 * scale))
    with mosquitto(directory) as port:
        server = Server(port)
        for topic, payload in told(readers + crowded).items():
            server.say(topic, payload, retain=True)
        with gate(directory, port, speed=SPEED) as lane:
            server.turn_until(time.perf_counter() + 1.0)
            calm = Crowd(lane, server, range(readers))
            busy = Crowd(lane, server, range(readers, readers + crowded), STRANGERS_PER_S)
        server.close()
    admitted = calm.took_s("visit.admitted")
    name = "card over MQTT → visit.admitted over MQTT, 10/s"
    return [
        latency(name, admitted, p50_ms=4, p99_ms=15, failed=readers - len(admitted)),
        _sustained(busy, crowded),
    ]


def _sustained(busy: Crowd, readers: int) -> Figure:
    sent_s = sorted(busy.sent_s.values())
    rate = (len(sent_s) - 1) / (sent_s[-1] - sent_s[0])
    admitted, denied = busy.took_s("visit.admitted"), busy.took_s("visit.denied")
    p50, p99, longest = (1e3 * percentile(admitted + denied, share) for share in (0.5, 0.99, 1.0))
    return Figure(
        "cards over MQTT, 300/s sustained",
        "nothing lost",
        f"{len(sent_s)} at {rate:.0f}/s: {busy.unheard} lost, {busy.doubled} doubled; "
        f"{len(admitted)} of {readers} readers admitted\np50 {p50:.2f}, p99 {p99:.2f}, max {longest:.2f} ms",
        busy.unheard == 0 and rate >= 0.95 * (READERS_PER_S + STRANGERS_PER_S),
        {
            "rate_per_s": rate,
            "sent": len(sent_s),
            "lost": busy.unheard,
            "doubled": busy.doubled,
            "admitted": len(admitted),
            "p50_ms": p50,
            "p99_ms": p99,
            "max_ms": longest,
        },
    )
