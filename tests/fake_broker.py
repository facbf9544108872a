"""A broker by hand: a test says, packet by packet, what it answers to a link."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from ssl import SSLContext

from edge.runtime.link.version import V5, V311, Version
from tests.brokers import NoBroker, topic

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT = 0x10, 0x30, 0x40, 0x80, 0xA0, 0xE0
"""What a client sends."""

OTHER_VERSION = bytes.fromhex("20020001")
"""CONNACK of a broker that knows 3.1.1 only: unacceptable protocol version."""


class Wire:
    """One connection, from the broker's side; its CONNECT was read.

    Attributes:
        version: what the client speaks.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb")
        _, body = self._packet()
        self.version: Version = {5: V5, 4: V311}[body[6]]

    def send(self, raw: bytes) -> None:
        """Send bytes."""
        with suppress(OSError):  # the client may have hung up
            self._sock.sendall(raw)

    def hello(self, properties: bytes = b"", *, resumed: bool = False) -> None:
        """CONNACK: accepted."""
        self.send(packet(0x20, bytes([resumed, 0]) + self._properties(properties)))

    def suback(self, subscribe: bytes, *codes: int) -> None:
        self.send(packet(0x90, subscribe[:2] + self._properties() + bytes(codes)))

    def publish(self, rest: str, payload: bytes, *, retained: bool = False) -> None:
        """At QoS 0."""
        self.send(self.message(rest, payload, retained=retained))

    def message(self, rest: str, payload: bytes, *, retained: bool = False) -> bytes:
        """PUBLISH at QoS 0."""
        name = topic(rest).encode()
        return packet(PUBLISH | retained, len(name).to_bytes(2, "big") + name + self._properties() + payload)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """What the client sends: kind and body of each packet."""
        while (read := self._packet())[0]:
            yield read

    def payload(self, body: bytes) -> bytes:
        """Of a PUBLISH at QoS 1."""
        return body[2 + int.from_bytes(body[:2], "big") + 2 + len(self._properties()) :]

    def mid(self, body: bytes) -> bytes:
        """Of a PUBLISH at QoS 1."""
        length = 2 + int.from_bytes(body[:2], "big")
        return body[length : length + 2]

    def close(self) -> None:
        self._stream.close()
        self._sock.close()

    def hang_up(self) -> None:
        """Say that no more comes."""
        with suppress(OSError):  # the client may have been quicker
            self._sock.shutdown(socket.SHUT_WR)

    def _packet(self) -> tuple[int, bytes]:
        head = self._stream.read(2)
        if len(head) < 2:
            return 0, b""
        assert not head[1] & 0x80, "all are short here"
        return head[0] & 0xF0, self._stream.read(head[1])

    def _properties(self, properties: bytes = b"") -> bytes:
        return bytes([len(properties)]) + properties if self.version is V5 else b""


def packet(head: int, body: bytes) -> bytes:
    """A packet of less than 128 bytes."""
    return bytes([head, len(body)]) + body


@contextmanager
def fake_broker(
    converse: Callable[[Wire], None], *, only_311: bool = False, tls: SSLContext | None = None
) -> Generator[NoBroker]:
    """Let a function converse with each client that connects.

    ``only_311``: clients that begin in version 5 are refused before. ``tls``: encrypts.
    """
    with ExitStack() as wires, ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        bench = NoBroker(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    sock, _ = server.accept()
                except OSError:
                    return  # the test is over
                wire = Wire(sock if tls is None else tls.wrap_socket(sock, server_side=True))
                wires.callback(wire.close)  # when nobody reads from it any more
                if only_311 and wire.version is V5:
                    wire.send(OTHER_VERSION)
                    wire.close()
                else:
                    converse(wire)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        opened.callback(thread.join)
        opened.callback(server.shutdown, socket.SHUT_RDWR)
        opened.callback(bench.close)
        yield bench
