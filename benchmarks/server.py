"""The booking server, as far as a measurement needs one: says caps and bookings, hears events, acknowledges.

It has no thread: whoever measures lets it turn, so that nothing stands between a message on the socket
and its stamp.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.rig import PATIENCE_S, PREFIX

ACK_S = 0.1
"""Acknowledgements are gathered for so long."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the gate, and when it came (`time.perf_counter`)."""

    at_s: float
    type: str
    data: Mapping[str, Any]


class Server:
    """Connected when made.

    Args:
        port: of the broker.

    Attributes:
        heard: called with each event.
    """

    def __init__(self, port: int) -> None:
        self.heard: Callable[[Heard], object] = lambda _event: None
        self._last: paho.MQTTMessageInfo | None = None
        self._unacked: dict[str, Any] | None = None
        self._ack_s = 0.0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="benchmark")
        self._client.max_inflight_messages_set(1000)
        self._client.on_socket_open = _without_delay
        self._client.on_message = self._received
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"{PREFIX}events/north", 1)
        self.turn_while(lambda: not self._client.is_connected())

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        """Publish at QoS 1."""
        self._last = self._client.publish(PREFIX + topic, json.dumps(payload), qos=1, retain=retain)
        if self._client.want_write():
            self._client.loop_write()

    def turn(self, timeout_s: float) -> None:
        """Take what has come, or wait so long for it."""
        wire = self._client.socket()
        if wire is None:
            raise ConnectionError("the broker closed the connection")
        writing = [wire] if self._client.want_write() else []
        readable, writable, _ = select.select([wire], writing, [], max(0.0, timeout_s))
        if readable:
            self._client.loop_read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()
        if self._unacked is not None and time.perf_counter() >= self._ack_s:
            self.say("acks/north", self._unacked, retain=True)
            self._unacked = None

    def turn_until(self, moment_s: float) -> None:
        """Take what comes until a moment (`time.perf_counter`)."""
        while (left_s := moment_s - time.perf_counter()) > 0:
            self.turn(left_s)

    def turn_while(self, holds: Callable[[], bool]) -> None:
        """Take what comes for as long as something holds, but not for ever.

        Raises:
            TimeoutError: it holds on.
        """
        until_s = time.perf_counter() + PATIENCE_S
        while holds():
            if time.perf_counter() > until_s:
                raise TimeoutError("the gate or the broker did not answer")
            self.turn(0.1)

    def close(self) -> None:
        """Leave, when the broker has taken everything."""
        last = self._last
        if last is not None:
            self.turn_while(lambda: not last.is_published())
        self._client.disconnect()

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        at_s = time.perf_counter()
        event = json.loads(message.payload)
        if self._unacked is None:
            self._ack_s = at_s + ACK_S
        self._unacked = {"journal": event["journal"], "acked_seq": event["seq"]}
        self.heard(Heard(at_s, event["type"], event["data"]))


def _without_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
