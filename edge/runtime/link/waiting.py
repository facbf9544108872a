"""What a connection still has to send, and what the broker has not acknowledged: bounded in every way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edge.runtime.vocabulary import Publish

WINDOW = 20
"""Messages on the wire and not acknowledged yet, at most; fewer where the broker asks for it. paho's limit too."""

WAITING_LIMIT = 1_000
"""Messages given to a connection and not acknowledged yet. Above it a broker that is silent as well is stuck."""

SILENCE_S = 5.0
"""So long without an acknowledgement, while messages wait, a broker is silent."""

WAITING_MOST = 20_000
WAITING_BYTES = 16 * 1024 * 1024
"""Above one of these a broker is stuck whatever it acknowledges."""


class Waiting:
    """Messages given to a connection and not acknowledged yet. `put` may be called from any thread.

    Args:
        monotonic: real time.

    Attributes:
        stuck: the broker acknowledges too little; once true, nothing more is taken.
        window: how many may be on the wire at once.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.stuck = False
        self.window = WINDOW
        self._monotonic = monotonic
        self._outgoing: deque[Publish] = deque()
        self._on_the_wire: dict[int, Publish] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._bytes = 0
        self._quiet_since = 0.0

    def __len__(self) -> int:
        return self._count

    def put(self, intent: Publish) -> bool:
        """Take a message. False: too much waits already."""
        with self._lock:
            silent = self._count >= WAITING_LIMIT and self._monotonic() - self._quiet_since >= SILENCE_S
            if silent or self._count >= WAITING_MOST or self._bytes > WAITING_BYTES:
                self.stuck = True
            else:
                self._add(intent)
                self._outgoing.append(intent)
        return not self.stuck

    def put_own(self, intent: Publish, *, first: bool = False) -> None:
        """Take a message of the connection itself, however much waits; ``first``: before all others."""
        with self._lock:
            self._add(intent)
            (self._outgoing.appendleft if first else self._outgoing.append)(intent)

    def send(self, publish: Callable[[Publish], int]) -> None:
        """Put on the wire what the window has room for; ``publish`` gives the number a message has there."""
        while self._outgoing and len(self._on_the_wire) < self.window:
            intent = self._outgoing.popleft()
            self._on_the_wire[publish(intent)] = intent

    @property
    def on_the_wire(self) -> int:
        """Messages that were sent and not acknowledged yet."""
        return len(self._on_the_wire)

    def acknowledged(self, number: int) -> Publish:
        """The message with this number has arrived."""
        intent = self._on_the_wire.pop(number)
        with self._lock:
            self._count -= 1
            self._bytes -= len(intent.payload)
            self._quiet_since = self._monotonic()
        return intent

    def _add(self, intent: Publish) -> None:
        if not self._count:
            self._quiet_since = self._monotonic()
        self._count += 1
        self._bytes += len(intent.payload)
