"""An NFC chip on the thermometer's bus lets people in, another one lets them out; their faults are a reader's."""

from __future__ import annotations

import pytest

from edge.assembly.simulation import SimulatedGate
from simulators.wires.pn532 import FakePn532
from tests.gate.stories.story import LI, WANG, Story, Told

READERS = 'devices.north.readers=[{kind="pn532"}, {kind="pn532", side="exit", bus=3}]'


@pytest.fixture
def morning() -> Story:
    return Story("09:08", READERS).caps().booked(LI, WANG).at("09:10")


def chip(story: Story, place: str, **is_: object) -> Story:
    """Something becomes of a chip."""

    def change(simulation: object) -> None:
        north = simulation.devices["north"]  # pyright: ignore[reportAttributeAccessIssue]
        assert isinstance(north, SimulatedGate)
        fake = north.world.readers[place]
        assert isinstance(fake, FakePn532)
        for name, value in is_.items():
            setattr(fake, name, value)

    return story.behind(change)


def admitted(told: Told) -> list[str]:
    return [line.data["card"] for line in told.events("visit.admitted")]


def test_people_come_in_and_go_out_and_the_thermometer_on_the_bus_is_read(morning: Story) -> None:
    told = morning.north.serves(LI).after(20).north.serves(WANG).after(60).north.exits(LI).after(5).told()
    assert admitted(told) == [LI.card, WANG.card]
    assert [line.data["card"] for line in told.events("visit.exited")] == [LI.card]
    assert told.alerts("thermometer_fault") == told.alerts("reader_fault") == []


def test_a_card_that_is_left_on_the_antenna_is_one_tap(morning: Story) -> None:
    chip(morning, "entry", cards=[bytes.fromhex(LI.uid)], flicker=3).north.face()
    told = morning.after(5).north.passes().after(60).told()
    assert admitted(told) == [LI.card]
    assert told.reasons() == []


@pytest.mark.parametrize("kind", ["absent", "corrupt", "stuck", "slow"])
def test_a_chip_that_fails_is_the_alert_of_any_reader_once(morning: Story, kind: str) -> None:
    morning.north.breaks("reader", kind).after(20).north.tap(WANG).after(5)
    told = morning.north.mended("reader", kind).after(5).north.serves(LI).after(5).told()
    assert told.alerts("reader_fault") == ["raised", "cleared"]
    assert admitted(told) == [LI.card]


def test_a_card_that_is_missed_is_held_again(morning: Story) -> None:
    told = morning.north.breaks("reader", "intermittent").north.tap(LI).after(2).north.serves(LI).after(5).told()
    assert admitted(told) == [LI.card]
    assert told.alerts("reader_fault") == []


def test_after_a_power_cut_it_reads_again(morning: Story) -> None:
    told = morning.north.power_cut(20).after(40).north.serves(LI).after(5).told()
    assert admitted(told) == [LI.card]
    assert told.alerts("reader_fault") == []
