"""The way out: always open, never asked, only counted."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, FEVERISH_C, LI, SUN, WANG, Story


def test_a_reader_who_leaves_by_another_door_ends_the_same_visit(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:40").west.exits(LI)
    told = story.told()
    exited = told.event("visit.exited", "west")
    visit = told.event("visit.admitted").data["visit"]
    assert exited.data == {"visit": visit, "card": LI.card, "zone": "stacks-3", "lane": "west"}
    assert exited.at == pytest.approx(told.when("09:40"), abs=0.05)
    assert told.inside() == told.inside("stacks-3") == 0


@pytest.mark.parametrize("gate", ["north", "south"])
def test_the_entrances_let_people_out_too(story: Story, gate: str) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:40").line(gate, "exit", card=LI.uid)
    told = story.told()
    assert told.event("visit.exited", gate).data["visit"] == told.event("visit.admitted").data["visit"]
    assert told.inside() == told.inside("stacks-3") == 0


def test_leaving_never_touches_the_lock(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:40").north.exits(LI).after(10).north.exits()
    told = story.told()
    assert len(told.openings("north")) == 1


def test_without_a_card_the_beam_counts_for_the_building(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:40").west.exits()
    told = story.told()
    assert told.event("visit.exited").data == {"visit": None, "card": None, "zone": None, "lane": "west"}
    assert (told.inside(), told.inside("stacks-3")) == (0, 1)


def test_more_may_leave_than_came_but_the_count_never_falls_below_zero(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    story.at("09:40").west.exits(LI).after(5).west.exits().after(5).north.exits(WANG)
    told = story.told()
    assert len(told.events("visit.exited")) == 3
    assert told.inside() == 0
    assert "count_doubt" in told.kinds()


def test_a_card_that_never_came_in_may_leave(story: Story) -> None:
    story.at("09:40").west.exits(CHEN)
    exited = story.told().event("visit.exited")
    assert (exited.data["visit"], exited.data["card"], exited.data["zone"]) == (None, CHEN.card, None)


def test_staff_leave_without_moving_the_readers_count(story: Story) -> None:
    story.staff(SUN).booked(LI).at("09:10").north.serves(SUN).after(5).north.serves(LI).at("09:40").west.exits(SUN)
    told = story.told()
    assert told.inside() == 1
    admitted, *_ = told.events("visit.admitted")
    assert told.event("visit.exited").data["visit"] == admitted.data["visit"]


@pytest.mark.parametrize("command", ["lockdown", "release"])
def test_people_leave_in_every_mode(story: Story, command: str) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:30").guard("north", command).at("09:40").north.exits(LI)
    told = story.told()
    assert told.event("visit.exited").data["card"] == LI.card
    assert told.inside() == 0


def test_people_leave_while_a_reader_is_measured_and_walks_in(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI)
    story.at("09:40").north.meets(WANG, FEVERISH_C).after(2).north.exits(LI)
    told = story.told()
    assert told.event("visit.exited").at == pytest.approx(told.when("09:40:02.8"), abs=0.05)
    assert told.reasons() == ["fever"]


def test_two_leave_close_behind_each_other_and_both_are_known(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI).after(5).south.serves(WANG)
    story.at("09:40").west.exits(LI).after(1).west.exits(WANG)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.exited")] == [LI.card, WANG.card]
    assert told.inside() == told.inside("stacks-3") == 0


def test_with_the_exit_beam_blocked_cards_still_count(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    story.at("09:20").west.exits().at("09:20").west.breaks("beam", "stuck")
    story.at("09:40").west.exits(LI)
    told = story.told()
    assert told.alerts("lane_fault", "west")[:1] == ["raised"]
    assert told.events("visit.exited")[-1].data["card"] == LI.card


def test_leaving_works_with_a_broken_disk_a_cut_cable_and_no_clock(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    story.at("09:30").north.link(False).north.do("clock", set=False).north.breaks("disk", "absent")
    story.at("09:40").north.exits(LI)
    story.at("09:50").north.mended("disk", "absent").north.link(True)
    told = story.told()
    assert told.event("visit.exited").data["card"] == LI.card
    assert told.inside() == 0
    assert "link_down" in told.kinds()


def test_whoever_left_at_a_gate_that_was_cut_off_may_come_back_when_it_is_not(story: Story) -> None:
    story.booked(LI).at("09:10").south.serves(LI).at("09:15").west.link(False).at("09:20").west.exits(LI)
    story.after(10).west.power_cut(10).at("09:25").west.link(True).at("09:30").south.serves(LI)
    told = story.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]
    assert told.inside() == told.inside("stacks-3") == 1


def test_an_exit_opens_nothing_and_its_entry_side_hears_nobody(story: Story) -> None:
    story.booked(LI).at("09:10").west.meets(LI).after(2).west.passes().after(1).west.do("force")
    told = story.told()
    assert told.events("visit.admitted") == []
    assert told.outputs("west", "lock") == []
    assert told.kinds() == []
