"""One thread that calls back later, for drivers that must notice silence. Hardware only.

In virtual time the simulation's own timers stand in its place.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count

from edge.runtime.ports import Clock

CLOSE_S = 2.0
"""How long closing waits for a callback that does not come back."""

CallLater = Callable[[float, Callable[[], None]], None]
"""Calls back after so many seconds."""


class Later:
    """The thread. It starts at once; `close` ends it. A callback that raises ends it too, and is seen.

    Args:
        clock: times the callbacks.

    Attributes:
        busy_since: since when a callback is at work, in monotonic seconds; None between them. Long ago: it hangs.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self.name = "later"
        self.busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the thread has ended: nobody is called back any more."""
        return self._thread.is_alive()

    def call(self, after_s: float, callback: Callable[[], None]) -> None:
        """Call back on this thread after so many seconds; from any thread."""
        with self._lock:
            heapq.heappush(self._timers, (self._clock.monotonic() + after_s, next(self._order), callback))
        self._wake.set()

    def close(self) -> None:
        """End the thread and wait for it, but not for ever; what was to be called is forgotten.

        A second call does nothing.
        """
        self._closing = True
        self._wake.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                deadline = self._timers[0][0] if self._timers else None
                due = deadline is not None and deadline <= self._clock.monotonic()
                callback = heapq.heappop(self._timers)[2] if due else None
            if callback is not None:
                self.busy_since = self._clock.monotonic()
                callback()
                self.busy_since = None
            else:
                self._clock.wait(self._wake, deadline)
