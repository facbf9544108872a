"""Over a real broker: card on ``readers/{device}`` → its event on ``events/{device}``, QoS 1, committed.

Two measurements on a mosquitto of their own. *Admitted*: ten readers a second, the temperature taken
before; measured at one client from its publish to its receipt, so both hops, the decision and the
fsync lie between. *Sustained*: 300 cards a second for some seconds without waiting for answers. A lane
serves one person at a time, so these are cards without a booking: each is decided, written, sent and
must come back once.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figure import Figure, latency
from benchmarks.process import gate
from benchmarks.rig import SITE, uid
from edge.runtime.config import load
from edge.settings import Building
from edge.site.tokens import card_token
from tests.mosquitto import Mosquitto

PREFIX = "gatehouse/demo/"
RATE = 300.0
SPEED = 8.0
"""Of the gate's clock, so that the thermometer keeps up with ten readers a second; measured is real time."""


class Client:
    """The booking server, as far as this needs one, and the stopwatch."""

    def __init__(self, port: int) -> None:
        self.events: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._received
        self._client.on_socket_open = _without_delay
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"{PREFIX}events/north", 1)
        self._client.loop_start()

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        """Publish at QoS 1."""
        self._client.publish(PREFIX + topic, json.dumps(payload), qos=1, retain=retain)

    def event(self, *types: str, timeout_s: float = 10.0) -> float:
        """When the next event of one of these types came."""
        while True:
            at_s, event = self.events.get(timeout=timeout_s)
            if event["type"] in types:
                return at_s

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        at_s = time.perf_counter()
        event = json.loads(message.payload)
        self.say("acks/north", {"journal": event["journal"], "acked_seq": event["seq"]}, retain=True)
        self.events.put((at_s, event))


def _without_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    import socket

    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _act(pipe: IO[str], *stimuli: dict[str, Any]) -> None:
    for stimulus in stimuli:
        pipe.write(json.dumps({"device": "north", **stimulus}) + "\n")
    pipe.flush()


def _tell(client: Client, cards: int) -> None:
    key = load(SITE, Building).site.secret()
    sessions = [{"id": "am", "opens": "00:00", "closes": "24:00"}]
    caps = {"revision": 1, "building": 99_999, "zones": {"hall": 99_999}, "sessions": sessions}
    client.say("caps", caps, retain=True)
    rows = [{"booking": f"B-{n}", "card": card_token(key, uid(n)), "zone": "hall"} for n in range(cards)]
    client.say("bookings/2026-03-09/am", {"revision": 1, "bookings": rows}, retain=True)
    grant = {"granted": 99_999, "release_wanted": 0}
    client.say("grants/north", {"term": 1, "zones": {"hall": grant, "*": grant}}, retain=True)


def admitted(client: Client, process: subprocess.Popen[str], readers: int) -> list[float]:
    """Seconds from card to admission, at ten a second."""
    pipe = process.stdin
    if pipe is None:
        raise RuntimeError("the gate has no stimuli")
    seconds: list[float] = []
    for number in range(readers):
        _act(pipe, {"do": "leave"}, {"do": "face", "skin_c": 34.5})
        time.sleep(0.32 / SPEED)  # the thermometer has seen enough
        began_s = time.perf_counter()
        client.say("readers/north", {"uid": uid(number)})
        seconds.append(client.event("visit.admitted") - began_s)
        _act(pipe, {"do": "pass"})
        client.event("visit.passed", "visit.abandoned")
        time.sleep(max(0.0, 0.1 - 0.32 / SPEED - (time.perf_counter() - began_s)))
    return seconds


def sustained(client: Client, cards: int) -> tuple[int, float]:
    """How many of so many cards came back as events, and at what rate they were sent."""
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        try:
            while counted < cards:
                client.event("visit.denied", timeout_s=10.0)
                counted += 1
        except queue.Empty:
            pass  # what is missing by now is lost, and the count says so
        done.set()

    threading.Thread(target=count, daemon=True).start()
    began_s = time.perf_counter()
    for number in range(cards):
        client.say("readers/north", {"uid": uid(1_000_000 + number)})
        ahead_s = (number + 1) / RATE - (time.perf_counter() - began_s)
        if ahead_s > 0:
            time.sleep(ahead_s)
    rate = cards / (time.perf_counter() - began_s)
    done.wait(60)
    return counted, rate


def run(directory: Path, scale: float) -> list[Figure]:
    """Start a mosquitto and one gate on it."""
    readers, cards = max(3, round(400 * scale)), max(10, round(3000 * scale))
    mosquitto = Mosquitto(directory)
    mosquitto.start()
    client = Client(mosquitto.port)
    try:
        _tell(client, readers)
        address = f'broker.addresses=["127.0.0.1:{mosquitto.port}"]'
        clock = ["--start", "2026-03-09T09:30:00+08:00", "--speed", str(SPEED)]
        with gate(directory, "--set", address, *clock) as process:
            client.event("device.started")
            seconds = admitted(client, process, readers)
            came, rate = sustained(client, cards)
    finally:
        client.close()
        mosquitto.stop()
    return [
        latency("card over MQTT → visit.admitted over MQTT, 10/s", seconds, p50_ms=4, p99_ms=15),
        Figure(
            "cards over MQTT, sustained",
            "300/s, nothing lost",
            f"{came} of {cards} came back at {rate:.0f}/s",
            came == cards and rate >= 0.98 * RATE,
            {"sent": cards, "came": came, "rate_per_s": rate},
        ),
    ]
