"""The network is away, comes and goes, or forgets: the lane goes on, and in the end the server has everything, once."""

from __future__ import annotations

import pytest

from edge.assembly.simulate import Simulation
from tests.gate.stories.story import CHEN, DAY, LI, SUN, WANG, ZHAO, Story, Told

ALL_DAY = [{"id": "day", "opens": "00:00", "closes": "24:00"}]
PEOPLE = (LI, WANG, CHEN, ZHAO)
APART_S = 8.64
"""Ten thousand visits in a day."""
VISIT_BYTES = 1_000
"""What a visit fills, at most, with its exit."""
SMALL_BYTES = 160_000
"""A journal that is full after some hundred visits."""


def day(*overrides: str) -> Story:
    """Four people with passes, who come in and leave again all day through one lane."""
    return Story("06:00", *overrides).caps(sessions=ALL_DAY).staff(*PEOPLE, until="23:59", day="2026-03-10").after(3600)


def visits(story: Story, count: int) -> Story:
    for number in range(count):
        person = PEOPLE[number % len(PEOPLE)]
        story.north.serves(person).north.exits(person).after(APART_S - 4)
    return story


def everything_once(told: Told) -> bool:
    """The server has all that stands in the transcript, in order, each event once."""
    events = [(line.device, line.seq, line.type) for line in told.lines if line.seq is not None]
    taken = [(row["device"], row["seq"], row["type"]) for row in told.server_log]
    return sorted(taken) == sorted(set(taken)) == sorted(events)


def small_journal(simulation: Simulation) -> None:
    simulation.devices["north"].store.limit(SMALL_BYTES)


def used(simulation: Simulation) -> int:
    """Bytes that the events fill."""
    return simulation.bench.building.storage.journal_bytes() - simulation.devices["north"].store.room()


def mute(simulation: Simulation, on: bool = True) -> None:
    simulation.server.server.mute = on


def test_a_broker_that_is_away_for_a_day_of_ten_thousand_visits() -> None:
    story = day().north.link(False).after(1)
    filled: list[int] = []
    visits(story, 10_000).after(60).behind(lambda simulation: filled.append(used(simulation)))
    story.north.link(True)
    told = story.told()
    assert len(told.events("visit.passed")) == len(told.events("visit.exited")) == 10_000
    assert sorted(told.kinds()) == ["device_offline", "link_down"]
    assert everything_once(told)
    assert 0 < filled[0] < 10_000 * VISIT_BYTES


@pytest.mark.parametrize("away", ["link", "server"])
def test_a_journal_that_reaches_its_limit_warns_then_lets_nobody_in_and_drops_nothing(away: str) -> None:
    story = day("storage.low_mb=1").behind(small_journal)
    if away == "link":
        story.north.link(False)
    else:
        story.behind(mute)
    visits(story.after(1), 500).at("08:30")
    if away == "link":
        story.north.link(True)
    else:
        story.behind(lambda simulation: mute(simulation, False))
    told = visits(story.after(1200), 20).told()
    warned = told.event("alert.raised", "north", kind="disk_low").at
    served = [opened for opened, _ in told.openings("north") if opened < told.when("08:30")]
    assert 0 < len(served) < 500
    assert warned < served[-1]
    assert told.alerts("storage_fault") == ["raised", "cleared"]
    assert len([opened for opened, _ in told.openings("north") if opened > told.when("08:30")]) == 20
    assert everything_once(told)


def test_what_the_server_has_is_deleted_before_its_time_when_room_is_short() -> None:
    story = day("storage.low_mb=1").behind(small_journal)
    told = visits(story.after(1), 500).after(60).told()
    assert len(told.events("visit.passed")) == 500
    assert told.kinds() == ["disk_low"]
    assert everything_once(told)


def test_a_broker_that_forgot_everything_is_told_again() -> None:
    story = day().booked(SUN, session="day")
    visits(story, 5).north.serves(SUN).after(10).south.breaks("reader", "absent").after(10)
    story.behind(lambda simulation: simulation.bench.broker.start(wiped=True)).after(60)
    told = visits(story, 5).after(60).told()
    assert told.retained("occupancy/north")["zones"]["*"]["entries"] == 1
    assert told.retained("status/north")["state"] == "online"
    assert told.retained("lanes/north")["mode"] == "normal"
    assert told.retained("alerts/south/reader_fault-entry")["kind"] == "reader_fault"
    assert told.retained("caps") is not None
    assert told.retained(f"bookings/{DAY}/day") is not None
    assert told.inside() == told.world_inside() == 1
    assert everything_once(told)


def test_a_broker_that_comes_and_goes_each_second_loses_and_doubles_nothing() -> None:
    story = day().north.breaks("broker", "intermittent")
    told = visits(story.after(1), 20).north.mended("broker", "intermittent").told()
    assert [status["state"] for status in told.messages("status/north")].count("offline") > 20
    assert len(told.events("visit.passed")) == 20
    assert everything_once(told)


def test_over_a_slow_network_a_command_comes_late_and_a_reader_waits_no_longer(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("broker", "slow").north.serves(LI)
    story.at("09:11").guard("north", "lockdown").guard("south", "lockdown")
    story.at("09:12").guard("north", "normal").at("09:13").north.mended("broker", "slow").after(10)
    told = story.guard("north", "lockdown").told()
    modes = told.events("lane.mode", "north")
    sent = [told.when(f"09:{when}") for when in ("11", "12", "13:10")]
    assert [line.at - at for line, at in zip(modes, sent, strict=True)] == pytest.approx([2.0, 2.0, 0.0], abs=0.1)
    assert told.event("lane.mode", "south").at == pytest.approx(sent[0], abs=0.1)
    assert told.openings("north")[0][0] - told.when("09:10:00.8") < 1.0
    assert everything_once(told)


def test_a_server_that_acknowledges_nothing_has_everything_and_is_asked_ever_less_often() -> None:
    told = visits(day().behind(mute).after(1), 20).told(until="12:00")
    assert everything_once(told)
    sent = len(told.messages("events/north"))
    assert 5 * len(told.server_log) < sent < 15 * len(told.server_log)


def test_a_server_that_acknowledges_what_was_never_sent_is_not_believed() -> None:
    story = day()
    journal = {"journal": "not ours", "acked_seq": 3}
    visits(story, 2).sends("acks/north", journal, retain=True).after(1)
    story.behind(
        lambda simulation: simulation.server.server._publish(
            "gatehouse/demo/acks/north",
            b'{"journal": "%s", "acked_seq": 1000000}' % simulation.devices["north"].store.id.encode(),
            retain=True,
        )
    )
    told = visits(story.after(1), 5).north.power_cut(5).after(60)
    told = visits(story, 5).after(60).told()
    assert len(told.events("visit.passed")) == 12
    assert everything_once(told)
