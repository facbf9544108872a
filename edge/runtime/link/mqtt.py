"""The link of a device: keeps a connection to one of several brokers, on a thread of its own."""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from ssl import SSLContext

from edge.runtime.clock import WallClock
from edge.runtime.link.connection import Connection
from edge.runtime.link.outlet import UNTOLD_S, Outlet
from edge.runtime.link.patience import Patience
from edge.runtime.link.terms import Account, Ending, How
from edge.runtime.link.version import V5, V311, Version
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

UNPLUGGED = "the network is unreachable"

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
        as_published: those of the subscriptions whose messages say whether they were published to be
            retained, as far as the broker can (MQTT 5); of others only what the broker had kept says so.
        username: at the broker, if it wants one.
        password: for the username.
        keepalive_s: silence after which the other side is asked whether it is there.
        tls: encrypts, and knows whom to trust; None: in the clear.
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
        as_published: Sequence[str] = (),
        username: str | None = None,
        password: str | None = None,
        keepalive_s: int = KEEPALIVE_S,
        tls: SSLContext | None = None,
        retry_s: tuple[float, float] = RETRY_S,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = REAL_TIME.monotonic,
    ) -> None:
        if not addresses:
            raise ValueError("a link needs the address of a broker")
        self.dropped = 0
        self._account = Account(
            name, username, password, subscriptions, as_published, sync_topic, will, farewell, keepalive_s, tls
        )
        self._addresses = list(addresses)
        self._only_311: set[tuple[str, int]] = set()
        self._spoken: dict[tuple[str, int], Version] = {}
        self._outlet = Outlet(post)
        self._patience = Patience(*retry_s, chance)
        self._monotonic = monotonic
        self._connection: Connection | None = None
        self._told_down = False
        self._plugged = True
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

    def plug(self, up: bool) -> None:
        """Simulation only: pull the cable, or plug it in; then the link finds back as from any failure.

        The broker notices at once: the kernel ends the connection for us.
        """
        self._plugged = up
        connection = self._connection
        if connection is not None and not up:
            connection.lose(UNPLUGGED)

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
            if not self._plugged:
                self._fall(UNPLUGGED)
                return
            ending = self._converse((host, port))
            if ending.up_since is not None:
                self._told_down = False
                now = self._monotonic()
                self._patience.ended(now, now - ending.up_since, ending.how)
                if self._patience.contested:
                    self._fall(f"{ending.error}: it seems that another client uses the name {self._account.name}")
                else:
                    self._fall(ending.error)
                return
            errors.append(f"{host}:{port}: {ending.error}")
        self._patience.failed()
        self._fall("; ".join(errors))

    def _converse(self, address: tuple[str, int]) -> Ending:
        """Connect, in version 5 to who does not refuse it; nobody hears of that.

        Who refuses is not asked again. A hang-up is no refusal: a broker that was just ending is asked again
        next time, or commands that it retains would be carried out from then on.
        """
        if address not in self._only_311:
            ending = self._connect(address, V5)
            if ending.up_since is not None or ending.how not in (How.VERSION_REFUSED, How.HUNG_UP):
                return ending
            if ending.how is How.VERSION_REFUSED:
                self._only_311.add(address)
        return self._connect(address, V311)

    def _connect(self, address: tuple[str, int], version: Version) -> Ending:
        connection = Connection(
            self._account,
            address,
            version,
            # in between, a message would be lost: only when another version, or another process, may have subscribed
            renew=version is V5 and self._spoken.get(address) is not V5,
            wake=self._wake,
            poke=self._poke,
            outlet=self._outlet,
            monotonic=self._monotonic,
        )
        self._connection = connection
        if self._closing.is_set():  # while we were on the way here
            connection.leave()
        if not self._plugged:
            connection.lose(UNPLUGGED)
        try:
            return connection.run()
        except Exception as error:  # noqa: BLE001 - a defect, ours or paho's, must not cut the device off for good
            _log.exception("the connection to %s:%d ended by a defect", *address)
            return Ending(f"a defect: {error!r}", connection.up_since, How.FAILED)
        finally:
            self._connection = None
            if connection.subscribed:
                self._spoken[address] = version

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
