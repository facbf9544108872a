"""When the library is open: the sessions of the caps on the calendar of the site.

Sessions are written in local time and become instants here, once a day, so that nobody else meets
daylight saving. A time that a day does not have (clocks go forward) is the instant at which the clocks
jump over it, a time that it has twice (clocks go back) is the first one; so sessions keep their order
and never overlap, and one that falls into the gap is not held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from edge.site.contract import Caps

KEPT_DAYS = 40
"""Days whose sessions are remembered once worked out."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SessionOpen:
    """One session on one date.

    Attributes:
        date: the local date that it is booked for.
        session: its id in the caps.
        opens: the instant it opens, with the site's offset at that moment.
        closes: the instant it is closed: it is open before, not at it.
    """

    date: date
    session: str
    opens: datetime
    closes: datetime

    @property
    def key(self) -> str:
        """Date and session as topics and journals write them: ``2026-03-09/am``."""
        return f"{self.date}/{self.session}"


class Timetable:
    """The sessions of one revision of the caps.

    All moments given to it are aware; of any zone.

    Args:
        caps: the sessions and the closed dates.
        zone: time zone of the site.
    """

    def __init__(self, caps: Caps, zone: tzinfo) -> None:
        self._zone = zone
        self._closed = frozenset(caps.closed_dates)
        self._sessions = sorted(caps.sessions, key=lambda session: session.opens)
        self._days: dict[date, tuple[SessionOpen, ...]] = {}

    def on(self, day: date) -> tuple[SessionOpen, ...]:
        """The sessions of a local date, in order."""
        if day not in self._days:
            if len(self._days) >= KEPT_DAYS:
                self._days.clear()
            self._days[day] = tuple(self._held(day))
        return self._days[day]

    def admitting(self, now: datetime, early_s: float) -> tuple[SessionOpen, ...]:
        """Sessions whose readers may enter now: the one that is open, then those that open within ``early_s``."""
        now = now.astimezone(UTC)  # adding to a local time moves its digits, not the instant
        until = now + timedelta(seconds=early_s)
        return tuple(session for session in self._near(now, until) if session.opens <= until and now < session.closes)

    def _near(self, now: datetime, until: datetime) -> Iterator[SessionOpen]:
        # where clocks go back over midnight, a session of the next date is open before and after that
        day, last = self._date(now), self._date(until) + DAY
        while day <= last:
            yield from self.on(day)
            day += DAY

    def _date(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def _held(self, day: date) -> Iterator[SessionOpen]:
        if day in self._closed:
            return
        for session in self._sessions:
            if day.isoweekday() in session.days:
                opens, closes = self._instant(day, session.opens), self._instant(day, session.closes)
                if opens < closes:
                    yield SessionOpen(day, session.id, self._local(opens), self._local(closes))

    def _instant(self, day: date, time_of_day: str) -> datetime:
        if time_of_day == "24:00":
            day, time_of_day = day + DAY, "00:00"
        local = datetime.combine(day, time.fromisoformat(time_of_day), self._zone)
        moment = local.astimezone(UTC)
        if moment.astimezone(self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return moment
        return self._jump(local.replace(fold=1).astimezone(UTC), moment)

    def _jump(self, before: datetime, after: datetime) -> datetime:
        """The instant between two at which the clocks go forward."""
        offset = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) // 2
            if middle.astimezone(self._zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)

    def _local(self, moment: datetime) -> datetime:
        """With a fixed offset: Python compares times that share a zone by their digits, not as instants."""
        offset = moment.astimezone(self._zone).utcoffset()
        return moment.astimezone(timezone(offset)) if offset is not None else moment
