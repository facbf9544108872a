"""What a gate has been told: to either end of the calendar, and no more than it can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.gate import register as register_
from edge.gate.register import Register
from edge.runtime.station import Identity
from edge.runtime.step import Recorder
from edge.runtime.vocabulary import Now
from edge.site import contract

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 3, 9, 9, 0, tzinfo=SHANGHAI)
CARD, OTHER = "a" * 26, "b" * 26


class Gate:
    """A register, and the step it writes to."""

    def __init__(self, zone: tzinfo = SHANGHAI, state: Mapping[str, Any] | None = None) -> None:
        self.used: list[contract.Caps] = []
        identity = Identity("demo", "north", "j", 1, 0, True, state or {})
        self.register = Register(identity, zone, 300.0, self.used.append)
        self.step = Recorder(1, 0).begin(Now(0.0, NINE))

    def hears(self, row: str, payload: Mapping[str, Any], **names: str) -> None:
        topic = contract.TOPICS[row].build("demo", **names)
        message = contract.parse(topic, contract.encode(contract.TOPICS[row].adapter.validate_python(payload)))
        self.register.listeners()[row](self.step, names, message.payload)

    def has_pass(self, from_: str, until: str) -> None:
        row = {"card": CARD, "role": "staff", "from": from_, "until": until}
        self.hears("passes", {"revision": 1, "passes": (row,)})


@pytest.mark.parametrize("zone", [SHANGHAI, timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))], ids=str)
@pytest.mark.parametrize("offset", ["Z", "+14:00", "-12:00"])
def test_a_pass_may_hold_from_the_first_to_the_last_day_of_the_calendar(zone: tzinfo, offset: str) -> None:
    gate = Gate(zone)
    gate.has_pass(f"0001-01-01T00:00:00{offset}", f"9999-12-31T23:59:59{offset}")
    assert gate.register.had_pass(CARD, NINE)
    assert gate.register.pass_(CARD, NINE) is not None
    assert not gate.register.had_pass(OTHER, NINE)


@pytest.mark.parametrize(
    ("from_", "until", "had"),
    [
        ("2026-03-08T09:00:00+08:00", "2026-03-08T23:59:59+08:00", False),
        ("2026-03-08T09:00:00+08:00", "2026-03-09T00:00:00+08:00", True),
        ("2026-03-09T23:59:59+08:00", "2026-03-10T09:00:00+08:00", True),
        ("2026-03-10T00:00:00+08:00", "2026-03-10T09:00:00+08:00", False),
        ("2026-03-09T15:59:59Z", "2026-03-09T18:00:00Z", True),
        ("2026-03-09T16:00:00Z", "2026-03-09T18:00:00Z", False),
    ],
)
def test_a_pass_of_any_hour_of_today_may_have_let_its_card_in(from_: str, until: str, had: bool) -> None:
    gate = Gate()
    gate.has_pass(from_, until)
    assert gate.register.had_pass(CARD, NINE) is had
    assert gate.register.had_pass(CARD, NINE.astimezone(UTC)) is had


def test_more_closed_zones_than_a_site_has_are_not_taken() -> None:
    gate = Gate()
    limit = register_.LIMITS["zones"]
    for number in range(limit):
        hears_closed(gate, f"z{number}")
    with pytest.raises(contract.ContractError, match="at most 500"):
        hears_closed(gate, "another")
    hears_closed(gate, "z0")
    assert len(gate.register.closed) == limit


def hears_closed(gate: Gate, zone: str) -> None:
    gate.hears("zones", {"zone": zone, "since": None, "by": "x", "cause": "x"}, zone=zone)


HOLD = {"since": None, "by": "x", "cause": "x"}


def test_more_holds_than_can_be_are_not_taken_but_a_fever_here_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    assert register_.LIMITS["holds"] == 10_000
    monkeypatch.setattr(register_, "LIMITS", {"holds": 1, "zones": 1})
    gate = Gate()
    gate.hears("holds", {"card": CARD, **HOLD}, card=CARD)
    with pytest.raises(contract.ContractError, match="at most 1"):
        gate.hears("holds", {"card": OTHER, **HOLD}, card=OTHER)
    assert gate.register.hold(gate.step, OTHER, by="north", cause="fever") is None
    assert OTHER in gate.register.holds


def test_what_happens_here_is_bounded_too_and_nothing_is_dropped_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert register_.ROOM == {"holds": 1_000, "zones": 100}
    monkeypatch.setattr(register_, "LIMITS", {"holds": 1, "zones": 1})
    monkeypatch.setattr(register_, "ROOM", {"holds": 1, "zones": 1})
    gate = Gate()
    register, step = gate.register, gate.step
    assert [register.hold(step, card, by="north", cause="fever") for card in (CARD, OTHER)] == [None, None]
    assert register.hold(step, "c" * 26, by="north", cause="fever") == "holds: 2 are known, expected at most 2"
    assert register.hold(step, CARD, by="guard", cause="fever") is None, "said again"
    assert set(register.holds) == {CARD, OTHER}
    register.clear_hold(step, CARD)
    assert register.hold(step, "c" * 26, by="north", cause="fever") is None
    assert [register.close(step, zone, by="guard", cause="command") for zone in ("a", "b", "c")] == [
        None,
        None,
        "zones: 2 are known, expected at most 2",
    ]
    assert set(register.closed) == {"a", "b"}


def test_whoever_uses_the_caps_is_told_when_they_change_and_after_a_start() -> None:
    gate = Gate()
    first, second = ({"revision": revision, "building": 9, "zones": {}, "sessions": ()} for revision in (1, 2))
    for caps in (first, first, second, first):
        gate.hears("caps", caps)
    assert [caps.revision for caps in gate.used] == [1, 2]
    assert [caps.revision for caps in Gate(state=gate.step.puts).used] == [2]
