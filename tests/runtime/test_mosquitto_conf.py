"""The broker's configuration as it is shipped, on a real mosquitto."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import PATIENCE_S
from tests.fake_broker import CONNECT, PUBLISH, SUBSCRIBE, packet
from tests.mosquitto import Mosquitto, free_port

SHIPPED = Path(__file__).parents[2] / "firmware_config" / "mosquitto" / "mosquitto.conf"
ROUNDS = 5
HELD_BACK_S = 0.04
"""So long at least Linux keeps an acknowledgement back, and a sender without TCP_NODELAY its next small packet."""


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[socket.socket]:
    """A client without a library, connected in MQTT 3.1.1."""
    port = free_port()
    text = SHIPPED.read_text().replace("listener 1883", f"listener {port}")
    text = text.replace("/var/lib/mosquitto/", f"{tmp_path}/").replace("log_dest syslog", "log_dest stderr")
    broker = Mosquitto(tmp_path)
    broker.port = port
    (tmp_path / "mosquitto.conf").write_text(f"{text}\nuser root\n")
    broker.start()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as wire:
            wire.sendall(packet(CONNECT, b"\0\4MQTT\4\2\0\x3c\0\1x"))
            assert wire.recv(4) == b"\x20\2\0\0"
            yield wire
    finally:
        broker.stop()


def test_of_two_small_messages_the_second_waits_for_no_acknowledgement_of_tcp(wire: socket.socket) -> None:
    wire.sendall(packet(SUBSCRIBE | 2, b"\0\1\0\1t\0"))
    assert wire.recv(5) == b"\x90\3\0\1\0"
    two = packet(PUBLISH, b"\0\1t1") + packet(PUBLISH, b"\0\1t2")
    took_s: list[float] = []
    with wire.makefile("rb") as heard:
        for _ in range(ROUNDS):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            sent = time.monotonic()
            wire.sendall(two)
            assert heard.read(len(two)) == two
            took_s.append(time.monotonic() - sent)
    assert min(took_s) < HELD_BACK_S / 2
