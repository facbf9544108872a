"""What a gate has been told: caps, bookings, passes, held cards, closed zones. Remembered over restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from edge.runtime.station import Identity, Listener
from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish
from edge.site import contract
from edge.site.bookings import BookingBook
from edge.site.contract import ContractError
from edge.site.sessions import SessionOpen, Timetable

LIMITS: Final[Mapping[str, int]] = {"holds": 10_000, "zones": 500}
"""So many rows are taken from others."""
ROOM: Final[Mapping[str, int]] = {"holds": 1_000, "zones": 100}
"""So many more for what happens here, whatever others tell. Beyond that nothing is taken, and whoever asked is told;
no row is ever dropped for another: each stands until a person clears it."""


class Register:
    """The booking server's word, and the guards'.

    Args:
        identity: who the gate is and what its journal remembers.
        zone: time zone of the site; dates of bookings are local.
        early_s: how long before a session opens its readers may enter, seconds.
        use_caps: who is to know what the caps limit.
    """

    def __init__(
        self, identity: Identity, zone: tzinfo, early_s: float, use_caps: Callable[[contract.Caps], None]
    ) -> None:
        self._identity = identity
        self._zone = zone
        self._early_s = early_s
        self._use_caps = use_caps
        self.caps: contract.Caps | None = None
        self._timetable: Timetable | None = None
        if "caps" in identity.state:
            self._use(contract.Caps.model_validate_json(identity.state["caps"]))
        self._book = BookingBook(identity.state)
        self._told: set[tuple[str, str]] = set()
        self._rows: dict[str, dict[str, str]] = {
            name: {key.removeprefix(f"{name}/"): row for key, row in identity.saved(f"{name}/").items()}
            for name in ("holds", "zones")
        }
        self._unheard = {key.removeprefix("unheard/") for key in identity.saved("unheard/")}

    def listeners(self) -> Mapping[str, Listener]:
        """Which messages are heard here."""
        return {
            "caps": self._heard_caps,
            "bookings": self._heard_bookings,
            "passes": self._heard_passes,
            "holds": self._heard_hold,
            "zones": self._heard_zone,
        }

    @property
    def holds(self) -> Mapping[str, str]:
        """Cards that are refused at every gate, each with its payload."""
        return self._rows["holds"]

    @property
    def closed(self) -> Mapping[str, str]:
        """Zones to which nobody is admitted, each with its payload."""
        return self._rows["zones"]

    # --- answers --------------------------------------------------------------------------------------

    def sessions(self, wall: datetime) -> tuple[SessionOpen, ...]:
        """The sessions whose readers may enter: the open one, and those that open within the early-entry time."""
        return () if self._timetable is None else self._timetable.admitting(wall, self._early_s)

    def booking(self, card: str, session: SessionOpen) -> contract.Booking | None:
        """The card's booking for a session."""
        return self._book.for_card(card, session.date).get(session.session)

    def booking_now(self, card: str, sessions: tuple[SessionOpen, ...]) -> tuple[contract.Booking | None, str | None]:
        """The card's booking for the first of these sessions that it has one for, and the key of that session."""
        for session in sessions:
            booking = self.booking(card, session)
            if booking is not None:
                return booking, session.key
        return None, None

    def stay(self, wall: datetime) -> str:
        """Until whose end who comes in now counts as inside: the session that is open or is next today, or today."""
        today = self.today(wall)
        sessions = () if self._timetable is None else self._timetable.on(today)
        return next((session.key for session in sessions if wall < session.closes), today.isoformat())

    def booked(self, card: str, wall: datetime) -> Mapping[str, contract.Booking]:
        """All bookings of a card on the day of this moment, by session."""
        return self._book.for_card(card, self.today(wall))

    def today(self, wall: datetime) -> date:
        """The date at the site."""
        return wall.astimezone(self._zone).date()

    def pass_(self, card: str, wall: datetime) -> contract.Pass | None:
        """A pass that holds now."""
        return self._book.pass_for(card, wall)

    def had_pass(self, card: str, wall: datetime | None) -> bool:
        """Whether a pass may have let the card in today; while the clock is unset, at any time."""
        passes = self._book.passes_of(card)
        if wall is None:
            return bool(passes)
        today = self.today(wall)
        # instants, for a pass may reach to either end of the calendar, where there is no other zone's time
        begins = datetime.combine(today, time.min, self._zone)
        ends = datetime.combine(today + timedelta(days=1), time.min, self._zone)
        return any(row.from_ < ends and begins <= row.until for row in passes)

    # --- guards ---------------------------------------------------------------------------------------

    def hold(self, step: Step, card: str, *, by: str, cause: str) -> str | None:
        """Refuse a card at every gate until it is cleared; or one line that says why that cannot be."""
        hold = contract.Hold(card=card, since=step.now.wall, by=by, cause=cause)
        return self._set(step, "holds", card, hold)

    def clear_hold(self, step: Step, card: str) -> None:
        """The card may come in again, everywhere."""
        self._unset(step, "holds", card)

    def close(self, step: Step, zone: str, *, by: str, cause: str) -> str | None:
        """Admit nobody to a zone, at any gate; or one line that says why that cannot be."""
        closed = contract.ClosedZone(zone=zone, since=step.now.wall, by=by, cause=cause)
        return self._set(step, "zones", zone, closed)

    def reopen(self, step: Step, zone: str) -> None:
        """Admit to the zone again, at every gate."""
        self._unset(step, "zones", zone)

    def linked(self) -> None:
        """The broker will now tell which cards it knows to be held, and which zones to be closed."""
        self._told.clear()

    def synced(self, step: Step) -> None:
        """Say again what it did not tell: it lost that, or we were cut off when it happened."""
        for name, rows in self._rows.items():
            for key, row in rows.items():
                if (name, key) not in self._told:
                    step.then(Publish(self._topic(name, key), row.encode(), retain=True))

    # --- messages -------------------------------------------------------------------------------------

    def _use(self, caps: contract.Caps) -> None:
        self.caps = caps
        self._timetable = Timetable(caps, self._zone)
        self._use_caps(caps)

    def _heard_caps(self, step: Step, _: Mapping[str, str], caps: contract.Caps | None) -> None:
        if caps is not None and (self.caps is None or caps.revision > self.caps.revision):
            self._use(caps)
            step.put("caps", contract.encode(caps).decode())

    def _heard_bookings(self, step: Step, names: Mapping[str, str], bookings: contract.Bookings | None) -> None:
        if bookings is not None:
            day = date.fromisoformat(names["date"])
            today = None if step.now.wall is None else self.today(step.now.wall)
            self._put_all(step, self._book.put(day, names["session"], bookings, today))

    def _heard_passes(self, step: Step, _: Mapping[str, str], passes: contract.Passes | None) -> None:
        if passes is not None:
            self._put_all(step, self._book.put_passes(passes))

    def _heard_hold(self, step: Step, names: Mapping[str, str], hold: contract.Hold | None) -> None:
        self._heard(step, "holds", names["card"], hold)

    def _heard_zone(self, step: Step, names: Mapping[str, str], zone: contract.ClosedZone | None) -> None:
        self._heard(step, "zones", names["zone"], zone)

    # --- the same for holds and zones -----------------------------------------------------------------

    def _topic(self, name: str, key: str) -> str:
        return self._identity.topic(name, **{"holds": {"card": key}, "zones": {"zone": key}}[name])

    def _set(self, step: Step, name: str, key: str, model: contract.Payload) -> str | None:
        error = self._full(name, key, LIMITS[name] + ROOM[name])
        if error is not None:
            return error
        row = contract.encode(model)
        self._rows[name][key] = row.decode()
        step.put(f"{name}/{key}", row.decode())
        self._unheard.add(f"{name}/{key}")
        step.put(f"unheard/{name}/{key}", True)
        step.then(Publish(self._topic(name, key), row, retain=True))
        return None

    def _unset(self, step: Step, name: str, key: str) -> None:
        self._rows[name].pop(key, None)
        step.put(f"{name}/{key}", None)
        self._hear(step, name, key)
        step.then(Publish(self._topic(name, key), b"", retain=True))

    def _heard(self, step: Step, name: str, key: str, model: contract.Payload | None) -> None:
        rows = self._rows[name]
        if model is None and f"{name}/{key}" in self._unheard:
            self._told.discard((name, key))
            return  # the broker tells in its order, and our own word has not come back yet: this one is older
        self._told.add((name, key))
        if model is None:
            if rows.pop(key, None) is not None:
                step.put(f"{name}/{key}", None)
        elif key not in rows:
            error = self._full(name, key, LIMITS[name])
            if error is not None:
                raise ContractError(error)
            rows[key] = contract.encode(model).decode()
            step.put(f"{name}/{key}", rows[key])
        elif contract.encode(model).decode() == rows[key]:
            self._hear(step, name, key)

    def _hear(self, step: Step, name: str, key: str) -> None:
        """Our own word has come back from the broker, or does not count any more."""
        if f"{name}/{key}" in self._unheard:
            self._unheard.remove(f"{name}/{key}")
            step.put(f"unheard/{name}/{key}", None)

    def _full(self, name: str, key: str, limit: int) -> str | None:
        rows = self._rows[name]
        return None if key in rows or len(rows) < limit else f"{name}: {len(rows)} are known, expected at most {limit}"

    @staticmethod
    def _put_all(step: Step, puts: Mapping[str, Any]) -> None:
        for key, value in puts.items():
            step.put(key, value)
