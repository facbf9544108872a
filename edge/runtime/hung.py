"""A thread that does not come back from a wire: nobody can end it, so the process is given up, outputs at rest.

A call into the kernel may never return: an I²C bus held low by a broken sensor, a serial line whose driver
waits. Whoever waits for an answer has a patience of their own and says what is missing (`thermometer_fault`);
but the thread, and all that waits behind it, is back only with a new process, which systemd starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from edge.runtime.ports import Clock

HUNG_S = 15.0
"""A call into a driver that takes longer never returns. Each answers in milliseconds, or after a timeout of its own
of at most some seconds."""

LOOK_S = 3.0
"""Seconds between two looks."""


class ThreadHung(OSError):
    """A thread does not come back; what it did, nobody does any more."""


class Busy(Protocol):
    """A thread that calls drivers.

    Attributes:
        name: of the thread, or of what it serves.
        busy_since: when its running call began, in monotonic seconds; None between calls.
    """

    name: str
    busy_since: float | None


class HangWatch:
    """Looks at threads again and again, on a timer of the loop.

    Args:
        threads: those that are watched.
        clock: theirs.
        call_at: sets a timer on the loop.
        hung: takes the error, at each look until the process has ended.
    """

    def __init__(
        self,
        threads: Sequence[Busy],
        clock: Clock,
        call_at: Callable[[float, Callable[[], None]], object],
        hung: Callable[[Exception], None],
    ) -> None:
        self._threads = tuple(threads)
        self._clock = clock
        self._call_at = call_at
        self._hung = hung
        self._look()

    def _look(self) -> None:
        now = self._clock.monotonic()
        for thread in self._threads:
            since = thread.busy_since
            if since is not None and now - since > HUNG_S:
                self._hung(ThreadHung(f"{thread.name} has not answered for {now - since:.0f} s"))
        self._call_at(now + LOOK_S, self._look)
