"""A lock or an entry beam that does not work is judged by its effect: the guard hears of it, the cap holds."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, LI, SUN, WANG, ZHAO, Story, Told

PEOPLE = (LI, WANG, CHEN, ZHAO, SUN)
LOCK = "lane_fault-lock"


def a_morning(story: Story, part: str, kind: str, people: int) -> Story:
    """From ten past nine on so many come and walk, if they can, while a part of the north does not work."""
    story.booked(*PEOPLE).at("09:10").north.breaks(part, kind).after(20)
    for person in PEOPLE[:people]:
        story.north.serves(person).after(20)
    return story


def ended(told: Told) -> list[str]:
    """How each opening ended, by the gate's word."""
    names = ("visit.passed", "visit.abandoned", "visit.reduced")
    return [
        line.type.removeprefix("visit.") + (" assumed" if line.data.get("assumed") else "")
        for line in told.lines
        if line.type in names
    ]


# --- the lock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["absent", "stuck"])
def test_three_who_do_not_get_through_are_a_broken_lock(story: Story, kind: str) -> None:
    a_morning(story, "lock", kind, 3).at("09:20").north.mended("lock", kind).after(1).north.serves(LI)
    told = story.told()
    assert ended(told) == ["abandoned"] * 3 + ["passed"]
    raised = told.event("alert.raised", "north")
    assert (raised.data["alert"], raised.data["severity"]) == (LOCK, "warning")
    assert told.alerts("lane_fault", "north") == ["raised", "cleared"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_two_who_hesitate_are_no_broken_lock(story: Story) -> None:
    a_morning(story, "lock", "absent", 2).north.mended("lock", "absent").north.serves(CHEN)
    told = story.told()
    assert ended(told) == ["abandoned"] * 2 + ["passed"]
    assert told.kinds() == []


def test_a_lock_that_opens_every_other_time_counts_those_it_lets_in(story: Story) -> None:
    a_morning(story, "lock", "intermittent", 5)
    told = story.told()
    assert ended(told) == ["abandoned", "passed", "passed", "abandoned", "passed"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 3


def test_whoever_follows_through_a_lock_that_stays_open_is_counted_and_reported(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.breaks("lock", "stuck").after(0.5).north.passes()
    story.after(1.5).north.passes().after(30).north.passes()
    told = story.told()
    assert told.kinds() == ["tailgating", "forced_entry"]
    assert told.inside() == told.world_inside() == 3
    assert told.inside("stacks-3") == 1


@pytest.mark.parametrize("end", ["disk", "lockdown", "release"])
def test_a_passage_that_was_called_off_says_nothing_about_the_lock(story: Story, end: str) -> None:
    story.booked(*PEOPLE).at("09:09")
    if end == "disk":
        story.north.breaks("disk", "absent")
    for minute, person in enumerate(PEOPLE[:4], start=10):
        story.at(f"09:{minute}").north.meets(person).after(1)
        if end != "disk":
            story.guard("north", end).after(2).guard("north", "normal")
        story.after(2).north.leave()
    story.at("09:20").north.mended("disk", "absent")
    told = story.told()
    assert ended(told) == ["abandoned"] * 4
    assert "lane_fault" not in told.kinds()
    assert told.inside() == 0


# --- the entry beam ----------------------------------------------------------------------------------------


def test_through_a_blocked_beam_everybody_admitted_counts_as_gone_in(blank: Story) -> None:
    """Unknown is not nobody: five come for four places, and walk unseen."""
    blank.caps(building=9, stacks_3=4)
    a_morning(blank, "beam", "absent", 5)
    told = blank.told()
    assert told.kinds()[:2] == ["forced_entry", "held_open"]
    assert ended(told) == ["passed assumed"] * 4
    assert told.reasons() == ["zone_full"]
    assert told.inside("stacks-3") == told.world_inside() == 4
    assert LOCK not in [line.data["alert"] for line in told.events("alert.raised")]


def test_whoever_went_in_through_a_blocked_beam_is_inside_and_leaves(story: Story) -> None:
    a_morning(story, "beam", "absent", 1).at("09:20").north.tap(LI).at("09:30").west.exits(LI)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.event("visit.exited").data["visit"] == told.event("visit.admitted").data["visit"]
    assert told.inside("stacks-3") == 0


def test_of_a_group_at_a_blocked_beam_all_count_as_gone_in(story: Story) -> None:
    story.booked(LI, people=3).at("09:10").north.breaks("beam", "absent").after(20).north.meets(LI)
    told = story.told()
    assert ended(told) == ["passed assumed"]
    assert told.inside("stacks-3") == 3


def test_of_a_group_that_was_seen_in_part_the_rest_counts_as_gone_in() -> None:
    """The first of them stays in the beam: whether the others slip past, nobody sees."""
    story = Story("08:55", "policy.held_open_s=3").caps().booked(LI, people=3)
    story.at("09:10").north.meets(LI).after(2).north.do("hold_open", for_s=30)
    told = story.told()
    assert ended(told) == ["passed"]
    assert told.inside("stacks-3") == 3


def test_whoever_is_let_in_by_the_guard_through_a_blocked_beam_counts_for_the_building(story: Story) -> None:
    story.at("09:10").north.breaks("beam", "absent").after(20).guard("north", "open_once")
    told = story.told()
    assert told.event("lane.passed").data == {"lane": "north", "assumed": True}
    assert told.inside() == 2, "and the cut itself, as a forced entry"


@pytest.mark.parametrize("end", ["lockdown", "release"])
def test_a_passage_through_a_blocked_beam_that_is_called_off_may_have_been_used(story: Story, end: str) -> None:
    story.booked(LI).at("09:10").north.breaks("beam", "absent").after(20).north.meets(LI).after(1).guard("north", end)
    told = story.told()
    assert ended(told) == ["passed assumed"]
    assert told.inside("stacks-3") == 1


def test_behind_a_blocked_beam_nobody_goes_in_on_an_admission_that_the_disk_refuses(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("beam", "absent").after(20).north.breaks("disk", "absent").after(1)
    story.north.meets(LI).after(5).north.mended("disk", "absent")
    told = story.told()
    assert ended(told) == ["abandoned"]
    assert told.inside("stacks-3") == 0


def test_when_the_beam_is_free_again_a_reader_who_hesitates_gives_the_place_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("beam", "absent").at("09:20").north.mended("beam", "absent")
    story.after(10).north.meets(LI)
    assert ended(story.told()) == ["abandoned"]


def test_through_a_silent_beam_three_walk_unseen_before_the_guard_hears_of_it(story: Story) -> None:
    """Nothing tells it from a lock that does not open; the guard tries the lane, and sees."""
    a_morning(story, "beam", "stuck", 3).at("09:20").north.mended("beam", "stuck").north.serves(ZHAO)
    told = story.told()
    assert ended(told) == ["abandoned"] * 3 + ["passed"]
    assert told.alerts("lane_fault", "north") == ["raised", "cleared"]
    assert told.events("alert.raised")[0].data["alert"] == LOCK
    assert (told.inside(), told.world_inside()) == (1, 4)


def test_a_beam_that_sees_every_other_edge_is_held_open_and_loses_only_whom_it_did_not_see(story: Story) -> None:
    a_morning(story, "beam", "intermittent", 5)
    told = story.told()
    assert ended(told) == ["abandoned", "passed", "passed assumed", "abandoned", "passed"]
    assert set(told.kinds()) == {"held_open"}
    assert told.inside() == 3
