"""What happens in the lane itself: who walks, who does not, who follows, and who is let in by hand."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import LI, WANG, Story

# --- hesitation --------------------------------------------------------------------------------------


def test_a_reader_who_does_not_walk_gives_the_place_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    abandoned = told.event("visit.abandoned")
    assert closed == pytest.approx(opened + 5.0, abs=0.01)
    assert abandoned.data == {"visit": told.event("visit.admitted").data["visit"], "lane": "north"}
    assert told.events("visit.passed") == []
    assert told.inside() == told.inside("stacks-3") == 0


def test_the_same_card_reopens_its_visit_without_another_measurement(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(3).north.leave().after(17).north.tap(LI)
    story.after(2).north.passes()
    told = story.told()
    first, second = told.events("visit.admitted")
    assert first.data == second.data
    assert second.at == pytest.approx(told.when("09:10:20.8"), abs=0.05)
    assert told.event("visit.passed").data["visit"] == first.data["visit"]
    assert told.inside() == 1


def test_after_a_minute_the_reader_is_measured_again(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(3).north.leave()
    story.at("09:11:10").north.tap(LI)
    told = story.told()
    assert told.reasons() == ["temperature_invalid"]


def test_the_place_of_a_reader_who_hesitates_may_go_to_another(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    blank.at("09:10:00").north.meets(LI).after(3).north.leave()
    blank.at("09:10:10").north.serves(WANG)
    blank.at("09:10:30").north.tap(LI)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 1


# --- those who were not meant -------------------------------------------------------------------------


def test_a_tailgater_is_counted_and_reported(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(2).north.passes(2)
    told = story.told()
    raised = told.event("alert.raised")
    assert (raised.data["kind"], raised.data["severity"]) == ("tailgating", "warning")
    assert len(told.events("visit.passed")) == 1
    assert (told.inside(), told.inside("stacks-3")) == (2, 1)


@pytest.mark.parametrize("count", [3, 6])
def test_all_who_walk_behind_each_other_on_one_card_are_tailgaters(story: Story, count: int) -> None:
    """Each follows the one before, however long the first is in."""
    story.booked(LI).at("09:10").north.meets(LI).after(2).north.passes(count)
    told = story.told()
    assert told.kinds() == ["tailgating"]
    assert told.retained("alerts/north/tailgating")["data"]["count"] == count - 1
    assert told.inside() == count


def test_nobody_gets_through_a_locked_lane(story: Story) -> None:
    story.booked(LI).at("09:10").north.passes(2).after(10).north.tap(WANG).after(1).north.passes()
    told = story.told()
    assert told.kinds() == []
    assert told.inside() == 0
    assert told.events("visit.passed") == []


def test_whoever_forces_the_lane_is_counted_and_reported_at_once(story: Story) -> None:
    story.at("09:10").north.do("force")
    told = story.told()
    raised = told.event("alert.raised")
    assert (raised.data["kind"], raised.data["severity"]) == ("forced_entry", "critical")
    assert raised.at == pytest.approx(told.when("09:10"), abs=0.05)
    assert told.openings("north") == []
    assert told.inside() == 1


def test_an_acknowledged_forced_entry_is_cleared(story: Story) -> None:
    story.at("09:10").north.do("force").at("09:11").guard("north", "ack_alert", alert="forced_entry", by="guard 7")
    told = story.told()
    assert told.alerts("forced_entry") == ["raised", "acknowledged", "cleared"]
    assert told.event("alert.acknowledged").data["by"] == "guard 7"
    assert told.topics("alerts/north/") == []


def test_a_forced_lane_does_not_use_up_the_waiting_readers_temperature(story: Story) -> None:
    story.booked(LI).at("09:10").north.face(34.6).after(2).north.do("force")
    story.after(0.2).north.leave().after(0.1).north.face(34.9).after(1).north.tap(LI)
    assert story.told().event("visit.admitted").data["skin_c"] == pytest.approx(34.9, abs=0.06)


def test_a_beam_that_stays_broken_is_held_open(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(2).north.do("hold_open", for_s=30)
    told = story.told()
    raised, cleared = told.event("alert.raised"), told.event("alert.cleared")
    assert raised.data["kind"] == cleared.data["kind"] == "held_open"
    assert told.when("09:10:12") < raised.at < told.when("09:10:15")
    assert cleared.at == pytest.approx(told.when("09:10:32.8"), abs=0.05)
    assert len(told.events("visit.passed")) == 1
    assert told.inside() == 1


def test_the_lane_locks_behind_the_first_even_if_the_beam_stays_broken(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(2).north.do("hold_open", for_s=30)
    [(_, closed)] = story.told().openings("north")
    assert closed == pytest.approx(story.seconds("09:10:02.8"), abs=0.05)


# --- by hand -------------------------------------------------------------------------------------------


def test_a_forgotten_card_is_admitted_by_hand_and_recorded(story: Story) -> None:
    note = "forgot the card"
    story.at("09:10").guard("north", "admit", note=note, zone="stacks-3", temperature_c=36.5, by="guard 7")
    told = story.after(2).north.passes().told()
    data = told.event("visit.admitted").data
    assert (data["note"], data["guard"], data["temperature_c"]) == (note, "guard 7", 36.5)
    assert (data["by"], data["card"], data["zone"], data["booking"]) == ("hand", None, "stacks-3", None)
    assert (data["skin_c"], data["ambient_c"], data["estimate_c"]) == (None, None, 36.5)
    assert told.event("visit.passed").data["visit"] == data["visit"]
    assert told.results("north") == [(True, None)]
    assert told.inside() == told.inside("stacks-3") == 1


def test_a_wheelchair_with_a_carer_is_two_people_and_no_tailgating(story: Story) -> None:
    story.at("09:10").guard("north", "admit", note="wheelchair", zone="stacks-3", people=2)
    story.after(2).north.passes(2)
    told = story.told()
    assert told.kinds() == []
    assert told.inside() == told.inside("stacks-3") == 2
    assert len(told.events("visit.passed")) == 1


def test_a_third_behind_two_who_were_admitted_is_a_tailgater(story: Story) -> None:
    story.at("09:10").guard("north", "admit", note="wheelchair", zone="stacks-3", people=2)
    story.after(2).north.passes(3)
    told = story.told()
    assert told.kinds() == ["tailgating"]
    assert told.inside() == 3


def test_if_only_one_of_two_walks_the_other_place_is_given_back(story: Story) -> None:
    story.at("09:10").guard("north", "admit", note="wheelchair", zone="stacks-3", people=2)
    story.after(2).north.passes()
    told = story.told()
    assert told.inside() == told.inside("stacks-3") == 1
    assert told.events("visit.abandoned") == []


def test_a_booked_reader_admitted_by_hand_keeps_booking_and_card(story: Story) -> None:
    story.booked(LI).at("09:10").guard("north", "admit", card=LI.card, temperature_c=36.4)
    story.after(2).north.passes().at("09:20").west.exits(LI)
    told = story.told()
    data = told.event("visit.admitted").data
    assert (data["by"], data["card"], data["zone"], data["booking"]) == ("hand", LI.card, "stacks-3", "B-li")
    assert told.event("visit.exited").data["visit"] == data["visit"]
    assert told.inside() == 0


def test_a_guard_admits_the_reader_who_stands_at_the_lane(story: Story) -> None:
    story.booked(LI).at("09:10").north.tap(LI).after(3).guard("north", "admit", card=LI.card, temperature_c=36.4)
    story.after(2).north.passes()
    told = story.told()
    assert told.event("visit.admitted").data["by"] == "hand"
    assert told.reasons() == []
    assert told.inside() == 1


def test_nobody_is_admitted_by_hand_with_a_fever(story: Story) -> None:
    story.booked(LI).at("09:10").guard("north", "admit", card=LI.card, temperature_c=38.2)
    told = story.told()
    [(ok, error)] = told.results("north")
    assert not ok
    assert error
    assert told.events("visit.admitted") == []
    assert told.openings("north") == []


def test_nobody_is_admitted_by_hand_into_a_full_room(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI).at("09:10").north.serves(LI)
    blank.at("09:20").guard("north", "admit", note="visitor", zone="stacks-3")
    told = blank.told()
    assert told.results("north") == [(False, "zone_full")]
    assert told.inside() == 1


def test_a_place_that_another_gate_holds_is_found_for_an_admission_by_hand_too(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI).at("09:10").north.serves(LI)
    blank.at("09:20").guard("north", "admit", note="visitor", zone="stacks-3").after(2).north.passes()
    told = blank.told()
    assert told.results("north") == [(True, None)]
    assert told.inside("stacks-3") == 2


def test_open_once_opens_for_one_passage(story: Story) -> None:
    story.at("09:10").guard("north", "open_once").after(2).north.passes().after(1).north.passes()
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert opened == pytest.approx(told.when("09:10"), abs=0.05)
    assert closed == pytest.approx(told.when("09:10:02"), abs=0.05)
    assert told.results("north") == [(True, None)]
    assert told.kinds() == []
    assert told.inside() == 1


def test_open_once_is_refused_while_somebody_walks_through(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).guard("north", "open_once").after(1).north.passes()
    told = story.told()
    assert [ok for ok, _ in told.results("north")] == [False]
    assert len(told.openings("north")) == 1
    assert told.inside() == 1


@pytest.mark.parametrize(
    ("mode", "so", "inside"),
    [("lockdown", "lockdown", 0), ("held", "held", 0), ("release", "released", 1), ("fire", "released", 1)],
)
def test_a_guards_word_for_one_person_changes_no_mode_and_says_so(
    story: Story, mode: str, so: str, inside: int
) -> None:
    """A released lane is open without it: whoever walks is counted by the beam, and would be twice."""
    story.booked(LI).at("09:10").north.turns(mode).at("09:12").guard("north", "open_once").after(1)
    told = story.guard("north", "admit", note="visitor", zone="stacks-3").after(1).north.passes().told()
    assert told.results("north")[-2:] == [(False, f"the lane is in {so}")] * 2
    assert told.events("visit.admitted") == []
    assert told.modes("north") == [so]
    assert told.inside() == told.world_inside() == inside


# --- by hand, while a reader is measured ---------------------------------------------------------------


@pytest.mark.parametrize("command", ["open_once", "admit"])
def test_a_reader_who_is_being_measured_waits_for_whoever_the_guard_lets_in(story: Story, command: str) -> None:
    story.booked(LI).at("09:10").north.tap(LI).after(1)
    if command == "open_once":
        story.guard("north", command)
    else:
        story.guard("north", command, note="visitor", zone="stacks-4")
    story.after(1).north.passes()
    story.after(2).north.face().after(2).north.passes()
    told = story.told()
    assert told.results("north") == [(True, None)]
    assert told.reasons() == []
    assert told.events("visit.admitted")[-1].data["card"] == LI.card
    assert told.inside() == told.world_inside() == 2


def test_where_another_waits_already_whoever_is_being_measured_is_busy(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.tap(LI).after(1).north.tap(WANG).after(1).guard("north", "open_once")
    story.after(1).north.passes().after(1).north.face()
    told = story.told()
    assert [(line.data["card"], line.data["reason"]) for line in told.events("visit.denied")] == [(LI.card, "busy")]
    assert told.event("visit.admitted").data["card"] == WANG.card


def test_a_reader_who_waits_and_is_let_in_by_the_guard_waits_no_more(story: Story) -> None:
    """Li is still being measured, and is next."""
    story.booked(LI, WANG).at("09:10").north.tap(LI).after(1).north.tap(WANG).after(1)
    story.guard("north", "admit", card=WANG.card).after(1).north.passes().after(1).north.face()
    told = story.told()
    assert told.reasons() == []
    assert [line.data["card"] for line in told.events("visit.admitted")] == [WANG.card, LI.card]


def test_a_suspect_who_had_to_wait_is_looked_at_anew(story: Story) -> None:
    """Two suspect looks in a row are a fever, and the first of them is forgotten with the turn."""
    story.booked(LI).at("09:10").north.meets(LI, 36.2).after(1.5).guard("north", "open_once").after(1)
    story.north.passes().after(0.3).north.face(36.2).after(3).north.leave().after(0.1).north.face(34.6)
    told = story.told()
    assert told.reasons() == []
    assert told.event("visit.admitted").data["skin_c"] == pytest.approx(34.6, abs=0.06)
