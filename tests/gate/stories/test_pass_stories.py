"""Staff and visitors: a pass lets in by itself and is counted apart; temperature, holds and anti-passback apply."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import FEVERISH_C, LI, SUN, WANG, Story

TOMORROW = "2026-03-10"

# --- let in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["staff", "visitor"])
def test_staff_and_visitors_come_in_before_opening_and_take_no_readers_place(blank: Story, role: str) -> None:
    blank.caps(building=0, stacks_3=0).staff(SUN, role=role).at("08:56").north.serves(SUN)
    told = blank.told()
    admitted = told.event("visit.admitted")
    assert (admitted.data["by"], admitted.data["booking"], admitted.data["zone"]) == ("pass", None, None)
    assert told.inside() == 0
    assert told.kinds() == []


def test_whoever_has_a_pass_and_a_booking_comes_in_on_the_pass(blank: Story) -> None:
    """The room is full, the booking wants a code, and its health is missing: none of it is asked."""
    blank.caps(building=1, stacks_3=1).booked(LI).booked(SUN, code="a" * 26, health="missing").staff(SUN)
    blank.at("09:10").north.serves(LI).after(5).north.serves(SUN)
    told = blank.told()
    admitted = told.events("visit.admitted")[1].data
    assert (admitted["card"], admitted["by"], admitted["booking"], admitted["zone"]) == (SUN.card, "pass", None, None)
    assert told.inside() == told.inside("stacks-3") == 1
    assert told.retained("occupancy/north")["passes"] == {"entries": 1, "exits": 0}


def test_before_the_session_of_a_booking_the_pass_lets_in() -> None:
    story = Story("07:30").caps().booked(SUN).staff(SUN).at("07:40")
    story.north.serves(SUN)
    assert story.told().event("visit.admitted").data["by"] == "pass"


def test_where_the_guard_measures_a_pass_is_still_counted_apart(blank: Story) -> None:
    blank.caps(building=0, stacks_3=0).staff(SUN).at("08:57").north.do("ambient", ambient_c=12.0)
    blank.at("08:58").north.tap(SUN).after(20).guard("north", "admit", card=SUN.card, temperature_c=36.5)
    blank.after(2).north.passes()
    blank.at("09:10").west.exits(SUN)
    told = blank.told()
    admitted = told.event("visit.admitted").data
    assert (admitted["by"], admitted["card"]) == ("hand", SUN.card)
    assert told.event("visit.exited").data["visit"] == admitted["visit"]
    assert told.inside() == 0
    assert [told.retained(f"occupancy/{gate}")["passes"] for gate in ("north", "west")] == [
        {"entries": 1, "exits": 0},
        {"entries": 0, "exits": 1},
    ]


# --- not let in ----------------------------------------------------------------------------------------


def test_staff_with_a_fever_are_refused_like_everybody_and_held_at_every_gate(story: Story) -> None:
    story.staff(SUN).at("08:56").north.meets(SUN, 36.5).after(15).south.meets(SUN)
    assert story.told().reasons() == ["fever", "held"]


def test_a_lane_that_is_held_is_held_for_staff_too(story: Story) -> None:
    story.booked(LI).staff(SUN).at("09:10").north.meets(LI, FEVERISH_C).after(15).north.tap(SUN)
    assert story.told().reasons() == ["fever", "held"]


def test_a_lockdown_is_for_staff_too(story: Story) -> None:
    story.staff(SUN).at("09:10").guard("north", "lockdown").after(1).north.meets(SUN)
    assert story.told().reasons() == ["lockdown"]


def test_a_pass_that_ran_out_is_no_pass(story: Story) -> None:
    story.staff(SUN, until="09:00").at("09:01").north.meets(SUN)
    assert story.told().reasons() == ["unknown_card"]


def test_a_pass_for_some_zones_does_not_let_in_while_all_of_them_are_closed(story: Story) -> None:
    story.staff(LI, zones=["stacks-3"]).staff(WANG, zones=["stacks-3", "stacks-4"]).staff(SUN).at("09:10")
    story.guard("north", "close_zone", zone="stacks-3")
    for minute, person in enumerate((LI, WANG, SUN), start=11):
        story.at(f"09:{minute}").south.serves(person)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.denied", reason="zone_closed")] == [LI.card]
    assert [line.data["card"] for line in told.events("visit.admitted")] == [WANG.card, SUN.card]


# --- already inside ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["north", "south"])
def test_a_pass_does_not_let_in_twice_not_even_before_opening(gate: str) -> None:
    story = Story("07:30").caps().staff(SUN).at("07:40").north.serves(SUN).at("07:50").line(gate, "tap", card=SUN.uid)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.alerts("anti_passback") == ["raised"]


def test_with_soft_anti_passback_staff_come_in_and_the_guard_hears_of_it() -> None:
    story = Story("07:30", 'policy.anti_passback="soft"').caps().staff(SUN).at("07:40").north.serves(SUN)
    story.at("07:50").north.serves(SUN)
    told = story.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.alerts("anti_passback") == ["raised"]


def test_staff_who_left_by_card_may_come_back() -> None:
    story = Story("07:30").caps().staff(SUN).at("07:40").north.serves(SUN)
    story.at("07:50").west.exits(SUN).at("08:00").south.serves(SUN)
    assert story.told().reasons() == []


@pytest.mark.parametrize(
    ("came", "still", "again"),
    [("07:40", "11:29", "11:31"), ("12:00", "16:29", "16:31"), ("10:00", "11:29", "12:00")],
)
def test_the_end_of_a_session_forgets_staff_who_left_unseen(came: str, still: str, again: str) -> None:
    """Of the one that was open, or of the next, for whoever came before it opened."""
    story = Story("07:30").caps().staff(SUN).at(came).north.serves(SUN)
    story.at(still).north.tap(SUN).at(again).south.serves(SUN)
    told = story.told()
    assert [line.device for line in told.events("visit.admitted")] == ["north", "south"]
    assert told.reasons() == ["already_inside"]


def test_a_new_day_forgets_staff_who_came_when_no_session_was_to_come() -> None:
    story = Story("16:00").caps().staff(SUN, day=TOMORROW).at("17:00").north.serves(SUN).at("17:30").north.tap(SUN)
    story.at("17:30").after(14 * 3600).south.serves(SUN)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert [line.device for line in told.events("visit.admitted")] == ["north", "south"]


def test_a_day_without_sessions_is_past_when_it_is_over_though_the_gate_that_told_of_it_is_dead() -> None:
    saturday = {"id": "am", "opens": "09:00", "closes": "11:30", "weekdays": [6]}
    story = Story("16:00").caps(sessions=[saturday]).staff(SUN, day=TOMORROW).at("17:00").north.serves(SUN)
    story.after(60).north.power_cut(24 * 3600).after(60).south.tap(SUN).at("17:30").after(14 * 3600).south.serves(SUN)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert [line.device for line in told.events("visit.admitted")] == ["north", "south"]


# --- the way out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", ["18:00", "09:20"])
def test_staff_leave_without_moving_the_readers_count_even_when_the_pass_ran_out_inside(until: str) -> None:
    story = Story().caps().staff(SUN, until=until).booked(LI)
    story.at("09:10").north.serves(SUN).after(5).north.serves(LI).at("09:40").west.exits(SUN)
    told = story.told()
    assert told.inside() == 1
    admitted, *_ = told.events("visit.admitted")
    assert told.event("visit.exited").data["visit"] == admitted.data["visit"]


@pytest.mark.parametrize("gate", ["north", "west"])
def test_staff_leave_apart_where_the_clock_is_unset(gate: str) -> None:
    story = Story().caps().staff(SUN, until="09:20").booked(LI)
    story.at("09:10").north.serves(SUN).after(5).north.serves(LI).at("09:30").line(gate, "clock", set=False)
    story.at("09:40").line(gate, "exit", card=SUN.uid)
    told = story.told()
    assert told.inside() == 1
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]


@pytest.mark.parametrize("clock", [True, False])
def test_staff_leave_apart_where_nobody_could_tell_that_they_came(*, clock: bool) -> None:
    """The way out has been cut off all morning: a pass of today speaks for its card, over or not."""
    story = Story().caps().staff(SUN, until="09:20").booked(LI).at("09:05").west.link(False)
    story.at("09:10").north.serves(SUN).after(5).north.serves(LI).at("09:30").west.do("clock", set=clock)
    story.at("09:40").west.exits(SUN).at("09:50").west.link(True)
    told = story.told()
    assert told.inside() == 1
    assert told.retained("occupancy/west")["passes"] == {"entries": 0, "exits": 1}


def test_whoever_had_a_pass_yesterday_is_a_reader_today() -> None:
    story = Story().caps().booked(LI)
    yesterday = {"from": "2026-03-08T07:00:00+08:00", "until": "2026-03-08T18:00:00+08:00"}
    row = {"card": LI.card, "role": "staff", **yesterday, "zones": None}
    story.line("server", "passes", payload={"revision": 1, "passes": [row]}).at("09:05").west.link(False)
    story.at("09:10").north.serves(LI).at("09:40").west.exits(LI).at("09:50").west.link(True)
    assert story.told().inside("stacks-3") == 0
