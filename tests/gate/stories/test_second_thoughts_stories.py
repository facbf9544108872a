"""What comes up between the tap and the temperature: whoever may not come in any more does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gate.stories.story import LI, WANG, Story


def zone_is_closed(story: Story) -> None:
    story.guard("north", "close_zone", zone="stacks-3")


def zone_is_closed_at_the_other_gate(story: Story) -> None:
    story.guard("south", "close_zone", zone="stacks-3")


def fever_at_the_other_gate(story: Story) -> None:
    story.south.meets(LI, 36.4).after(10)


def came_in_at_the_other_gate(story: Story) -> None:
    story.south.serves(LI)


def clock_is_lost(story: Story) -> None:
    story.north.do("clock", set=False)


def booking_is_withdrawn(story: Story) -> None:
    story.sends(
        "bookings/2026-03-09/am",
        {"revision": 99, "bookings": []},
        retain=True,
    )


THOUGHTS: tuple[tuple[Callable[[Story], None], str], ...] = (
    (zone_is_closed, "zone_closed"),
    (zone_is_closed_at_the_other_gate, "zone_closed"),
    (fever_at_the_other_gate, "held"),
    (came_in_at_the_other_gate, "already_inside"),
    (clock_is_lost, "clock_unset"),
    (booking_is_withdrawn, "unknown_card"),
)


@pytest.mark.parametrize(("happens", "reason"), THOUGHTS, ids=[happens.__name__ for happens, _ in THOUGHTS])
def test_what_came_up_since_the_tap_is_looked_at_before_anybody_is_let_in(
    happens: Callable[[Story], None], reason: str
) -> None:
    story = Story("08:55", "policy.check_s=30", "policy.face_s=30").caps().booked(LI)
    happens(story.at("09:10").north.tap(LI).after(1))
    story.after(1).north.face()
    told = story.told()
    assert told.reasons("north") == [reason]
    assert told.events("visit.admitted", "north") == []
    assert told.openings("north") == []


def test_who_taps_just_before_the_session_ends_and_is_measured_after_it_has_come_too_late() -> None:
    story = Story("11:20").caps().booked(LI)
    story.at("11:29:58").north.tap(LI).after(4).north.face()
    told = story.told()
    assert told.reasons() == ["closed"]
    assert told.event("visit.denied").data["estimate_c"] is not None


# --- whoever leaves before the neighbours have heard -----------------------------------------------------


@pytest.mark.parametrize("seconds", [0.02, 0.3, 0.9])
def test_whoever_turns_round_at_once_may_come_back(story: Story, seconds: float) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1.0).north.passes().after(seconds).west.exits(LI)
    story.at("09:20").south.serves(LI)
    told = story.told()
    assert told.reasons() == []
    assert len(told.events("visit.admitted")) == 2
    assert told.inside() == 1


@pytest.mark.parametrize("device", ["north", "west"])
def test_whoever_left_while_a_gate_was_cut_off_may_come_back_when_it_is_there_again(story: Story, device: str) -> None:
    """The one that let in, or the one that saw the card leave: it had not heard of the visit."""
    story.booked(LI, WANG).at("09:09")
    getattr(story, device).link(False)
    story.at("09:10").north.serves(LI)
    story.at("09:15").west.exits(LI)
    story.at("09:20")
    getattr(story, device).link(True)
    story.at("09:25").south.serves(LI)
    told = story.told()
    assert told.reasons() == []
    assert len(told.events("visit.admitted")) == 2
    assert told.retained("inside/north")["cards"] == []
