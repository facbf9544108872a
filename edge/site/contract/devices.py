"""What devices say: holds, status, history, lanes, counters, grants, alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    Field,
)

from edge.site.contract.parts import (
    Count,
    Data,
    Id,
    Line,
    Name,
    Payload,
    People,
    Time,
    Token,
    Whole,
    Zone,
    ZoneOrBuilding,
)
from edge.site.contract.words import AlertKind, Mode, Severity


class Hold(Payload, frozen=True):
    """This card is refused at every gate until cleared. ``since`` null: the clock was unset."""

    card: Token
    since: Time | None
    by: Line
    cause: Line


class Status(Payload, frozen=True):
    """Whether a device is there; its last will says ``offline``. ``since`` null: the clock was unset."""

    state: Literal["online", "offline"]
    boot: Whole
    since: Time | None
    version: Line
    journal: Id
    clock: Literal["set", "unset"]


class EventMessage(Payload, frozen=True):
    """One line of a device's history; receivers deduplicate by device, journal and seq."""

    journal: Id
    seq: Annotated[Whole, Field(ge=1)]
    id: Id
    at: Time | None
    boot: Whole
    mono_s: float
    type: Name
    data: Data


class LaneText(Payload, frozen=True):
    """What the lane's display says to the person before it."""

    zh: Line
    en: Line


class LaneStatus(Payload, frozen=True):
    """A lane at this moment; ``alerts`` are the ids of those active, ``text`` what its display says."""

    mode: Mode
    state: Line
    step: Line | None = None
    reason: Line | None = None
    alerts: Annotated[tuple[Name, ...], Field(max_length=500)] = ()
    text: LaneText | None = None


class ZoneRow(Payload, frozen=True):
    """One journal's cumulative numbers of one zone.

    ``sent``: rights passed on, by peer. ``received``: rights this journal counts as received from all
    peers; without it nobody can tell which of two journals of one device got a gift, and 0 is assumed.
    """

    granted: Count
    entries: Count
    exits: Count
    released: Count
    sent: Annotated[dict[Name, Count], Field(max_length=100)] = Field(default_factory=dict[str, int])
    received: Count = 0


ZoneRows = Annotated[dict[ZoneOrBuilding, ZoneRow], Field(max_length=501)]


class PassCount(Payload, frozen=True):
    """Staff and visitors: counted, never limited."""

    entries: Count
    exits: Count


class Occupancy(Payload, frozen=True):
    """A gate's part of the bounded counter; ``former``: rows of journals that this device had before."""

    journal: Id
    term: Whole
    zones: ZoneRows
    passes: PassCount | None = None
    former: Annotated[dict[Id, ZoneRows], Field(max_length=50)] = Field(default_factory=dict[str, dict[str, ZoneRow]])


class Inside(Payload, frozen=True):
    """Who was admitted here and not seen leaving.

    ``session``: ``cards`` count until its end (its date and id, or a date: until the end of that day), those in
    ``sessions`` until the end of another. ``visits``: the visit of each card, by zone, ``*`` for those without
    one; ``groups``: how many came in on a card, where more than one; ``passes``: cards that are counted apart.
    ``left``: visits that were seen leaving here and were admitted elsewhere; the gate that admitted them
    forgets them. ``gone``: cards that were seen leaving here, and when, as long as their visits may not be
    known here; a gate forgets what it admitted them to before.
    """

    journal: Id
    cards: Annotated[tuple[Token, ...], Field(max_length=10_000)]
    session: Line | None = None
    sessions: dict[Line, tuple[Token, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    visits: dict[ZoneOrBuilding, dict[Token, Id]] = Field(default_factory=dict[str, dict[str, str]])
    groups: dict[Token, People] = Field(default_factory=dict[str, int])
    passes: Annotated[tuple[Token, ...], Field(max_length=10_000)] = ()
    left: Annotated[tuple[Id, ...], Field(max_length=10_000)] = ()
    gone: dict[Token, Time] = Field(default_factory=dict[str, datetime])


class ZoneGrant(Payload, frozen=True):
    """Rights of one zone given to one journal, and how many of them are wanted back; both cumulative."""

    granted: Count
    release_wanted: Count


class Grants(Payload, frozen=True):
    """The keeper's word to one gate; ``journal`` null: whichever the gate has."""

    term: Whole
    journal: Id | None = None
    zones: Annotated[dict[ZoneOrBuilding, ZoneGrant], Field(max_length=501)]


class Request(Payload, frozen=True):
    """A gate asks its peers for rights; ``urgent``: somebody stands before it."""

    id: Id
    zones: Annotated[dict[ZoneOrBuilding, Count], Field(max_length=501)]
    urgent: bool


class ClosedZone(Payload, frozen=True):
    """Nobody is admitted to this zone. ``since`` null: the clock was unset."""

    zone: Zone
    since: Time | None
    by: Line
    cause: Line


class Sync(Payload, frozen=True):
    """A device's own marker: when it comes back, everything retained has come before it."""

    id: Id


class Alert(Payload, frozen=True):
    """An alert while it is active. ``raised_at`` null: the clock was unset."""

    alert: Name
    kind: AlertKind
    severity: Severity
    raised_at: Time | None
    acknowledged_by: Line | None
    data: Data
