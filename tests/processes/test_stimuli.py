"""Stimuli reach the whole of a gate in real time: also its cable and its disk, over a real broker."""

from __future__ import annotations

import json

import pytest

from tests.processes.library import Library, card


@pytest.mark.parametrize("speed", [4.0])
def test_a_gate_whose_cable_is_pulled_goes_on_and_tells_all_when_it_is_back(library: Library) -> None:
    gate = library.open()
    gate.walk_in(1)
    since = len(library.messages)
    gate.do("link", up=False)
    library.hears("status/north", lambda status: status["state"] == "offline", since)
    gone = len(library.messages)
    gate.walk_in(2)
    gate.tells("alert.raised", kind="link_down")
    assert library.on_topic("lanes/north", gone) == []
    assert library.on_topic("events/north", gone) == []

    gate.do("link", up=True)
    library.hears("status/north", lambda status: status["state"] == "online", gone)
    library.takes("alert.cleared", kind="link_down")
    taken = [event.seq for device, event in library.received.all if device == "north"]
    assert taken == [event.seq for event in library.journal()][: len(taken)]
    assert gate.errors.all == [
        "gatehouse: north: the broker is away: the network is unreachable",
        "gatehouse: north: the broker is back",
    ]


def test_a_gate_whose_disk_is_absent_opens_for_nobody_and_says_why(library: Library) -> None:
    gate = library.open()
    gate.do("fault", part="disk", kind="absent", on=True)
    since = len(library.messages)
    gate.come(1)
    library.hears("alerts/north/storage_fault", since=since)
    library.hears("lanes/north", lambda lane: lane["state"] == "idle" and "storage_fault" in lane["alerts"], since)
    gate.do("leave")
    assert [line for line in gate.told() if line.get("name") == "lock"] == []
    assert [event for event in library.journal() if event.type == "visit.admitted"] == []

    gate.do("fault", part="disk", kind="absent", on=False)
    gate.tells("alert.cleared", kind="storage_fault")
    gate.walk_in(2)
    visit = gate.told_last("visit.passed")["data"]["visit"]
    library.takes("visit.admitted", visit=visit, card=card(2))
    taken = [event.seq for device, event in library.received.all if device == "north"]
    assert taken == [event.seq for event in library.journal()][: len(taken)]


def test_what_a_process_cannot_do_to_itself_is_said_and_left_out(library: Library) -> None:
    gate = library.gate().ready()
    gate.do("power_cut", for_s=5)
    gate.do("fault", part="broker", kind="slow", on=True)
    gate.do("power_cut", for_s=5)
    gate.walk_out()
    assert gate.errors.all == [
        "gatehouse: north: line 1: power_cut: only a whole simulated site can do that",
        "gatehouse: north: line 2: broker slow: only a whole simulated site can do that",
        "gatehouse: north: line 3: power_cut: only a whole simulated site can do that",
    ]
    assert [event.type for event in library.journal() if event.type == "device.started"] == ["device.started"]


def test_the_scenario_of_a_whole_site_is_played_as_far_as_it_is_about_this_gate(library: Library) -> None:
    gate = library.gate().ready()
    gate.write(json.dumps({"device": "server", "do": "returns", "payload": {}}) + "\n")
    gate.write(json.dumps({"device": "site", "do": "power_cut", "for_s": 5}) + "\n")
    gate.write(json.dumps({"device": "server", "do": "passes", "payload": {}}) + "\n")
    gate.walk_out()
    assert gate.errors.all == ["gatehouse: north: line 1: server: only what happens at north happens here"]
