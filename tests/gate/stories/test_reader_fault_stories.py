"""A reader that is gone or garbles admits nobody, and the guard hears of it for as long as it lasts."""

from __future__ import annotations

import pytest

from edge.assembly.simulate import Simulation
from edge.assembly.simulation import SimulatedGate
from simulators.world.lane import LaneWorld
from tests.gate.stories.story import LI, WANG, Story, Told


def fault(told: Told, side: str = "entry") -> tuple[list[str], list[float]]:
    """What became of the alert of one side's readers, and when."""
    changes = [line for line in told.lines if line.data.get("alert") == f"reader_fault-{side}"]
    return [line.type.removeprefix("alert.") for line in changes], [line.at for line in changes]


def keyboard(story: Story, place: str, *, absent: bool) -> Story:
    """Unplug one of the north's readers, or plug it in again."""
    return story.behind(lambda simulation: setattr(world(simulation).readers[place], "absent", absent))


def world(simulation: Simulation) -> LaneWorld:
    north = simulation.devices["north"]
    assert isinstance(north, SimulatedGate)
    return north.world


def test_an_unplugged_reader_is_reported_and_comes_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", "absent").after(5).north.meets(LI)
    story.at("09:12").north.mended("reader", "absent").after(2).north.serves(LI)
    told = story.told()
    assert told.alerts("reader_fault") == ["raised", "cleared"]
    assert len(told.events("visit.admitted")) == 1


def test_a_reader_that_garbles_is_reported_and_admits_nobody(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", "corrupt").north.face()
    for _ in range(4):
        story.after(3).north.tap(LI)
    story.after(3).north.mended("reader", "corrupt").after(1).north.tap(LI)
    told = story.told()
    assert told.alerts("reader_fault") == ["raised", "cleared"]
    assert len(told.events("visit.admitted")) == 1
    assert told.reasons() == []


@pytest.mark.parametrize("kind", ["stuck", "slow", "intermittent"])
def test_after_any_fault_of_the_reader_a_tap_works_again(story: Story, kind: str) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", kind).after(1).north.tap(WANG).after(10)
    story.north.mended("reader", kind).after(2).north.serves(LI)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [LI.card]
    assert set(told.reasons()) <= {"unknown_card"}


# --- several readers of one side: what one delivers says nothing of another that is gone ------------------


def test_a_card_does_not_end_the_alert_of_a_keypad_that_is_gone(story: Story) -> None:
    keyboard(story.booked(LI).at("09:10"), "code", absent=True).at("09:12").north.serves(LI)
    told = keyboard(story.at("09:20"), "code", absent=False).told()
    assert len(told.events("visit.admitted")) == 1
    assert fault(told) == (["raised", "cleared"], pytest.approx([told.when("09:10"), told.when("09:20")], abs=0.1))


def test_a_card_from_the_network_does_not_end_the_alert_of_a_reader_that_is_gone(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", "absent").at("09:12").north.face()
    story.after(1).sends("readers/north", {"uid": LI.uid}).at("09:20").north.mended("reader", "absent")
    told = story.told()
    assert told.event("visit.admitted").data["card"] == LI.card
    assert fault(told) == (["raised", "cleared"], pytest.approx([told.when("09:10"), told.when("09:20")], abs=0.1))


def test_the_alert_ends_when_the_last_of_two_is_back(story: Story) -> None:
    keyboard(story.at("09:10").north.breaks("reader", "absent").after(10), "code", absent=True)
    story.at("09:12").north.mended("reader", "absent")
    told = keyboard(story.at("09:20"), "code", absent=False).told()
    assert fault(told) == (["raised", "cleared"], pytest.approx([told.when("09:10"), told.when("09:20")], abs=0.1))


def test_a_reader_that_garbled_and_was_plugged_in_anew_is_believed_when_it_reads(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", "corrupt")
    for _ in range(3):
        story.after(3).north.tap(LI)
    story.north.mended("reader", "corrupt").at("09:12").north.breaks("reader", "absent")
    story.at("09:14").north.mended("reader", "absent").at("09:20").north.tap(LI)
    told = story.told()
    assert fault(told) == (["raised", "cleared"], pytest.approx([told.when("09:10:09"), told.when("09:20")], abs=0.1))


def test_a_card_at_the_way_out_says_nothing_of_the_way_in(story: Story) -> None:
    story.at("09:10").north.breaks("reader", "absent").after(60).north.exits(LI)
    assert fault(story.told())[0] == ["raised"]
