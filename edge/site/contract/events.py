"""What the data of each type of event hold at least."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import (
    ValidationError,
)

from edge.site.contract.complaints import complaint, shown
from edge.site.contract.parts import Id, Line, Name, Payload, People, Token, Zone, ZoneOrBuilding
from edge.site.contract.words import AlertKind, CommandName, ContractError, Mode, Reason, Severity


class EventData(Payload, frozen=True, defer_build=True):
    """Base of the data of events: the keys that are there at least."""


class DeviceStarted(EventData, frozen=True):
    """A run of the device began."""

    reason: Literal["boot", "crash", "upgrade"]
    version: Line


class VisitAdmitted(EventData, frozen=True):
    """Somebody was let in; Celsius, null where nothing was measured (by hand: the guard's value is the estimate)."""

    visit: Id
    card: Token | None
    zone: Zone | None
    booking: Id | None
    lane: Name
    skin_c: float | None
    ambient_c: float | None
    estimate_c: float | None
    by: Literal["booking", "pass", "hand"]


class VisitDenied(EventData, frozen=True):
    """A card was refused; temperatures where they were taken."""

    card: Token
    lane: Name
    reason: Reason
    skin_c: float | None = None
    ambient_c: float | None = None
    estimate_c: float | None = None


class VisitUsed(EventData, frozen=True):
    """Somebody walked through on the visit, or nobody did."""

    visit: Id
    lane: Name


class VisitReduced(EventData, frozen=True):
    """Of several who were let in on the visit so many did not come; their places are given back."""

    visit: Id
    lane: Name
    people: People


class LanePassed(EventData, frozen=True):
    """Somebody walked in on nobody's visit: the lane was released, or opened for whoever came."""

    lane: Name


class VisitExited(EventData, frozen=True):
    """Somebody left; null where only a beam saw it."""

    visit: Id | None
    card: Token | None
    zone: Zone | None
    lane: Name


class AlertChanged(EventData, frozen=True):
    """An alert began, was seen, or ended."""

    alert: Name
    kind: AlertKind
    severity: Severity
    by: Line | None


class LaneMode(EventData, frozen=True):
    """The lane's mode changed."""

    lane: Name
    mode: Mode
    cause: Line


class CountSettled(EventData, frozen=True):
    """A person, the end of a session, or a card that came again corrected the count."""

    zone: ZoneOrBuilding
    before: int
    after: int
    by: Line
    cause: Line


class CommandDone(EventData, frozen=True):
    """A command was carried out, or refused; with the keys of its own: card, zone, what was measured."""

    id: Id
    do: CommandName
    ok: bool
    error: Line | None


class MessageRejected(EventData, frozen=True):
    """A message broke the contract and changed nothing."""

    topic: Line
    error: Line


class ZoneChanged(EventData, frozen=True):
    """A zone was closed, reopened, cleaned, or somebody in it is ill."""

    zone: Zone
    by: Line
    authority: Line | None = None
    what: Line | None = None


class DeviceWrittenOff(EventData, frozen=True):
    """A device's journal will not come back, by a person's word."""

    device: Name
    by: Line


class BookEvent(EventData, frozen=True):
    """What happened to one book."""

    barcode: Id
    route: Literal["uv", "ozone", "quarantine"] | None = None
    cabinet: Name | None = None
    batch: Id | None = None


class BatchEvent(EventData, frozen=True):
    """What happened to one batch of a cabinet."""

    cabinet: Name
    batch: Id
    books: tuple[Id, ...] = ()
    phase: Line | None = None
    verdict: Literal["pass", "fail", "aborted"] | None = None
    cause: Line | None = None


EVENTS: Final[Mapping[str, type[EventData]]] = {
    "device.started": DeviceStarted,
    "visit.admitted": VisitAdmitted,
    "visit.denied": VisitDenied,
    "visit.reopened": VisitAdmitted,
    "visit.passed": VisitUsed,
    "visit.abandoned": VisitUsed,
    "visit.reduced": VisitReduced,
    "visit.exited": VisitExited,
    "lane.passed": LanePassed,
    "alert.raised": AlertChanged,
    "alert.acknowledged": AlertChanged,
    "alert.cleared": AlertChanged,
    "lane.mode": LaneMode,
    "count.settled": CountSettled,
    "command.done": CommandDone,
    "message.rejected": MessageRejected,
    "zone.closed": ZoneChanged,
    "zone.reopened": ZoneChanged,
    "hygiene.done": ZoneChanged,
    "symptoms.reported": ZoneChanged,
    "device.written_off": DeviceWrittenOff,
    "book.received": BookEvent,
    "book.routed": BookEvent,
    "book.disinfected": BookEvent,
    "book.failed": BookEvent,
    "batch.planned": BatchEvent,
    "batch.started": BatchEvent,
    "batch.phase": BatchEvent,
    "batch.finished": BatchEvent,
}
"""What each type of event holds at least. A type that is not here may come from a newer device."""


def event_data(type_: str, data: Mapping[str, Any]) -> EventData:
    """Check the data of an event: for tests and tools, never on the way of a tap.

    Raises:
        ContractError: the type is unknown, or a key is missing or not what it must be.
    """
    if type_ not in EVENTS:
        raise ContractError(f"{shown(type_)}: expected a type of event that the contract knows")
    try:
        return EVENTS[type_].model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise ContractError(f"{type_}: {complaint(error)}") from None
