"""A clock that is unset, or steps: the date decides who may come in, and nothing else depends on it."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import FEVERISH_C, LI, SUN, WANG, Story


def test_without_a_clock_nobody_is_let_in_and_everybody_out(story: Story) -> None:
    story.booked(LI, WANG).staff(SUN).at("09:10").north.serves(LI)
    story.at("09:20").north.do("clock", set=False).after(1).north.meets(WANG).after(3).north.tap(SUN)
    story.after(3).north.exits(LI)
    told = story.told()
    assert told.reasons() == ["clock_unset", "clock_unset"]
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]


def test_the_guard_hears_of_it_until_the_clock_is_set(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("clock", set=False).at("09:20").north.do("clock", set=True)
    story.at("09:21").north.serves(LI)
    told = story.told()
    assert told.alerts("clock_unset", "north") == ["raised", "cleared"]
    assert len(told.events("visit.admitted")) == 1


def test_its_status_says_so(story: Story) -> None:
    story.at("09:10").north.do("clock", set=False).at("09:20").north.do("clock", set=True)
    clocks = [message["clock"] for message in story.told().messages("status/north")]
    assert clocks == ["set", "unset", "set"]


def test_events_of_an_unset_clock_have_no_time_and_keep_their_order(story: Story) -> None:
    story.at("09:10").north.do("clock", set=False).after(1).north.exits().after(1).north.exits()
    told = story.told()
    exits = [line for line in told.server_log if line["type"] == "visit.exited"]
    assert [line["at"] for line in exits] == [None, None]
    assert exits[1]["mono_s"] == pytest.approx(exits[0]["mono_s"] + 1.0, abs=0.001)


def test_a_power_cut_with_the_clock_unset_is_no_problem(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("clock", set=False).after(10).north.power_cut(10)
    story.at("09:12").north.tap(LI).at("09:20").north.do("clock", set=True).at("09:21").north.serves(LI)
    told = story.told()
    assert told.reasons() == ["clock_unset"]
    assert told.inside() == 1


def test_whoever_was_let_in_while_nobody_knew_the_date_is_known_when_it_is_set() -> None:
    story = Story("08:55", 'policy.clock_unset="manual"').caps().at("09:10").north.do("clock", set=False)
    story.after(1).guard("north", "admit", card=LI.card, zone="stacks-3").after(2).north.passes()
    story.at("09:20").north.do("clock", set=True).at("09:30").west.exits(LI)
    told = story.told()
    assert told.event("visit.exited").data["visit"] == told.event("visit.admitted").data["visit"]
    assert told.inside() == told.inside("stacks-3") == 0


def test_a_clock_that_steps_back_over_midnight_and_is_set_right_forgets_nobody(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:20").north.do("clock", step_s=-43_200)
    story.at("09:25").north.do("clock", step_s=43_200).at("09:30").north.tap(LI).at("09:40").west.exits(LI)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.event("visit.exited").data["visit"] == told.event("visit.admitted").data["visit"]


@pytest.mark.parametrize("exit_lane", ["north", "west"])
def test_whoever_leaves_after_midnight_leaves_on_the_visit_of_the_evening(exit_lane: str) -> None:
    evening = [{"id": "late", "opens": "18:00", "closes": "24:00"}]
    story = Story("18:00").caps(sessions=evening).booked(LI, WANG, session="late").at("23:50").north.serves(LI)
    story.after(60).north.serves(WANG).after(25 * 60)
    (story.north if exit_lane == "north" else story.west).exits(LI)
    told = story.after(5 * 3600).north.leave().told()
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]
    assert told.event("visit.exited").data["zone"] == "stacks-3"
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1
    assert told.retained("inside/north")["visits"] == {}  # of the day before, in the small hours


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_step_of_the_clock_moves_no_duration(story: Story, step_s: float) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(2).north.do("clock", step_s=step_s)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert closed == pytest.approx(opened + 5.0, abs=0.01)


def test_sessions_follow_the_gates_own_clock(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("clock", step_s=10_000).after(1).north.meets(LI)
    story.after(3).south.serves(LI)
    told = story.told()
    assert told.reasons("north") == ["closed"]
    assert len(told.events("visit.admitted", "south")) == 1


def test_a_clock_set_right_again_lets_the_booked_in(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("clock", step_s=-86_400).after(5).north.tap(LI)
    story.after(60).north.do("clock", step_s=86_400).after(5).north.serves(LI)
    told = story.told()
    assert told.reasons() == ["unknown_card"]
    assert len(told.events("visit.admitted")) == 1


def test_the_transcript_keeps_the_sites_time_whatever_a_gate_believes(story: Story) -> None:
    """`Told` compares ``time`` with ``at`` on every line."""
    story.at("09:10").north.do("clock", step_s=7200).after(1).north.exits()
    [sent] = [line for line in story.told().server_log if line["type"] == "visit.exited"]
    assert sent["at"].startswith("2026-03-09T11:10:01")


def test_where_the_policy_says_so_a_gate_without_a_clock_is_manual() -> None:
    story = Story("08:55", 'policy.clock_unset="manual"').caps().booked(LI)
    story.at("09:10").north.do("clock", set=False).after(1).north.tap(LI).after(5)
    story.guard("north", "admit", card=LI.card, temperature_c=36.4).after(2).north.passes()
    told = story.told()
    assert told.modes("north") == ["manual"]
    assert told.event("visit.admitted").data["by"] == "hand"


def test_a_card_that_is_held_is_refused_where_the_guard_decides_too() -> None:
    story = Story("08:55", 'policy.clock_unset="manual"').caps().booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    story.after(15).guard("north", "led_aside").after(5).north.leave().north.do("clock", set=False).after(1)
    told = story.north.tap(LI).told()
    assert told.modes("north") == ["held", "normal", "manual"]
    assert told.reasons() == ["fever", "held"]
