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

    def __init__(self, zone: tzinfo = SHANGHAI) -> None:
        self.register = Register(Identity("demo", "north", "j", 1, 0, True, {}), zone, 300.0)
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
        closes(gate, f"z{number}")
    with pytest.raises(contract.ContractError, match="at most 500"):
        closes(gate, "another")
    closes(gate, "z0")
    assert len(gate.register.closed) == limit


def closes(gate: Gate, zone: str) -> None:
    gate.hears("zones", {"zone": zone, "since": None, "by": "x", "cause": "x"}, zone=zone)


def test_more_holds_than_can_be_are_not_taken_but_a_fever_here_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    assert register_.LIMITS["holds"] == 10_000
    monkeypatch.setattr(register_, "LIMITS", {"holds": 1, "zones": 1})
    gate = Gate()
    hold = {"since": None, "by": "x", "cause": "x"}
    gate.hears("holds", {"card": CARD, **hold}, card=CARD)
    with pytest.raises(contract.ContractError, match="at most 1"):
        gate.hears("holds", {"card": OTHER, **hold}, card=OTHER)
    gate.register.hold(gate.step, OTHER, by="north", cause="fever")
    assert OTHER in gate.register.holds
