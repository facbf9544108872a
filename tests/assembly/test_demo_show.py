"""What a demo tells besides its story: who is inside, while that changes, and that a computer is too slow for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from edge.assembly.demo_pace import BELIEVED, LATE_S, Pace
from edge.assembly.demo_show import OCCUPANCY, Log
from edge.site.contract import Caps, Occupancy, ZoneRow
from simulators.story import Story

NINE = datetime.fromisoformat("2026-03-09T09:00:00+08:00")


def test_a_log_tells_who_is_inside_until_nothing_changes_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story("demo")
    log = Log(story, 75)
    story.hear("caps", {}, Caps(revision=1, building=50, zones={}, sessions=()))
    said: list[str] = []
    for step, entries in enumerate([0, 3, 3, 3, 4, 4]):
        row = ZoneRow(granted=50, entries=entries, exits=0, released=0)
        story.hear("occupancy", {"device": "north"}, Occupancy(journal="a", term=1, zones={"*": row}))
        for part in range(3):
            log.refresh(NINE + step * OCCUPANCY + part * timedelta(seconds=1))
        said += capsys.readouterr().out.splitlines()
    assert said == ["09:10  inside 3/50", "09:40  inside 4/50"]


def test_a_computer_that_keeps_up_gets_no_advice() -> None:
    pace = Pace(100)
    assert not any(pace.seen(LATE_S) for _ in range(100))
    assert not any(pace.seen(2 * LATE_S) for _ in range(BELIEVED - 1))


def test_a_computer_that_does_not_keep_up_is_told_so_once() -> None:
    pace = Pace(100)
    told = [advice for _ in range(20) if (advice := pace.seen(2 * LATE_S)) is not None]
    assert told == ["This computer is too busy for 100×: readers find lanes shut. Better: --speed 25"]


def test_advice_never_asks_for_less_than_the_demo_takes() -> None:
    pace = Pace(1)
    told = [advice for _ in range(20) if (advice := pace.seen(1000 * LATE_S)) is not None]
    assert told[0].endswith("--speed 1")
