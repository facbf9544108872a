"""Facts and intents that every controller knows: time, storage, messages.

A fact says what happened (past tense), an intent what shall happen (imperative). Both are
frozen and without behaviour. Units stand last in a name: ``after_s``, ``skin_c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Fact:
    """Something that happened; enters a controller through its loop's inbox."""

    __slots__ = ()


class Intent:
    """Something that shall happen; leaves a controller and is performed by its device."""

    __slots__ = ()


class Now(NamedTuple):
    """The moment a fact is handled. Durations use ``mono_s`` only; ``wall`` is None while the clock is unset."""

    mono_s: float
    wall: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the device's append-only history (contract, section 3)."""

    seq: int
    at: datetime | None
    boot: int
    mono_s: float
    type: str
    data: Mapping[str, Any]


# --- facts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started(Fact):
    """The device's loop turns for the first time; outputs are in their safe state."""


@dataclass(frozen=True, slots=True)
class TimerFired(Fact):
    """A timer set by `SetTimer` ran out."""

    name: str


@dataclass(frozen=True, slots=True)
class Committed(Fact):
    """The transaction with this number, and all before it, are on disk (fsync returned)."""

    number: int


@dataclass(frozen=True, slots=True)
class CommitFailed(Fact):
    """The disk refused the transaction; the journal keeps it and tries again. Sent once a failure."""

    number: int
    error: str


@dataclass(frozen=True, slots=True)
class EventsRead(Fact):
    """Answer to `ReadEvents`: events in order of ``seq``; empty when there are none."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class DiskMeasured(Fact):
    """Answer to `MeasureDisk`: so much can still be written, in bytes, before the disk or the journal is full."""

    free_bytes: int


@dataclass(frozen=True, slots=True)
class MessageReceived(Fact):
    """A message arrived on a subscribed topic; ``retained`` is MQTT's flag on delivery."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class LinkUp(Fact):
    """The broker took the connection. ``resumed``: it still knows our session (nothing was wiped)."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class LinkSynced(Fact):
    """All retained messages that the broker held for our subscriptions when it went up have arrived."""


@dataclass(frozen=True, slots=True)
class LinkDown(Fact):
    """The broker is gone; ``error`` says how, in words for an engineer."""

    error: str


@dataclass(frozen=True, slots=True)
class Delivered(Fact):
    """The broker acknowledged so many counted messages since the last such fact (not durable, see runtime/link/)."""

    count: int


# --- intents ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetTimer(Intent):
    """Post `TimerFired` after so many seconds; a timer of the same name is replaced."""

    name: str
    after_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer(Intent):
    """Forget the timer, if it is set."""

    name: str


@dataclass(frozen=True, slots=True)
class Commit(Intent):
    """Write one transaction: events, changed state (None deletes a key). Answered by `Committed` or `CommitFailed`."""

    number: int
    events: tuple[Event, ...]
    puts: Mapping[str, Any | None] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ReadEvents(Intent):
    """Read up to ``limit`` committed events above ``after_seq``; answered by `EventsRead`."""

    after_seq: int
    limit: int


@dataclass(frozen=True, slots=True)
class TrimEvents(Intent):
    """Delete events that are acknowledged (``seq`` at most ``acked_seq``) and older than ``before``."""

    acked_seq: int
    before: datetime


@dataclass(frozen=True, slots=True)
class MeasureDisk(Intent):
    """See how much room the journal has; answered by `DiskMeasured`, unless the disk does not say."""


@dataclass(frozen=True, slots=True)
class Publish(Intent):
    """Send a message at QoS 1. An empty payload with ``retain`` clears the topic. Lost while the link is down.

    ``counted``: its acknowledgement is told (`Delivered`).
    """

    topic: str
    payload: bytes
    retain: bool = False
    counted: bool = False
