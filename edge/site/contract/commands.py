"""Commands: what a device can be told, and what goes with each."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from edge.site.contract.parts import ContactC, Count, Id, Line, Name, Payload, People, Time, Token, Zone, ZoneOrBuilding
from edge.site.contract.words import CommandName


class Command(Payload, frozen=True):
    """Something that ``by`` wants done: works once, refused after ``expires_at``."""

    id: Id
    issued_at: Time
    expires_at: Time
    do: CommandName
    by: Line = ""


class PlainCommand(Command, frozen=True):
    """The lane and the patrol: nothing more to say."""

    do: Literal[
        CommandName.OPEN_ONCE,
        CommandName.LOCKDOWN,
        CommandName.RELEASE,
        CommandName.NORMAL,
        CommandName.LED_ASIDE,
        CommandName.PATROL_DONE,
    ]


class Admit(Command, frozen=True):
    """Admit by hand: a ``card``, or a ``note`` who it is; ``zone`` null: the booking's."""

    do: Literal[CommandName.ADMIT]
    card: Token | None = None
    note: Line | None = None
    zone: Zone | None = None
    people: People = 1
    temperature_c: ContactC | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Admit:
        if self.card is None and not self.note:
            raise ValueError("card: missing, expected card or note")
        return self


class AckAlert(Command, frozen=True):
    """A guard has seen the alert."""

    do: Literal[CommandName.ACK_ALERT]
    alert: Name


class RecordCheck(Command, frozen=True):
    """A contact thermometer's word on a held card; at or below the threshold it clears the hold."""

    do: Literal[CommandName.RECORD_CHECK]
    card: Token
    contact_c: ContactC


class ClearHold(Command, frozen=True):
    """The card may come in again."""

    do: Literal[CommandName.CLEAR_HOLD]
    card: Token


class CloseZone(Command, frozen=True):
    """Nobody is admitted to the zone any more."""

    do: Literal[CommandName.CLOSE_ZONE]
    zone: Zone


class ReopenZone(Command, frozen=True):
    """The zone may be used again, because ``authority`` said so."""

    do: Literal[CommandName.REOPEN_ZONE]
    zone: Zone
    authority: Annotated[Line, StringConstraints(min_length=1)]


class AllOut(Command, frozen=True):
    """Nobody is in the zone (null or none: in the building) by a person's word."""

    do: Literal[CommandName.ALL_OUT]
    zone: ZoneOrBuilding | None = None


class SetCount(Command, frozen=True):
    """So many are in the zone by a person's count."""

    do: Literal[CommandName.SET_COUNT]
    zone: ZoneOrBuilding
    people: Annotated[Count, Field(le=100_000)]


class HygieneDone(Command, frozen=True):
    """``what`` (airing, disinfection) was done in the zone."""

    do: Literal[CommandName.HYGIENE_DONE]
    zone: Zone
    what: Line


class ReportSymptoms(Command, frozen=True):
    """Somebody in the zone is ill."""

    do: Literal[CommandName.REPORT_SYMPTOMS]
    zone: Zone
    card: Token | None = None


class SupervisorRelease(Command, frozen=True):
    """Unlock a cabinet whose air cannot be measured."""

    do: Literal[CommandName.SUPERVISOR_RELEASE]
    cabinet: Name
    reason: Annotated[Line, StringConstraints(min_length=1)]


class WriteOff(Command, frozen=True):
    """The journal of ``device`` will not come back."""

    do: Literal[CommandName.WRITE_OFF]
    device: Name


AnyCommand: TypeAlias = Annotated[
    PlainCommand
    | Admit
    | AckAlert
    | RecordCheck
    | ClearHold
    | CloseZone
    | ReopenZone
    | AllOut
    | SetCount
    | HygieneDone
    | ReportSymptoms
    | SupervisorRelease
    | WriteOff,
    Field(discriminator="do"),
]


class Result(Payload, frozen=True):
    """What became of a command."""

    id: Id
    ok: bool
    error: Line | None = None
