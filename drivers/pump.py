"""One thread for all readers that speak through a file descriptor. Hardware only.

It waits until one of them has something to say, lets it speak, and looks every few seconds for
those that were unplugged. Nothing is decided here: the drivers post, the loop thinks.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Sequence
from typing import Protocol

from edge.runtime.ports import Clock

REOPEN_S = 3.0
"""Seconds between two looks for a lost reader: short for a person who plugs it in again."""


CLOSE_S = 2.0
"""How long closing waits for a driver that does not come back."""


class Pollable(Protocol):
    """A driver on a file descriptor."""

    @property
    def lost(self) -> bool:
        """Whether the device is gone; `fileno` is of no use then."""
        ...

    def fileno(self) -> int:
        """Descriptor to select on."""
        ...

    def poll(self) -> None:
        """Take what is pending; never waits."""
        ...

    def reopen(self) -> bool:
        """Try once to find a lost device again."""
        ...


class Pump:
    """The thread. It starts at once; `close` ends it.

    Args:
        drivers: who is served.
        clock: times the looks for lost readers.
        reopen_s: seconds between them.
    """

    def __init__(self, drivers: Sequence[Pollable], *, clock: Clock, reopen_s: float = REOPEN_S) -> None:
        self._drivers = tuple(drivers)
        self._clock = clock
        self._reopen_s = reopen_s
        self.name = "readers"
        self.busy_since: float | None = None
        """Since when drivers are at work, in monotonic seconds; None while it waits. Long ago: one of them hangs."""
        self._stop = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the thread has ended: nobody hears the readers any more."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread and wait for it, but not for ever. The drivers stay open. A second call does nothing."""
        if self._stop >= 0:
            os.eventfd_write(self._stop, 1)
            self._thread.join(CLOSE_S)
            if not self._thread.is_alive():
                os.close(self._stop)
                self._stop = -1

    def _run(self) -> None:
        looked_s = self._clock.monotonic()
        while True:
            ready = self._wait(looked_s)
            if self._stop in ready:
                return
            self.busy_since = self._clock.monotonic()
            for driver in self._drivers:
                if not driver.lost and driver.fileno() in ready:
                    driver.poll()
            now_s = self._clock.monotonic()
            if now_s - looked_s >= self._reopen_s:
                looked_s = now_s
                for driver in self._drivers:
                    if driver.lost:
                        driver.reopen()
            self.busy_since = None

    def _wait(self, looked_s: float) -> set[int]:
        """Sleep until somebody speaks, we are told to stop, or a lost reader is to be looked for."""
        waiter = select.poll()
        waiter.register(self._stop, select.POLLIN)
        timeout_ms: float | None = None
        for driver in self._drivers:
            if driver.lost:
                left_s = looked_s + self._reopen_s - self._clock.monotonic()
                timeout_ms = max(0.0, left_s) * 1000
            else:
                waiter.register(driver.fileno(), select.POLLIN)
        return {descriptor for descriptor, _ in waiter.poll(timeout_ms)}
