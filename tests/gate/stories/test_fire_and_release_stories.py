"""Fire, the release button, and the modes: what is strongest holds, and nothing delays egress."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import FEVERISH_C, LI, WANG, Story


def test_fire_opens_the_lane_at_once_and_keeps_it_open(story: Story) -> None:
    story.at("09:10").north.do("fire", active=True)
    told = story.told(until="09:40")
    [(opened, closed)] = told.openings("north")
    assert opened == pytest.approx(told.when("09:10"), abs=0.01)
    assert closed is None
    assert told.modes("north") == ["released"]
    assert told.event("lane.mode").data == {"lane": "north", "mode": "released", "cause": "fire"}
    raised = told.event("alert.raised")
    assert (raised.data["kind"], raised.data["severity"]) == ("fire", "critical")


def test_back_to_normal_only_when_the_alarm_is_over_and_a_guard_says_so(story: Story) -> None:
    story.at("09:10").north.do("fire", active=True)
    story.at("09:12").guard("north", "normal")
    story.at("09:15").north.do("fire", active=False)
    story.at("09:20").guard("north", "normal")
    told = story.told()
    [(_, closed)] = told.openings("north")
    assert [ok for ok, _ in told.results("north")] == [False, True]
    assert closed == pytest.approx(told.when("09:20"), abs=0.05)
    assert told.modes("north") == ["released", "normal"]
    assert told.alerts("fire") == ["raised", "cleared"]


def test_whoever_walks_in_during_a_fire_is_counted_and_nobody_is_asked_for_a_card(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("fire", active=True).after(5).north.tap(LI)
    story.after(5).north.passes(2).after(10).north.exits()
    told = story.told()
    assert told.events("visit.admitted") == []
    assert told.reasons() == []
    assert told.kinds() == ["fire"]
    assert told.inside() == 1


@pytest.mark.parametrize("mode", ["lockdown", "held"])
def test_fire_is_stronger_than_every_other_mode(story: Story, mode: str) -> None:
    story.booked(LI).at("09:10")
    if mode == "lockdown":
        story.guard("north", "lockdown")
    else:
        story.north.meets(LI, FEVERISH_C)
    story.at("09:12").north.do("fire", active=True)
    told = story.told()
    assert told.modes("north") == [mode, "released"]
    assert told.openings("north")[-1][1] is None


def test_after_a_fire_a_lane_that_was_held_is_held_again(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    story.at("09:12").north.do("fire", active=True).at("09:13").north.do("fire", active=False)
    story.at("09:14").guard("north", "normal")
    assert story.told().modes("north") == ["held", "released", "held"]


@pytest.mark.parametrize("delay_s", [0.001, 0.004, 0.3, 1.0, 2.6])
def test_fire_during_an_admission_opens_at_once_and_stays_open(story: Story, delay_s: float) -> None:
    story.booked(LI).at("09:10").north.tap(LI).after(1).north.face().after(delay_s).north.do("fire", active=True)
    told = story.told()
    assert told.openings("north")[-1] == (pytest.approx(told.when("09:10:01") + delay_s, abs=0.01), None) or (
        told.openings("north")[-1][1] is None and told.openings("north")[-1][0] < told.when("09:10:01") + delay_s
    )
    assert told.inside() == 0


def test_fire_at_one_gate_is_not_fire_at_another(story: Story) -> None:
    story.at("09:10").north.do("fire", active=True)
    told = story.told()
    assert told.modes("south") == told.modes("west") == []


def test_an_exit_follows_the_fire_alarm_too(story: Story) -> None:
    story.at("09:10").west.do("fire", active=True)
    told = story.told()
    assert told.alerts("fire", "west") == ["raised"]
    assert told.modes("west") == ["released"]


def test_fire_acts_although_disk_and_network_are_gone(story: Story) -> None:
    story.at("09:09").north.link(False).north.breaks("disk", "absent")
    story.at("09:10").north.do("fire", active=True)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert opened == pytest.approx(told.when("09:10"), abs=0.01)
    assert closed is None


def test_the_release_button_opens_for_one_passage_and_is_nobodys_visit(story: Story) -> None:
    story.at("09:10").north.do("release_button").after(2).north.passes()
    told = story.told()
    assert told.openings("north") == [
        (pytest.approx(told.when("09:10"), abs=0.01), pytest.approx(told.when("09:10:02"), abs=0.01))
    ]
    assert told.events("visit.passed") == []
    assert told.inside() == 1
    assert told.kinds() == []


def test_nobody_walks_and_the_released_lane_locks_after_the_passage_time(story: Story) -> None:
    story.at("09:10").north.do("release_button")
    [(opened, closed)] = story.told().openings("north")
    assert closed == pytest.approx(opened + 5.0, abs=0.01)


def test_the_release_button_works_without_caps_network_disk_and_clock(blank: Story) -> None:
    blank.at("09:09").north.link(False).north.breaks("disk", "absent").north.do("clock", set=False)
    blank.at("09:10").north.do("release_button")
    [(opened, _)] = blank.told().openings("north")
    assert opened == pytest.approx(blank.seconds("09:10"), abs=0.01)


def test_a_reader_who_is_being_measured_waits_for_whoever_the_release_button_lets_in(story: Story) -> None:
    story.booked(LI).at("09:10").north.tap(LI).after(1).north.do("release_button").after(1).north.passes()
    story.after(1).north.face().after(2).north.passes()
    told = story.told()
    assert told.reasons() == []
    assert told.event("visit.admitted").data["card"] == LI.card
    assert told.inside() == told.world_inside() == 2


def test_of_two_readers_the_second_waits_for_the_release_button_and_the_first_is_told_that_it_is_busy(
    story: Story,
) -> None:
    story.booked(LI, WANG).at("09:10").north.tap(LI).after(1).north.tap(WANG).after(1).north.do("release_button")
    story.after(1).north.passes().after(1).north.face()
    told = story.told()
    assert [(line.data["card"], line.data["reason"]) for line in told.events("visit.denied")] == [(LI.card, "busy")]
    assert told.event("visit.admitted").data["card"] == WANG.card


@pytest.mark.parametrize("cause", ["fire", "release"])
def test_whoever_is_being_measured_when_the_lane_is_released_walks_freely(story: Story, cause: str) -> None:
    """Nothing is recorded of the card: nobody is asked for one, and who walks is counted."""
    story.booked(LI).at("09:10").north.tap(LI).after(1)
    if cause == "fire":
        story.north.do("fire", active=True)
    else:
        story.guard("north", "release")
    story.after(1).north.passes().after(20).north.do("fire", active=False).after(1).guard("north", "normal")
    told = story.told()
    assert told.events("visit.denied") == told.events("visit.admitted") == []
    assert len(told.events("lane.passed")) == told.inside() == 1


def test_whoever_is_being_measured_when_the_lane_is_locked_down_is_told_so(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.tap(LI).after(0.5).north.tap(WANG).after(0.5).guard("north", "lockdown")
    told = story.told()
    assert [(line.data["card"], line.data["reason"]) for line in told.events("visit.denied")] == [
        (LI.card, "lockdown"),
        (WANG.card, "lockdown"),
    ]
    assert told.retained("lanes/north")["step"] == "call_guard"


@pytest.mark.parametrize("mode", ["lockdown", "held"])
def test_the_release_button_works_in_every_mode(story: Story, mode: str) -> None:
    story.booked(LI).at("09:10").north.turns(mode)
    story.at("09:12").north.do("release_button").after(2).north.passes()
    told = story.told()
    assert told.openings("north") == [
        (pytest.approx(told.when("09:12"), abs=0.01), pytest.approx(told.when("09:12:02"), abs=0.01))
    ]
    assert told.modes("north") == [mode]
    assert told.retained("lanes/north")["mode"] == mode


def test_release_opens_until_normal(story: Story) -> None:
    story.booked(LI).at("09:10").guard("north", "release").at("09:30").north.passes().at("09:40")
    story.guard("north", "normal").at("09:41").north.serves(LI)
    told = story.told()
    first, second = told.openings("north")
    assert first == (pytest.approx(told.when("09:10"), abs=0.05), pytest.approx(told.when("09:40"), abs=0.05))
    assert told.modes("north") == ["released", "normal"]
    assert second[0] > told.when("09:41")
    assert told.kinds() == []
    assert told.inside() == 2


def test_lockdown_refuses_everybody_until_normal(story: Story) -> None:
    story.booked(LI).at("09:10").guard("north", "lockdown").after(5).north.meets(LI)
    story.at("09:12").guard("north", "normal").after(2).north.tap(LI)
    told = story.told()
    assert told.reasons() == ["lockdown"]
    assert told.modes("north") == ["lockdown", "normal"]
    assert len(told.events("visit.admitted")) == 1


def test_lockdown_shuts_the_lane_on_a_reader_who_has_not_walked_yet(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).guard("north", "lockdown")
    told = story.told()
    [(_, closed)] = told.openings("north")
    assert closed == pytest.approx(told.when("09:10:01.8"), abs=0.05)
    assert len(told.events("visit.abandoned")) == 1
    assert told.inside() == 0


def test_after_a_lockdown_the_reader_whom_it_shut_out_comes_in_on_the_same_visit(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).guard("north", "lockdown").after(10)
    story.guard("north", "normal").after(2).north.tap(LI).after(1).north.passes()
    told = story.told()
    assert len({line.data["visit"] for line in told.events("visit.admitted")}) == 1
    assert told.inside() == told.world_inside() == 1


def test_a_lockdown_shuts_out_whom_a_guards_command_let_in_before(story: Story) -> None:
    """The later word holds: both are said from afar."""
    story.at("09:10").guard("north", "open_once").after(0.5).guard("north", "lockdown").after(0.5).north.passes()
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert closed == pytest.approx(opened + 0.5, abs=0.05)
    assert told.inside() == told.world_inside() == 0


def test_a_lockdown_does_not_shut_the_lane_on_whoever_the_button_let_through(story: Story) -> None:
    story.at("09:10").north.do("release_button").after(0.5).guard("north", "lockdown").after(1.5).north.passes()
    told = story.told()
    assert told.openings("north") == [
        (pytest.approx(told.when("09:10"), abs=0.01), pytest.approx(told.when("09:10:02"), abs=0.01))
    ]
    assert told.inside() == told.world_inside() == 1
    assert told.kinds() == []
    assert told.modes("north") == ["lockdown"]
    assert told.retained("lanes/north")["state"] == "lockdown"


def test_nobody_walks_after_the_button_and_the_lockdown_holds_when_the_passage_time_is_over(story: Story) -> None:
    story.booked(LI).at("09:10").north.do("release_button").after(0.5).guard("north", "lockdown")
    story.after(6).north.meets(LI)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert closed == pytest.approx(opened + 5.0, abs=0.01)
    assert told.reasons() == ["lockdown"]


def test_the_button_keeps_a_lane_open_that_was_open_for_a_reader(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(0.5).north.do("release_button").after(0.5)
    story.guard("north", "lockdown").after(0.5).north.passes()
    told = story.told()
    assert told.event("visit.passed").data["visit"] == told.event("visit.admitted").data["visit"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_fire_opens_for_good_a_lane_that_the_button_had_opened(story: Story) -> None:
    story.at("09:10").north.do("release_button").after(0.5).guard("north", "lockdown").after(0.5)
    story.north.do("fire", active=True)
    told = story.told()
    assert told.openings("north") == [(pytest.approx(told.when("09:10"), abs=0.01), None)]


def test_lockdown_under_a_release_holds_when_the_release_is_gone_only_if_said_again(story: Story) -> None:
    story.at("09:10").guard("north", "release").after(5).guard("north", "lockdown")
    story.after(5).guard("north", "normal").after(5).guard("north", "lockdown")
    told = story.told()
    assert told.modes("north") == ["released", "normal", "lockdown"]


def test_a_fail_safe_lock_is_open_without_power() -> None:
    story = Story("08:55", 'devices.north.lock.fail="safe"').caps().booked(LI).at("09:10")
    story.north.serves(LI).at("09:20").north.power_cut(30)
    told = story.told()
    boot, served, dark = told.openings("north")
    assert boot == (0.0, 0.0)
    assert served[1] == pytest.approx(told.when("09:10:02.5"), abs=0.01)
    assert dark == (told.when("09:20"), pytest.approx(told.when("09:20:30"), abs=0.01))


def test_a_reader_who_waited_is_served_when_the_released_lane_is_normal_again(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.meets(LI).after(1).north.do("fire", active=True)
    story.at("09:12").north.do("fire", active=False).after(1).guard("north", "normal").after(1).north.tap(WANG)
    told = story.told()
    assert told.events("visit.admitted")[-1].data["card"] == WANG.card
