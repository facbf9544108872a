"""The protocols between a controller and its world. Hardware, simulation and tests implement them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from edge.runtime.vocabulary import Commit, Fact, Intent, MeasureDisk, Now, Publish, ReadEvents, TrimEvents

Post = Callable[[Fact], bool]
"""Hands a fact to a loop from any thread; False when there is no room: the fact is not there, whoever can keeps it."""


class Clock(Protocol):
    """Time. ``monotonic`` never steps; ``wall`` may be unknown and may step."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def wall(self) -> datetime | None:
        """Aware local time, or None while the system clock is not synchronised."""
        ...

    def wait(self, wake: threading.Event, deadline: float | None) -> None:
        """Return when ``wake`` is set or ``deadline`` (monotonic seconds; None: never) is reached."""
        ...


class Controller(Protocol):
    """Decides. Holds the state of one device; does nothing itself."""

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen, in order."""
        ...


class Journal(Protocol):
    """The write-ahead memory of one device."""

    @property
    def id(self) -> str:
        """Random identity born with the database file."""
        ...

    @property
    def boot(self) -> int:
        """How often this file was opened by a controller, from 1."""
        ...

    @property
    def clean(self) -> bool:
        """Whether the last run ended with `close` (or there was none)."""
        ...

    @property
    def last_seq(self) -> int:
        """Sequence number of the newest event at opening; 0 for none."""
        ...

    def state(self, prefix: str = "") -> dict[str, Any]:
        """The state as last committed before opening: every key with that prefix."""
        ...

    def commit(self, intent: Commit) -> None:
        """Queue a transaction; posts `Committed` once it is on disk."""
        ...

    def read(self, intent: ReadEvents) -> None:
        """Posts `EventsRead`."""
        ...

    def trim(self, intent: TrimEvents) -> None:
        """Delete acknowledged events past their retention."""
        ...

    def measure(self, intent: MeasureDisk, /) -> None:
        """Posts `DiskMeasured`."""
        ...

    def close(self) -> None:
        """Write what is queued, mark the run as cleanly ended."""
        ...


class Link(Protocol):
    """The connection to the broker: a wire, not a queue."""

    def publish(self, intent: Publish) -> None:
        """Send if the link is up."""
        ...

    def close(self) -> None:
        """Publish the last word of the device, disconnect."""
        ...
