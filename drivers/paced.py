"""Polls a driver on its bus's worker, as often as the driver asks for; the bus's other users have their turns between.

At most one poll waits for the bus, so a bus that hangs gathers none.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.later import CallLater
from edge.runtime.vocabulary import Fact

Submit = Callable[[Callable[[], Fact | None]], bool]
"""Has a job run on the bus's thread; False: it was refused."""

REFUSED_S = 0.5
"""When a poll that the worker refused is tried again, seconds: so many jobs wait that the bus is stuck."""


class Paced:
    """Begins at once; `close` ends it.

    Args:
        poll: looks once; returns in how many seconds to look again.
        submit: of the bus's worker.
        call_later: times the polls.
    """

    def __init__(self, poll: Callable[[], float], submit: Submit, call_later: CallLater) -> None:
        self._poll = poll
        self._submit = submit
        self._call_later = call_later
        self._closed = False
        self._ask()

    def close(self) -> None:
        """Poll no more, but for a poll that runs."""
        self._closed = True

    def _ask(self) -> None:
        if not self._closed and not self._submit(self._turn):
            self._call_later(REFUSED_S, self._ask)

    def _turn(self) -> None:
        if not self._closed:
            self._call_later(self._poll(), self._ask)
