"""A thermometer that cannot be believed passes nobody; the guard hears of it, and it may recover."""

from __future__ import annotations

import sys
from typing import get_args

import pytest

from edge.runtime.config import ConfigError
from simulators.scenario import Kind
from tests.gate.stories.story import FEVERISH_C, LI, WANG, Story

KINDS = get_args(Kind)


def test_a_thermometer_has_all_seven_faults() -> None:
    assert len(KINDS) == 7


@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_thermometer_admits_nobody_and_is_reported(story: Story, kind: str) -> None:
    story.booked(LI).at("09:10").north.breaks("thermometer", kind).after(60).north.meets(LI)
    told = story.told()
    assert told.events("visit.admitted") == []
    assert told.openings("north") == []
    assert told.reasons() == ["temperature_invalid"]
    assert told.alerts("thermometer_fault", "north") == ["raised"]
    assert told.event("alert.raised").data["severity"] == "warning"
    assert told.modes("north") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_begins_under_a_readers_eyes_admits_nobody(story: Story, kind: str) -> None:
    story.booked(LI).at("09:10").north.breaks("thermometer", kind).after(0.1).north.meets(LI)
    told = story.told()
    assert told.events("visit.admitted") == []
    assert told.reasons() == ["temperature_invalid"]
    assert told.alerts("thermometer_fault", "north")[0] == "raised"


@pytest.mark.parametrize("kind", KINDS)
def test_when_it_works_again_the_alert_ends_and_readers_come_in(story: Story, kind: str) -> None:
    story.booked(LI).at("09:10").north.breaks("thermometer", kind).after(1).north.meets(LI)
    story.at("09:12").north.leave().north.mended("thermometer", kind).at("09:14").north.serves(LI)
    told = story.told()
    assert told.alerts("thermometer_fault") == ["raised", "cleared"]
    assert told.topics("alerts/north/") == []
    assert told.event("visit.admitted").at > told.when("09:14")
    assert told.inside() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_hot_forehead_is_never_let_in_by_a_faulty_thermometer(story: Story, kind: str) -> None:
    story.booked(LI).at("09:10").north.face(34.6).after(2).north.breaks("thermometer", kind)
    story.after(0.5).north.leave().after(0.5).north.meets(LI, 36.9)
    told = story.told()
    assert told.events("visit.admitted") == []
    assert set(told.reasons()) <= {"temperature_invalid", "fever"}


@pytest.mark.parametrize("kind", KINDS)
def test_fire_exits_and_the_release_button_do_not_need_a_thermometer(story: Story, kind: str) -> None:
    story.booked(LI).at("09:09").north.serves(LI).at("09:10").north.breaks("thermometer", kind)
    story.at("09:11").north.tap(WANG).after(1).north.exits(LI).after(1).north.do("release_button")
    story.after(10).north.do("fire", active=True)
    told = story.told()
    assert len(told.events("visit.exited")) == 1
    assert [opened for opened, _ in told.openings("north")[1:]] == [
        pytest.approx(told.when("09:11:02"), abs=0.05),
        pytest.approx(told.when("09:11:12"), abs=0.05),
    ]


def test_one_lanes_thermometer_is_not_anothers(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("thermometer", "absent").after(30).south.serves(LI)
    told = story.told()
    assert len(told.events("visit.admitted", "south")) == 1
    assert told.alerts("thermometer_fault", "south") == []


@pytest.mark.parametrize("ambient_c", [5.0, 15.0, 36.0, 45.0])
def test_outside_the_sensors_range_the_guard_measures_and_admits(story: Story, ambient_c: float) -> None:
    story.booked(LI).at("09:10").north.do("ambient", ambient_c=ambient_c)
    story.at("09:11").north.meets(LI).at("09:12")
    story.guard("north", "admit", card=LI.card, temperature_c=36.4).after(2).north.passes()
    told = story.told()
    assert told.modes("north") == ["manual"]
    assert told.reasons() == []
    assert told.event("visit.admitted").data["by"] == "hand"
    assert told.inside("stacks-3") == 1


def test_in_manual_mode_whoever_may_not_come_in_is_told_so(story: Story) -> None:
    story.at("09:10").north.do("ambient", ambient_c=10.0).at("09:11").north.meets(LI)
    assert story.told().reasons() == ["unknown_card"]


def test_when_the_hall_is_warm_again_the_thermometer_decides_again(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("ambient", ambient_c=10.0)
    story.at("09:15").north.do("ambient", ambient_c=22.0).at("09:16").north.serves(LI)
    told = story.told()
    assert told.modes("north") == ["manual", "normal"]
    assert told.event("visit.admitted").data["by"] == "booking"


def test_where_the_policy_says_so_a_faulty_thermometer_means_manual() -> None:
    story = Story("08:55", 'policy.thermometer_fault="manual"').caps().booked(LI)
    story.at("09:10").north.breaks("thermometer", "absent").at("09:11").north.meets(LI).after(10)
    story.guard("north", "admit", card=LI.card, temperature_c=36.4).after(2).north.passes()
    story.at("09:20").north.leave().north.mended("thermometer", "absent")
    told = story.told()
    assert told.modes("north") == ["manual", "normal"]
    assert told.event("visit.admitted").data["by"] == "hand"


# --- the second backend -----------------------------------------------------------------------------------

ADAFRUIT = tuple(f'devices.{gate}.thermometer.backend="adafruit"' for gate in ("north", "south"))


def test_the_adafruit_backend_measures_the_same_people() -> None:
    story = Story("08:55", *ADAFRUIT).caps().booked(LI, WANG)
    story.at("09:10").north.serves(LI).at("09:12").north.meets(WANG, FEVERISH_C)
    told = story.told()
    admitted = told.event("visit.admitted").data
    assert admitted["skin_c"] == pytest.approx(34.6, abs=0.2)
    assert told.reasons() == ["fever"]


def test_the_adafruit_backend_is_guarded_like_the_other() -> None:
    story = Story("08:55", *ADAFRUIT).caps().booked(LI)
    story.at("09:10").north.breaks("thermometer", "absent").after(10).north.meets(LI)
    told = story.told()
    assert told.reasons() == ["temperature_invalid"]
    assert told.alerts("thermometer_fault", "north") == ["raised"]


def test_an_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adafruit_mlx90614", None)
    with pytest.raises(ConfigError, match=r"thermometer\.backend: adafruit needs the extra adafruit: "):
        Story("08:55", *ADAFRUIT).caps().told()
