"""Who is booked, and who has a pass: the newest word of the booking server, found by card.

Each half-day's list comes as a whole, and a higher revision replaces it. A lost or repeated message
does no harm: a lower or equal revision changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from edge.site.contract import Booking, Bookings, ContractError, Pass, Passes, encode

LISTS_LIMIT: Final = 400
"""Half-days that are held at most: a hundred days of four sessions."""

_PREFIX: Final = "bookings/"
_PASSES: Final = "passes"


class BookingBook:
    """Bookings by date, session and card, and passes by card.

    What changes it returns what the journal must hold: a key a list, its value the list as JSON text.

    Args:
        saved: the journal's state; keys of others are ignored.
    """

    def __init__(self, saved: Mapping[str, Any] | None = None) -> None:
        self._days: dict[date, dict[str, dict[str, Booking]]] = {}
        self._revisions: dict[tuple[date, str], int] = {}
        self._passes: dict[str, list[Pass]] = {}
        self._passes_revision = -1
        for key, text in (saved or {}).items():
            if key.startswith(_PREFIX):
                day, _, session = key.removeprefix(_PREFIX).partition("/")
                self._hold(date.fromisoformat(day), session, Bookings.model_validate_json(text))
            elif key == _PASSES:
                self._hold_passes(Passes.model_validate_json(text))

    def put(self, day: date, session: str, message: Bookings, today: date | None = None) -> dict[str, Any | None]:
        """Take one half-day's list, and drop those of past dates.

        Args:
            day: the date it is for.
            session: the session it is for.
            message: the list.
            today: today at the site, so that what is past is not kept; None while nobody knows.

        Returns:
            What the journal must hold now; empty when nothing changed.

        Raises:
            ContractError: there are too many lists; this one is not taken.
        """
        dropped: dict[str, Any | None] = {} if today is None else self.forget_before(today)
        if (today is not None and day < today) or message.revision <= self._revisions.get((day, session), -1):
            return dropped
        if (day, session) not in self._revisions and len(self._revisions) >= LISTS_LIMIT:
            raise ContractError(f"bookings/{day}/{session}: expected lists for at most {LISTS_LIMIT} half-days")
        self._hold(day, session, message)
        return {**dropped, f"{_PREFIX}{day}/{session}": encode(message).decode()}

    def put_passes(self, message: Passes) -> dict[str, Any | None]:
        """Take the list of passes; returns what the journal must hold now."""
        if message.revision <= self._passes_revision:
            return {}
        self._hold_passes(message)
        return {_PASSES: encode(message).decode()}

    def forget_before(self, today: date) -> dict[str, Any | None]:
        """Drop the lists of past dates; returns the keys that the journal must drop."""
        past = [key for key in self._revisions if key[0] < today]
        for day, session in past:
            del self._revisions[day, session]
            self._days.pop(day, None)
        return {f"{_PREFIX}{day}/{session}": None for day, session in past}

    def for_card(self, card: str, day: date) -> dict[str, Booking]:
        """The card's bookings of a date, by session."""
        return {session: cards[card] for session, cards in self._days.get(day, {}).items() if card in cards}

    def pass_for(self, card: str, moment: datetime) -> Pass | None:
        """A pass that holds at this moment; a member of the staff is not taken for a visitor."""
        valid = [row for row in self._passes.get(card, ()) if row.from_ <= moment <= row.until]
        return min(valid, key=lambda row: row.role != "staff", default=None)

    def passes_of(self, card: str) -> Sequence[Pass]:
        """The card's passes, of whatever time."""
        return self._passes.get(card, ())

    def revision(self, day: date, session: str) -> int | None:
        """Revision of the list that is held; None for none."""
        return self._revisions.get((day, session))

    def _hold(self, day: date, session: str, message: Bookings) -> None:
        self._revisions[day, session] = message.revision
        cards: dict[str, Booking] = {}
        for booking in message.bookings:
            known = cards.setdefault(booking.card, booking)
            # who comes to stay and to fetch books has the place, and passes the desk on the way
            if known.purpose == "pickup" and booking.purpose == "visit":
                cards[booking.card] = booking
        self._days.setdefault(day, {})[session] = cards

    def _hold_passes(self, message: Passes) -> None:
        self._passes_revision = message.revision
        self._passes = {}
        for row in message.passes:
            self._passes.setdefault(row.card, []).append(row)
