"""What a site's servers and readers say: caps, bookings, passes, readings, acknowledgements, returns."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    FailFast,
    Field,
    StringConstraints,
    model_validator,
)

from edge.site.contract.parts import UID, Count, Day, Id, Name, Payload, People, Time, TimeOfDay, Token, Whole, Zone


class Session(Payload, frozen=True):
    """A stretch of the day that is booked: half-open, local time; ``weekdays`` 1 (Monday) to 7, none given: all."""

    id: Name
    opens: TimeOfDay
    closes: TimeOfDay
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)] | None = None

    @property
    def days(self) -> frozenset[int]:
        """The weekdays on which it is held."""
        return frozenset(self.weekdays or range(1, 8))


class Caps(Payload, frozen=True):
    """How many may be inside and when; ``building`` null: only the zones are limited."""

    revision: Whole
    building: Count | None
    zones: Annotated[dict[Zone, Count], Field(max_length=500)]
    sessions: Annotated[tuple[Session, ...], Field(max_length=200)]
    closed_dates: Annotated[tuple[Day, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _sessions_follow_each_other(self) -> Caps:
        for index, session in enumerate(self.sessions):
            if session.opens >= session.closes:
                raise ValueError(f"sessions.{index}: closes at {session.closes}, expected after {session.opens}")
        for weekday in range(1, 8):
            held = sorted((s for s in self.sessions if weekday in s.days), key=lambda s: s.opens)
            for before, after in pairwise(held):
                if after.opens < before.closes:
                    raise ValueError(
                        f"sessions.{self.sessions.index(after)}: opens at {after.opens} on weekday {weekday},"
                        f" expected {before.closes} or later, when sessions.{self.sessions.index(before)} has closed"
                    )
            if len({session.id for session in held}) < len(held):
                raise ValueError(f"sessions of weekday {weekday}: expected each id once")
        return self


class Booking(Payload, frozen=True):
    """One reader's right to a place; ``code`` null: the card alone suffices."""

    booking: Id
    card: Token
    zone: Zone
    code: Token | None = None
    purpose: Literal["visit", "pickup"] = "visit"
    people: People = 1
    health: Literal["ok", "missing", "blocked"] = "ok"


class Bookings(Payload, frozen=True):
    """Everybody booked for one session of one date; a higher revision replaces the list."""

    revision: Whole
    bookings: Annotated[tuple[Booking, ...], FailFast(), Field(max_length=50_000)]


class Pass(Payload, frozen=True):
    """Staff or a visitor: temperature applies; booking, session and cap do not. ``zones`` null: all."""

    card: Token
    role: Literal["staff", "visitor"]
    from_: Annotated[Time, Field(alias="from")]
    until: Time
    zones: Annotated[tuple[Zone, ...], Field(max_length=500)] | None = None


class Passes(Payload, frozen=True):
    """Everybody with a pass; a higher revision replaces the list."""

    revision: Whole
    passes: Annotated[tuple[Pass, ...], FailFast(), Field(max_length=50_000)]


class Reading(Payload, frozen=True):
    """A reader on the network saw a card: the one message that holds a card number.

    ``uid``: hex, first byte first, as long as the site's card form says: 4, 7 or 10 bytes of a UID, 3 of Wiegand 26.
    """

    uid: Annotated[str, StringConstraints(pattern=UID)]
    code: Annotated[str, StringConstraints(max_length=64)] | None = None


class Ack(Payload, frozen=True):
    """Every event of this journal up to ``acked_seq`` is on the receiver's disk."""

    journal: Id
    acked_seq: Whole


class ReturnedBook(Payload, frozen=True):
    """A book that wants to be disinfected; ``due``: when it is needed."""

    barcode: Id
    material: Literal["paper", "coated", "photo", "leather", "rare"]
    purpose: Literal["return", "new", "lend"] = "return"
    due: Time | None = None


class Returns(Payload, frozen=True):
    """Books on their way to the workroom."""

    id: Id
    books: Annotated[tuple[ReturnedBook, ...], FailFast(), Field(max_length=5_000)]
