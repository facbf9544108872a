"""The link of a device: keeps a connection to one of several brokers, on a thread of its own."""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC

from edge.runtime.clock import WallClock
from edge.runtime.link.connection import Account, Connection, Ending
from edge.runtime.link.outlet import UNTOLD_S, Outlet
from edge.runtime.link.patience import Patience
from edge.runtime.ports import Post
from edge.runtime.vocabulary import LinkDown, Publish

KEEPALIVE_S = 15
"""A broker that vanished without a word is noticed after at most twice as long."""

RETRY_S = (0.5, 30.0)
"""Bounds of the first and of the longest pause between two rounds over all addresses."""

REAL_TIME = WallClock(UTC)
"""A wire does not run faster in a fast simulation."""

CLOSE_S = 10.0
"""How long closing waits for the last word to be sent."""

_log = logging.getLogger(__name__)


class MqttLink:
    """The connection to the broker: a wire, not a queue. Starts at once and finds back by itself.

    Args:
        name: our name at the broker, the same at every start and used by nobody else.
        addresses: hosts and ports, tried in turn, always from the first.
        post: takes the facts, from the link's thread.
        subscriptions: topic filters.
        sync_topic: a topic that only we use; what we send there comes back behind all retained messages.
        will: what the broker says if we vanish.
        farewell: what we say when the link is closed.
        username: at the broker, if it wants one.
        password: for the username.
        keepalive_s: silence after which the other side is asked whether it is there.
        retry_s: bounds of the first and of the longest pause.
        chance: numbers from 0 to 1, which spread the pauses of many devices.
        monotonic: real time.

    Attributes:
        dropped: messages that were not sent because the link was down or stuck.
    """

    def __init__(
        self,
        name: str,
        addresses: Sequence[tuple[str, int]],
        post: Post,
        *,
        subscriptions: Sequence[str],
        sync_topic: str,
        will: Publish,
        farewell: Publish,
        username: str | None = None,
        password: str | None = None,
        keepalive_s: int = KEEPALIVE_S,
        retry_s: tuple[float, float] = RETRY_S,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = REAL_TIME.monotonic,
    ) -> None:
        if not addresses:
            raise ValueError("a link needs the address of a broker")
        self.dropped = 0
        self._account = Account(name, username, password, subscriptions, sync_topic, will, farewell, keepalive_s)
        self._addresses = list(addresses)
        self._outlet = Outlet(post)
        self._patience = Patience(*retry_s, chance)
        self._monotonic = monotonic
        self._connection: Connection | None = None
        self._told_down = False
        self._closing = threading.Event()
        self._wake, self._poker = socket.socketpair()
        self._wake.setblocking(False)
        self._poker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    def publish(self, intent: Publish) -> None:
        """Send if the link is up; else the message is dropped and counted. Never waits.

        Raises:
            ValueError: nothing can be published on such a topic.
        """
        topic = intent.topic
        if not topic or "+" in topic or "#" in topic or "\0" in topic or len(topic.encode()) > 65_535:
            raise ValueError(f"not a topic to publish on: {topic!r}")
        connection = self._connection
        if connection is None or connection.up_since is None or not connection.publish(intent):
            self.dropped += 1

    def close(self) -> None:
        """Send what waits and the last word, disconnect. No fact comes any more."""
        self._closing.set()
        connection = self._connection
        if connection is not None:
            connection.leave()
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():  # else it hangs in a name server, and ends with the process
            self._wake.close()
            self._poker.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._go_round()
            self._rest(self._patience.pause_s())

    def _go_round(self) -> None:
        """Try every address once, or converse with the first that answers until that ends."""
        errors: list[str] = []
        for host, port in self._addresses:
            if self._closing.is_set():
                return
            ending = self._connect((host, port))
            if ending.up_since is not None:
                self._told_down = False
                self._patience.ended(self._monotonic(), self._monotonic() - ending.up_since, by_broker=ending.by_broker)
                if self._patience.contested:
                    self._fall(f"{ending.error}: it seems that another client uses the name {self._account.name}")
                else:
                    self._fall(ending.error)
                return
            errors.append(f"{host}:{port}: {ending.error}")
        self._patience.failed()
        self._fall("; ".join(errors))

    def _connect(self, address: tuple[str, int]) -> Ending:
        connection = Connection(
            self._account,
            address,
            wake=self._wake,
            poke=self._poke,
            outlet=self._outlet,
            monotonic=self._monotonic,
        )
        self._connection = connection
        if self._closing.is_set():  # while we were on the way here
            connection.leave()
        try:
            return connection.run()
        except Exception as error:  # noqa: BLE001 - a defect, ours or paho's, must not cut the device off for good
            _log.exception("the connection to %s:%d ended by a defect", *address)
            return Ending(f"a defect: {error!r}", connection.up_since, by_broker=False)
        finally:
            self._connection = None

    def _fall(self, error: str) -> None:
        """Say that the link is down, once."""
        if not self._told_down and not self._closing.is_set():
            self._told_down = True
            self._outlet.tell(LinkDown(error))

    def _rest(self, pause_s: float) -> None:
        until = self._monotonic() + pause_s
        while not self._closing.is_set() and (left_s := until - self._monotonic()) > 0:
            self._outlet.flush()
            self._closing.wait(min(left_s, UNTOLD_S) if self._outlet.full else left_s)

    def _poke(self) -> None:
        with suppress(BlockingIOError):  # full of pokes: the link's thread will look
            self._poker.send(b"!")
