"""The demo's broker: it starts, carries a whole site from the first second, and goes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from edge.runtime.vocabulary import LinkDown, LinkSynced, LinkUp, MessageReceived
from simulators.embedded_broker import EmbeddedBroker
from tests.brokers import PATIENCE_S, EmbeddedBench, topic


@pytest.fixture
def bench() -> Iterator[EmbeddedBench]:
    bench = EmbeddedBench()
    yield bench
    bench.close()


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OSError, match=rf"^the embedded broker does not start on port {port}: ") as caught:
            EmbeddedBroker(port).start()
    assert "\n" not in str(caught.value)


def test_it_listens_on_loopback_only(bench: EmbeddedBench) -> None:
    with socket.create_connection(("127.0.0.1", bench.port)) as wire:
        assert wire.getpeername() == ("127.0.0.1", bench.port)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", bench.port))


def test_it_goes_and_comes_on_the_same_port_without_a_trace() -> None:
    broker = EmbeddedBroker()
    threads = threading.active_count()
    for _ in range(3):
        broker.start()
        with socket.create_connection(("127.0.0.1", broker.port)):
            pass
        broker.stop()
        broker.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", broker.port))
    assert threading.active_count() == threads


def connect(version: int, properties: bytes, name: bytes) -> bytes:
    """A CONNECT without a will; its length takes one byte or two."""
    body = b"\0\4MQTT" + bytes([version, 0, 0, 15]) + properties + len(name).to_bytes(2, "big") + name
    length = [len(body)] if len(body) < 128 else [len(body) & 0x7F | 0x80, len(body) >> 7]
    return bytes([0x10, *length]) + body


@pytest.mark.parametrize("name", [b"north", b"n" * 200])
def test_it_knows_3_1_1_and_says_so(bench: EmbeddedBench, name: bytes) -> None:
    accepted, refused = b"\x20\x02\0\0", b"\x20\x02\0\1"
    for properties in (b"\0", b"\5\x11\xff\xff\xff\xff"):
        with socket.create_connection(("127.0.0.1", bench.port), timeout=PATIENCE_S) as wire:
            wire.sendall(connect(5, properties, name))
            assert wire.recv(100) == refused
            assert wire.recv(100) == b""
    with socket.create_connection(("127.0.0.1", bench.port), timeout=PATIENCE_S) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in connect(4, b"", name):  # in the smallest pieces
            wire.sendall(bytes([byte]))
        assert wire.recv(100) == accepted


def test_a_whole_site_connects_at_once(bench: EmbeddedBench) -> None:
    server = bench.client("server", "holds/+")
    server.synced()
    for number in range(40):
        server.publish(f"holds/{number}", b"held", retain=True)
    server.messages(40)
    for _ in range(2):
        devices = [bench.client(f"device-{number}", "holds/+", f"acks/{number}", f"c/{number}") for number in range(12)]
        for device in devices:
            facts = device.synced()
            assert len({fact.topic for fact in facts if isinstance(fact, MessageReceived)}) == 40
            bench.vanish(device)


def test_a_client_gets_what_it_asked_for_and_nothing_else(bench: EmbeddedBench) -> None:
    server = bench.client("server", "caps", "holds/+")
    server.synced()
    server.publish("caps", b"for all", retain=True)
    server.publish("holds/1", b"for some", retain=True)
    server.messages(2)
    north = bench.client("north", "caps")
    kept = MessageReceived(topic("caps"), b"for all", retained=True)
    assert north.synced() == [LinkUp(resumed=False), kept, LinkSynced()]
    north.wire().shutdown(socket.SHUT_RDWR)
    assert north.synced() == [
        LinkDown("the broker closed the connection"),
        LinkUp(resumed=True),
        kept,
        LinkSynced(),
    ]
