"""Facts that come from an entrance's hardware, and intents that go to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.runtime.vocabulary import Fact, Intent

Side = Literal["entry", "exit"]
"""The direction that a reader or a beam watches."""

Signal = Literal["lamp_green", "lamp_red", "buzzer"]
"""What tells people something; the lock is not one of them."""


# --- facts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardRead(Fact):
    """A whole card number was read. ``uid``: upper-case hex without separators, in the site's card form."""

    uid: str
    reader: Side = "entry"


@dataclass(frozen=True, slots=True)
class CodeRead(Fact):
    """A booking code was typed or scanned at the entry, before the tap it belongs to."""

    code: str


@dataclass(frozen=True, slots=True)
class ReadingRejected(Fact):
    """A reader delivered something that is no card: too short, garbled, another form.

    ``short``: frames with too few bits so far, of a reader that counts them.
    """

    reader: Side
    error: str
    short: int = 0


@dataclass(frozen=True, slots=True)
class ReaderLost(Fact):
    """A reader is gone. Sent once; `ReaderFound` follows when it is back."""

    reader: Side
    error: str


@dataclass(frozen=True, slots=True)
class ReaderFound(Fact):
    """A lost reader works again."""

    reader: Side


@dataclass(frozen=True, slots=True)
class ReaderTampered(Fact):
    """A reader says that it was opened or taken off its wall (or was at its start), or that it is whole again."""

    reader: Side
    active: bool


@dataclass(frozen=True, slots=True)
class PresenceChanged(Fact):
    """Somebody stepped before the thermometer, or left it."""

    present: bool


@dataclass(frozen=True, slots=True)
class TemperatureTaken(Fact):
    """One reading of the infrared thermometer, all transfers checked. Celsius; raw in 0.02 K."""

    skin_c: float
    ambient_c: float
    skin_raw: int


@dataclass(frozen=True, slots=True)
class TemperatureFailed(Fact):
    """The thermometer did not give a trustworthy reading; ``error`` names the check that failed."""

    error: str


@dataclass(frozen=True, slots=True)
class BeamBroken(Fact):
    """Somebody walks through the beam of this side."""

    side: Side


@dataclass(frozen=True, slots=True)
class BeamCleared(Fact):
    """The beam of this side is free again."""

    side: Side


@dataclass(frozen=True, slots=True)
class FireChanged(Fact):
    """The fire alarm's contact changed (or its state at start)."""

    active: bool


@dataclass(frozen=True, slots=True)
class ReleasePressed(Fact):
    """The guard's release button was pressed."""


# --- intents ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unlock(Intent):
    """Open the lane for passage; it locks again by itself when the lease ends."""

    lease_s: float


@dataclass(frozen=True, slots=True)
class Lock(Intent):
    """Close the lane now."""


@dataclass(frozen=True, slots=True)
class Indicate(Intent):
    """Switch a lamp or the buzzer on for so long; 0 switches it off."""

    signal: Signal
    for_s: float


@dataclass(frozen=True, slots=True)
class Measure(Intent):
    """Take one reading; answered by `TemperatureTaken` or `TemperatureFailed`."""
