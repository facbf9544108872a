"""The timetable: instants, not digits, whatever the calendar and the clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.site.contract import Caps, Session
from edge.site.sessions import SessionOpen, Timetable

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def timetable(*sessions: str, zone: ZoneInfo = SHANGHAI, weekdays=None, closed: tuple[date, ...] = ()) -> Timetable:
    """Sessions as ``am 09:00-11:30``."""
    rows = []
    for text in sessions:
        name, hours = text.split()
        opens, closes = hours.split("-")
        rows.append(Session(id=name, opens=opens, closes=closes, weekdays=weekdays))
    return Timetable(Caps(revision=1, building=None, zones={}, sessions=tuple(rows), closed_dates=closed), zone)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def current(table: Timetable, now: datetime, early_s: float = 0.0) -> SessionOpen | None:
    """The session that is open, or else the next to open within the early time."""
    return next(iter(table.admitting(now, early_s)), None)


def keys(found: SessionOpen | None) -> str | None:
    return None if found is None else found.key


HALF_DAYS = timetable("am 09:00-11:30", "pm 14:00-16:30")


@pytest.mark.parametrize(
    ("moment", "early_s", "expected"),
    [
        ("2026-03-09T08:54:59.999", 300, None),
        ("2026-03-09T08:55:00", 300, "2026-03-09/am"),
        ("2026-03-09T08:55:00", 0, None),
        ("2026-03-09T09:00:00", 0, "2026-03-09/am"),
        ("2026-03-09T11:29:59.999", 0, "2026-03-09/am"),
        ("2026-03-09T11:30:00", 300, None),
        ("2026-03-09T13:57:00", 300, "2026-03-09/pm"),
        ("2026-03-09T16:30:00", 300, None),
    ],
)
def test_a_session_is_open_from_its_opening_until_before_its_closing(moment, early_s, expected) -> None:
    assert keys(current(HALF_DAYS, at(moment), early_s)) == expected


def test_early_readers_of_the_next_session_may_enter_while_the_last_one_is_open() -> None:
    table = timetable("am 09:00-12:00", "pm 12:00-16:00")
    assert [s.session for s in table.admitting(at("2026-03-09T11:57"), 300)] == ["am", "pm"]
    assert keys(current(table, at("2026-03-09T11:57"), 300)) == "2026-03-09/am"
    assert keys(current(table, at("2026-03-09T12:00"), 300)) == "2026-03-09/pm"


def test_midnight_belongs_to_the_next_day_and_its_early_readers_come_the_day_before() -> None:
    table = timetable("night 00:00-06:00", "late 18:00-24:00")
    assert keys(current(table, at("2026-03-09T23:59:59"))) == "2026-03-09/late"
    assert keys(current(table, at("2026-03-10T00:00"))) == "2026-03-10/night"
    assert [s.key for s in table.admitting(at("2026-03-09T23:58"), 300)] == ["2026-03-09/late", "2026-03-10/night"]


def test_weekdays_and_closed_dates() -> None:
    table = timetable("am 09:00-11:30", weekdays=(1, 2, 3, 4, 5), closed=(date(2026, 3, 9),))
    assert table.on(date(2026, 3, 8)) == ()  # a Sunday
    assert table.on(date(2026, 3, 9)) == ()
    assert [keys(*table.on(date(2026, 3, day))) for day in (6, 10)] == ["2026-03-06/am", "2026-03-10/am"]


def test_a_library_that_never_opens() -> None:
    assert current(timetable(), at("2026-03-09T09:00"), 300) is None


def test_clocks_go_forward_over_an_opening() -> None:
    table = timetable("dawn 02:30-04:00", zone=BERLIN)
    (dawn,) = table.on(date(2026, 3, 29))
    assert dawn.opens == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert dawn.opens.isoformat() == "2026-03-29T03:00:00+02:00"
    assert current(table, dawn.opens) == dawn
    assert timetable("gone 02:00-03:00", zone=BERLIN).on(date(2026, 3, 29)) == ()


def test_clocks_go_back_within_a_session() -> None:
    table = timetable("night 01:00-03:30", zone=BERLIN)
    (night,) = table.on(date(2026, 10, 25))
    assert night.closes - night.opens == timedelta(hours=3.5)
    second = at("2026-10-25T02:30", BERLIN).replace(fold=1)
    assert current(table, second) == night
    # ten minutes of waiting across the change are ten minutes
    assert current(table, at("2026-10-25T00:56", BERLIN), 300) == night


def test_the_early_time_is_real_time_when_clocks_go_back() -> None:
    table = timetable("dawn 03:00-05:00", zone=BERLIN)
    first = at("2026-10-25T02:58", BERLIN)
    assert current(table, first, 300) is None  # it opens in an hour and two minutes
    assert keys(current(table, first.replace(fold=1), 300)) == "2026-10-25/dawn"


def test_an_hour_that_comes_twice_is_open_both_times() -> None:
    table = timetable("short 02:00-03:00", zone=BERLIN)
    (short,) = table.on(date(2026, 10, 25))
    assert short.opens == datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert short.closes == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)


def test_where_clocks_went_back_over_midnight_the_new_days_session_stayed_open() -> None:
    table = timetable("night 00:00-06:00", zone=ZoneInfo("America/St_Johns"))
    # a minute after midnight the clocks showed 23:01 of the day before
    assert keys(current(table, datetime(2010, 11, 7, 2, 30, tzinfo=UTC))) == "2010-11-07/night"
    assert keys(current(table, datetime(2010, 11, 7, 2, 40, tzinfo=UTC))) == "2010-11-07/night"


zones = st.sampled_from(
    ["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Pacific/Apia", "UTC"]
).map(ZoneInfo)
minutes = st.lists(st.integers(0, 1440), min_size=2, max_size=8, unique=True).map(sorted)


def written(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def keep_their_order_and_never_overlap(zone: ZoneInfo, times: list[int], first: date) -> None:
    pairs = list(zip(times[::2], times[1::2], strict=False))
    table = timetable(*(f"s{i} {written(a)}-{written(b)}" for i, (a, b) in enumerate(pairs)), zone=zone)
    held = [session for day in range(4) for session in table.on(first + timedelta(days=day))]
    for session in held:
        assert session.opens < session.closes
        assert current(table, session.opens) == session
        assert current(table, session.closes - timedelta(microseconds=1)) == session
        assert current(table, session.closes) != session
    for earlier, later in pairwise(held):
        assert earlier.closes <= later.opens


@given(zones, minutes, st.dates(date(2010, 1, 1), date(2030, 1, 1)))
def test_sessions_keep_their_order_and_never_overlap(zone: ZoneInfo, times: list[int], first: date) -> None:
    keep_their_order_and_never_overlap(zone, times, first)


# Clocks change by an hour or half of one, at night or at midnight; Samoa left a whole day out; Newfoundland
# once went back over midnight.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 10, 25)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("America/St_Johns", date(2010, 11, 7)),
]


@given(st.sampled_from(CHANGES), minutes)
def test_the_same_on_days_when_the_clocks_change(change: tuple[str, date], times: list[int]) -> None:
    zone, day = change
    keep_their_order_and_never_overlap(ZoneInfo(zone), times, day - timedelta(days=1))
