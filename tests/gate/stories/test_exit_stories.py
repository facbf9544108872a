"""The way out: always open, never asked, only counted."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, FEVERISH_C, LI, WANG, Story, Told


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


def test_below_zero_is_said(story: Story) -> None:
    """Cut off from the others, an exit believes whoever leaves; all rows together know better."""
    story.at("09:05").west.link(False).at("09:10").west.exits().at("09:20").west.link(True)
    told = story.told()
    assert told.inside() == -1
    raised = told.event("alert.raised", "site", kind="count_doubt")
    assert (raised.data["alert"], raised.data["zones"]) == ("count_doubt-below", {"*": {"people": -1}})
    assert told.when("09:20:05") < raised.at < told.when("09:20:10"), "rows may arrive apart"
    story.at("09:30").guard("north", "set_count", zone="*", people=0)
    told = story.told()
    assert told.inside() == 0
    assert told.alerts("count_doubt") == ["raised", "cleared"]


def test_a_card_that_never_came_in_may_leave(story: Story) -> None:
    story.at("09:40").west.exits(CHEN)
    exited = story.told().event("visit.exited")
    assert (exited.data["visit"], exited.data["card"], exited.data["zone"]) == (None, CHEN.card, None)


@pytest.mark.parametrize(
    ("mode", "so"),
    [("lockdown", "lockdown"), ("held", "held"), ("manual", "manual"), ("release", "released"), ("fire", "released")],
)
def test_people_leave_in_every_mode(story: Story, mode: str, so: str) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI).at("09:30").north.turns(mode, WANG)
    told = story.at("09:40").north.exits(LI).told()
    assert told.modes("north") == [so]
    assert told.event("visit.exited").at == pytest.approx(told.when("09:40"), abs=0.05)
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


# --- several on one card ---------------------------------------------------------------------------------


def group(story: Story, people: int = 3, *, come: int | None = None, gate: str = "north") -> Story:
    """So many people come in on Li's card."""
    lane = getattr(story, gate)
    story.booked(LI, people=people).at("09:10")
    lane.meets(LI).after(2)
    lane.passes(people if come is None else come).after(people)
    return lane.leave().at("09:40")


def left(told: Told) -> list[tuple[bool, str | None]]:
    """Of each exit: whether it was on the group's visit, and from which zone."""
    visit = told.event("visit.admitted", card=LI.card).data["visit"]
    return [(line.data["visit"] == visit, line.data["zone"]) for line in told.events("visit.exited")]


OURS, NOBODYS = (True, "stacks-3"), (False, None)


@pytest.mark.parametrize("gate", ["north", "west"])
def test_a_group_leaves_on_one_tap(story: Story, gate: str) -> None:
    lane = getattr(group(story), gate)
    lane.exits(LI).after(1)
    lane.exits().after(4)
    lane.exits()
    told = story.told()
    assert left(told) == [OURS] * 3
    assert told.inside() == told.inside("stacks-3") == 0


def test_whoever_follows_a_group_that_is_out_is_not_of_it(story: Story) -> None:
    group(story, 2).west.exits(LI).after(1).west.exits().after(1).west.exits()
    told = story.told()
    assert left(told) == [OURS, OURS, NOBODYS]
    assert told.inside() == told.inside("stacks-3") == 0


def test_those_who_never_came_in_do_not_leave(story: Story) -> None:
    """Three were booked, two came: a place was given back, and only two leave on the card."""
    group(story, 3, come=2).west.exits(LI).after(1).west.exits().after(1).west.exits()
    told = story.told()
    assert left(told) == [OURS, OURS, NOBODYS]
    assert told.event("visit.reduced").data["people"] == 1
    assert told.inside("stacks-3") == 0


def test_those_who_stay_keep_their_places(story: Story) -> None:
    group(story).west.exits(LI).after(11).west.exits()
    told = story.told()
    assert left(told) == [OURS, NOBODYS]
    assert (told.inside(), told.inside("stacks-3")) == (1, 2)


def test_those_who_stayed_leave_later_on_the_same_card(story: Story) -> None:
    group(story, 2).west.exits(LI).at("10:10").west.exits(LI)
    told = story.told()
    assert [line.data["zone"] for line in told.events("visit.exited")] == ["stacks-3", "stacks-3"]
    assert told.inside() == told.inside("stacks-3") == 0


def test_a_group_may_also_tap_for_each(story: Story) -> None:
    group(story).west.exits(LI).after(1).west.exits(LI).after(1).west.exits(LI)
    told = story.told()
    assert left(told) == [OURS] * 3
    assert told.inside() == told.inside("stacks-3") == 0


def test_a_reader_with_a_card_among_a_group_is_that_reader(story: Story) -> None:
    story.booked(WANG, zone="stacks-4").at("09:05").north.serves(WANG)
    group(story).west.exits(LI).after(1).west.exits(WANG).after(1).west.exits().after(1).west.exits()
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.exited")] == [LI.card, WANG.card, LI.card, LI.card]
    assert told.inside() == told.inside("stacks-3") == told.inside("stacks-4") == 0


def test_two_groups_leave_together(story: Story) -> None:
    story.booked(WANG, people=2, zone="stacks-4").at("09:05").north.meets(WANG).after(2).north.passes(2)
    story.after(3).north.leave()
    group(story, 2).west.exits(LI).after(1).west.exits(WANG).after(1).west.exits().after(1).west.exits()
    told = story.told()
    assert len(told.events("visit.exited", card=LI.card)) == len(told.events("visit.exited", card=WANG.card)) == 2
    assert told.inside() == told.inside("stacks-3") == told.inside("stacks-4") == 0


def test_the_card_of_a_group_may_come_back_though_others_of_it_stayed(story: Story) -> None:
    """It was seen leaving, and what did not walk in again is given back: nobody counts twice."""
    group(story, 2).west.exits(LI).at("10:00").north.meets(LI).after(2).north.passes().after(6).north.leave()
    told = story.told()
    assert told.reasons() == []
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 2
