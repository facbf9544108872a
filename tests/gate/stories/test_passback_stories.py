"""A card that is inside: refused at every gate until it leaves or its session ends; a guard may know better."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, LI, SUN, WANG, Story, Told

TOUCHING = ({"id": "am", "opens": "09:00", "closes": "12:00"}, {"id": "pm", "opens": "12:00", "closes": "16:30"})


def test_a_card_that_is_inside_stays_outside(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:20").north.tap(LI)
    story.at("09:21").south.tap(LI)
    told = story.told()
    assert told.reasons() == ["already_inside", "already_inside"]
    assert "anti_passback" in told.kinds()
    assert told.inside() == 1


def test_whoever_left_may_come_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    story.at("09:20").west.exits(LI)
    story.at("09:30").south.serves(LI)
    told = story.told()
    first, second = told.events("visit.admitted")
    assert first.data["visit"] != second.data["visit"]
    assert told.reasons() == []
    assert told.inside() == 1


def test_with_soft_anti_passback_the_reader_comes_in_and_the_guard_hears_of_it() -> None:
    story = Story("08:55", 'policy.anti_passback="soft"').caps().booked(LI)
    story.at("09:10").north.serves(LI).at("09:20").north.serves(LI)
    told = story.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.alerts("anti_passback") == ["raised"]
    assert told.inside() == told.inside("stacks-3") == 2, "somebody else may have the card"


def test_without_anti_passback_nobody_looks() -> None:
    story = Story("08:55", 'policy.anti_passback="off"').caps().booked(LI)
    story.at("09:10").north.serves(LI).at("09:20").north.serves(LI)
    told = story.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.alerts("anti_passback") == []


# --- the end of a session --------------------------------------------------------------------------------


def test_who_is_inside_is_forgotten_when_the_session_closes() -> None:
    story = Story("11:20").caps().booked(LI, WANG).booked(LI, WANG, session="pm")
    story.at("11:21").north.serves(LI)
    story.at("11:22").north.serves(WANG)
    story.at("14:01").south.serves(WANG)
    story.at("14:02").north.serves(LI)
    told = story.told()
    assert told.reasons() == []
    assert len(told.events("visit.admitted")) == 4


@pytest.mark.parametrize("start", ["11:40", "11:40:15"])
def test_whoever_came_early_for_the_next_session_is_inside_before_and_after_it_opens(start: str) -> None:
    """Sessions touch; gates look at the calendar twice a minute, and not at the same moments in both stories."""
    story = Story(start).caps(sessions=TOUCHING).booked(LI, session="pm")
    story.at("11:56:41").north.serves(LI)
    for clock in ("11:57:31", "11:59:58", "12:00:02", "12:00:33"):
        story.at(clock).south.tap(LI)
    told = story.told()
    assert told.reasons() == ["already_inside"] * 4
    assert told.inside() == 1


@pytest.mark.parametrize("start", ["11:40", "11:40:15"])
@pytest.mark.parametrize("gate", ["north", "south"])
@pytest.mark.parametrize("clock", ["12:00:01", "12:00:16", "12:00:32"])
def test_whoever_was_inside_for_a_session_that_closed_comes_in_for_the_next_at_once(
    start: str, gate: str, clock: str
) -> None:
    story = Story(start).caps(sessions=TOUCHING).booked(LI).booked(LI, session="pm")
    story.at("11:50").north.serves(LI).at("11:59:50").line(gate, "tap", card=LI.uid)
    story.at(clock).line(gate, "face", skin_c=34.6).after(1).line(gate, "tap", card=LI.uid)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert len(told.events("visit.admitted")) == 2


# --- left unseen -------------------------------------------------------------------------------------------


def settled(told: Told) -> list[tuple[object, ...]]:
    """What was corrected, and by whom."""
    return [
        tuple(line.data[key] for key in ("zone", "before", "after", "by", "cause"))
        for line in told.events("count.settled")
    ]


@pytest.mark.parametrize("gate", ["north", "south"])
def test_a_guard_lets_in_whoever_left_without_tapping_and_nobody_is_counted_twice(story: Story, gate: str) -> None:
    """The beam counted for the building, the zone had to wait: Li is in it once."""
    story.booked(LI, WANG).at("09:05").north.serves(WANG).at("09:10").north.serves(LI).at("09:20").west.exits()
    story.at("09:30").line(gate, "tap", card=LI.uid).after(5).guard(gate, "admit", card=LI.card, by="guard 7")
    story.after(2).line(gate, "pass").at("09:35")
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 2
    assert settled(told) == [("stacks-3", 2, 1, "guard 7", "came again")]
    story.at("09:40").west.exits(LI)
    told = story.told()
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1
    assert told.event("visit.exited", card=LI.card).data["visit"] == told.events("visit.admitted")[-1].data["visit"]


@pytest.mark.parametrize("gate", ["north", "south"])
def test_whoever_left_without_tapping_at_noon_is_counted_once_in_the_afternoon(gate: str) -> None:
    story = Story("11:20").caps().booked(LI).booked(LI, session="pm")
    story.at("11:21").north.serves(LI).at("11:29").west.exits().at("14:01")
    story.line(gate, "face", skin_c=34.6).after(1).line(gate, "tap", card=LI.uid).after(1.5).line(gate, "pass")
    told = story.told()
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1
    assert settled(told) == [("stacks-3", 1, 0, gate, "came again")]
    story.at("14:10").west.exits(LI)
    assert story.told().inside("stacks-3") == 0


def test_staff_who_left_without_tapping_are_counted_once_too(story: Story) -> None:
    story.staff(SUN).at("09:10").north.serves(SUN).at("09:20").west.exits()
    story.at("09:30").north.tap(SUN).after(5).guard("north", "admit", card=SUN.card).after(2).north.passes()
    told = story.told()
    assert told.retained("occupancy/north")["passes"] == {"entries": 2, "exits": 1}
    assert told.inside() == 0


def test_a_guard_admits_whoever_the_power_cut_left_outside_and_nobody_is_counted_twice(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10).after(15)
    story.guard("north", "admit", card=LI.card).after(2).north.passes().at("09:20")
    told = story.told()
    first, second = told.events("visit.admitted")
    assert told.event("visit.abandoned").data["visit"] == first.data["visit"]
    assert told.event("visit.passed").data["visit"] == second.data["visit"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_a_guard_admits_the_rest_of_a_group_whom_the_power_cut_left_outside(story: Story) -> None:
    story.booked(LI, people=3).at("09:10").north.meets(LI).after(2).north.passes().after(1).north.power_cut(10)
    story.after(15).guard("north", "admit", card=LI.card, people=2).after(2).north.passes(2)
    told = story.told()
    assert told.event("visit.reduced").data["people"] == 2
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 3


def test_of_a_group_only_the_card_that_comes_again_has_left(story: Story) -> None:
    story.booked(LI, people=3).at("09:10").north.meets(LI).after(2).north.passes(3).after(3).north.leave()
    story.at("09:20").west.exits().at("09:30").guard("north", "admit", card=LI.card).after(2).north.passes()
    told = story.told()
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 3


# --- their own former place --------------------------------------------------------------------------------


def noon(story: Story, gate: str = "north") -> Story:
    """Li came in the morning and left at noon past the exit reader."""
    story.booked(LI).booked(LI, session="pm").at("11:21").north.serves(LI).at("11:29").west.exits()
    return story.at("14:01").line(gate, "face", skin_c=34.6).after(1).line(gate, "tap", card=LI.uid).after(1.5)


@pytest.mark.parametrize("gate", ["north", "south"])
def test_nobody_is_kept_out_by_a_place_of_their_own(gate: str) -> None:
    """The zone is full, and who fills it stands at the lane."""
    story = Story("11:20").caps(stacks_3=1)
    noon(story, gate).line(gate, "pass")
    told = story.told()
    assert told.reasons() == []
    assert settled(told) == [("stacks-3", 1, 0, gate, "came again")]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_nor_is_who_comes_in_by_a_guards_word() -> None:
    story = Story("11:20").caps(stacks_3=1).booked(LI).at("11:21").north.serves(LI).at("11:29").west.exits()
    story.at("14:01").guard("north", "admit", card=LI.card, zone="stacks-3").after(2).north.passes()
    told = story.told()
    assert told.results("north") == [(True, None)]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_but_the_place_of_somebody_else_is_nobodys() -> None:
    story = Story("11:20").caps(stacks_3=1).booked(WANG, session="pm")
    noon(story).north.passes().at("14:10").north.leave().south.meets(WANG)
    assert story.told().reasons() == ["zone_full"]


@pytest.mark.parametrize("cut_off", ["west", "north"])
def test_not_while_a_gate_is_cut_off_from_one_that_may_have_seen_them_leave(cut_off: str) -> None:
    """Its exit makes a right of the same place, which somebody else may get."""
    story = Story("11:20").caps(stacks_3=1).booked(LI).booked(LI, WANG, session="pm")
    story.at("11:21").north.serves(LI).at("11:28").line(cut_off, "link", up=False).at("11:29").west.exits(LI)
    story.at("14:01").north.meets(LI).after(5).north.leave()
    story.at("14:05").line(cut_off, "link", up=True).at("14:06").north.serves(LI).at("14:10").south.meets(WANG)
    told = story.told()
    assert told.reasons() == ["zone_full", "zone_full"]
    assert told.inside("stacks-3") == told.world_inside() == 1
    assert settled(told) == []


def test_not_while_the_keeper_wants_the_place_back() -> None:
    """The cap was lowered: there is one place less, and it is theirs."""
    story = Story("11:20").caps(stacks_3=2).booked(LI, WANG).booked(LI, session="pm")
    story.at("11:21").north.serves(LI).at("11:23").north.serves(WANG).at("11:29").west.exits()
    story.at("13:00").caps(stacks_3=1, revision=2).at("14:01").north.meets(LI)
    told = story.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside("stacks-3") == 2


def test_not_while_somebody_is_inside_without_a_right() -> None:
    """A guard counted two where there is a place for one: whoever is seen leaving first pays for that."""
    story = Story("11:20").caps(stacks_3=1).booked(LI).booked(LI, session="pm")
    story.at("11:21").north.serves(LI).at("11:25").guard("south", "set_count", zone="stacks-3", people=2)
    story.at("11:29").west.exits().at("14:01").north.meets(LI)
    told = story.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside("stacks-3") == 2


@pytest.mark.parametrize("debtor", ["south", "north"])
def test_not_while_a_right_is_owed_although_the_room_has_space(debtor: str) -> None:
    """South lost its disk, and a right with it; a guard finds somebody who came in without any."""
    story = Story("11:20").caps(stacks_3=2).booked(LI).booked(LI, session="pm").at("11:21").north.serves(LI)
    story.at("11:22").south.disk_replaced(30).at("11:25").guard(debtor, "set_count", zone="stacks-3", people=2)
    story.at("11:29").west.exits().at("14:01").north.meets(LI)
    told = story.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside("stacks-3") == 2


@pytest.mark.parametrize("counter", ["north", "south"])
def test_a_place_that_a_guard_has_given_back_already_is_not_given_back_again(counter: str) -> None:
    """At noon a guard counts heads; the zone fills up again without Li, who comes last."""
    story = Story("11:20").caps(stacks_3=2).booked(LI).booked(LI, WANG, CHEN, session="pm")
    story.at("11:21").north.serves(LI).at("11:29").west.exits()
    story.at("13:00").guard(counter, "set_count", zone="stacks-3", people=0)
    story.at("14:01").north.serves(WANG).at("14:02").north.serves(CHEN).at("14:03").north.meets(LI)
    told = story.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 2


def test_whoever_a_guard_has_counted_is_inside_for_this_session_still(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI).at("09:11").north.serves(WANG)
    story.at("09:20").guard("south", "set_count", zone="stacks-3", people=1).at("09:30").north.tap(LI)
    story.at("09:40").west.exits(LI)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]
