"""One cap, many gates: rights go where they are needed, and no partition lets one reader too many in."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, GATES, LI, SUN, WANG, ZHAO, Person, Story

READERS = (LI, WANG, CHEN, ZHAO, SUN)


def queue(story: Story, gate: str, clock: str, *people: Person) -> None:
    """One after another, five seconds each."""
    story.at(clock)
    for person in people:
        getattr(story, gate).serves(person).after(1)


# --- places ------------------------------------------------------------------------------------------


def test_a_cap_lets_in_as_many_as_it_says_through_any_door(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS)
    queue(blank, "north", "09:10", *READERS)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 3
    assert told.reasons() == ["zone_full", "zone_full"]
    assert told.inside() == 3


def test_a_right_is_fetched_from_the_other_gate_within_the_blink_of_an_eye(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    second = told.events("visit.admitted", "north")[1]
    assert second.at == pytest.approx(told.when("09:10:05.8"), abs=0.3)
    assert told.free("stacks-3") == {"north": 0, "south": 0}


def test_a_booked_reader_refused_as_full_makes_the_guard_count(blank: Story) -> None:
    blank.caps(building=9, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    denied = told.event("visit.denied")
    assert denied.data["reason"] == "zone_full"
    assert told.when("09:10:05.8") + 0.25 < denied.at < told.when("09:10:05.8") + 0.35
    assert told.alerts("count_doubt") == ["raised"]


def test_the_building_can_be_full_while_the_room_is_not(blank: Story) -> None:
    blank.caps(building=1, stacks_3=5, stacks_4=5).booked(LI).booked(WANG, zone="stacks-4")
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    assert told.reasons() == ["building_full"]
    assert (told.inside(), told.inside("stacks-4")) == (1, 0)
    assert sum(told.free("stacks-4").values()) == 5


def test_where_the_building_has_no_cap_only_the_rooms_count(blank: Story) -> None:
    blank.caps(building=None, stacks_3=1, stacks_4=2).booked(LI, WANG).booked(CHEN, ZHAO, zone="stacks-4")
    queue(blank, "north", "09:10", LI, WANG, CHEN, ZHAO)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 3


def test_a_room_that_the_caps_do_not_name_has_room_for_nobody(story: Story) -> None:
    story.booked(LI, zone="attic").at("09:10").north.meets(LI)
    assert story.told().reasons() in (["zone_full"], ["caps_unknown"])


def test_two_people_on_one_booking_need_two_places(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(LI, WANG, people=2)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    blank.at("09:12").north.meets(WANG)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 1
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 2
    assert "tailgating" not in told.kinds()


def test_two_people_find_two_places_at_the_other_gate(blank: Story) -> None:
    blank.caps(building=4, stacks_3=4).booked(LI, WANG, people=2)
    for clock, person in (("09:10", LI), ("09:12", WANG)):
        blank.at(clock).north.meets(person).after(2).north.passes(2).after(3).north.leave()
    told = blank.told()
    assert told.reasons() == []
    assert told.inside() == 4


# --- rights flow ---------------------------------------------------------------------------------------


def test_a_place_freed_at_the_way_out_is_there_at_the_way_in(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:20").west.exits(LI)
    queue(blank, "south", "09:20:01", WANG)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.free() == {"north": 0, "south": 0, "west": 0}


def test_all_day_people_come_in_here_and_leave_there(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS)
    for hour, person in enumerate(READERS * 2):
        minute = 10 * hour
        blank.at(f"{9 + minute // 60:02}:{minute % 60:02}").north.serves(person)
        blank.after(120).west.exits(person)
    told = blank.told()
    assert len(told.events("visit.admitted")) == len(told.events("visit.exited")) == 10
    assert told.inside() == told.inside("stacks-3") == 0


def test_rights_flow_without_the_keeper(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:12").site.power_cut(3600).at("09:20").west.exits(LI)
    queue(blank, "south", "09:21", WANG)
    assert len(blank.told(until="09:25").events("visit.admitted")) == 2


# --- partition -----------------------------------------------------------------------------------------


def test_a_gate_that_is_cut_off_admits_what_it_holds_and_no_more(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS).at("09:05").south.link(False)
    queue(blank, "north", "09:10", LI, WANG)
    queue(blank, "south", "09:20", CHEN, ZHAO)
    blank.at("09:30").south.link(True)
    told = blank.told()
    assert [line.device for line in told.events("visit.admitted")] == ["north", "south"]
    assert told.reasons() == ["zone_full", "zone_full"]
    assert told.inside() == 2
    assert told.alerts("link_down", "south") == ["raised", "cleared"]


def test_what_was_freed_at_a_gate_that_is_cut_off_comes_back_with_it(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:15").west.link(False).at("09:20").west.exits(LI)
    blank.at("09:25").north.meets(WANG).after(5).north.leave()
    blank.at("09:30").west.link(True)
    queue(blank, "north", "09:35", WANG)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert len(told.events("visit.admitted")) == 2
    assert told.inside() == 1


def test_with_every_cable_out_the_cap_still_holds(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS).at("09:05")
    for gate in GATES:
        blank.line(gate, "link", up=False)
    queue(blank, "north", "09:10", LI, WANG, CHEN)
    queue(blank, "south", "09:20", CHEN, ZHAO, SUN)
    blank.at("09:30")
    for gate in GATES:
        blank.line(gate, "link", up=True)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 3
    assert told.inside() == 3


def test_a_link_that_comes_and_goes_loses_no_place(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS).at("09:05").west.breaks("broker", "intermittent")
    for minute, person in enumerate(READERS):
        blank.at(f"09:{10 + 5 * minute}").north.serves(person).after(60).west.exits(person)
    blank.at("10:00").west.mended("broker", "intermittent")
    told = blank.told()
    assert len(told.events("visit.admitted")) == 5
    assert told.inside() == 0
    assert sum(told.free("stacks-3").values()) == 2


# --- caps that change ----------------------------------------------------------------------------------


def test_a_raised_cap_lets_more_in(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:15").caps(building=2, stacks_3=2, revision=2)
    queue(blank, "north", "09:20", WANG)
    assert len(blank.told().events("visit.admitted")) == 2


def test_a_lowered_cap_takes_free_rights_back_and_no_reader_out(blank: Story) -> None:
    blank.caps(building=4, stacks_3=4).booked(*READERS)
    queue(blank, "north", "09:10", LI, WANG)
    blank.at("09:20").caps(building=2, stacks_3=2, revision=2)
    queue(blank, "south", "09:25", CHEN)
    blank.at("09:30").west.exits(LI)
    queue(blank, "south", "09:35", ZHAO)
    told = blank.told()
    assert [line.data["card"] for line in told.events("visit.denied")] == [CHEN.card]
    assert [line.data["card"] for line in told.events("visit.admitted")] == [LI.card, WANG.card, ZHAO.card]
    assert told.inside() == 2
    assert "cap_exceeded" not in told.kinds()


def test_a_cap_below_the_people_inside_is_reported_until_enough_have_left(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS)
    queue(blank, "north", "09:10", LI, WANG, CHEN)
    blank.at("09:20").caps(building=1, stacks_3=1, revision=2)
    blank.at("09:30").west.exits(LI).after(10).west.exits(WANG)
    queue(blank, "north", "09:40", ZHAO)
    told = blank.told()
    assert told.alerts("cap_exceeded", "site") == ["raised", "cleared"]
    assert told.reasons() == ["zone_full"]


@pytest.mark.parametrize("revision", [1, 2, 3])
def test_caps_of_a_lower_or_equal_revision_are_ignored(blank: Story, revision: int) -> None:
    blank.caps(building=1, stacks_3=1, revision=3).booked(LI, WANG)
    blank.at("09:05").caps(building=9, stacks_3=9, revision=revision)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.events("message.rejected") == []


def test_a_tailgater_uses_up_a_place_of_the_building(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    queue(blank, "north", "09:20", WANG)
    told = blank.told()
    assert told.reasons() == ["building_full"]
    assert told.inside() == 2


def test_everybody_learns_what_the_keeper_gave(story: Story) -> None:
    told = story.at("09:00").north.do("leave").told()
    granted = [told.retained(f"grants/{gate}")["zones"]["stacks-3"]["granted"] for gate in ("north", "south")]
    assert sum(granted) == 30
    assert sum(told.free("stacks-3").values()) == 30
    assert sum(told.free().values()) == 100
