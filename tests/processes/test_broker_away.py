"""The broker is stopped and started in mid-traffic, and forgets everything: the library does not."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.processes.library import STRANGER, Library, card, granted


@pytest.mark.parametrize("speed", [4.0])
def test_nothing_is_lost_or_doubled_while_the_broker_comes_and_goes(library: Library) -> None:
    gate = library.open()
    library.command("close_zone", zone="attic", id="close")
    library.hears("zones/attic")
    gate.walk_in(1)

    # gone for a moment, between a tap and its answer
    gate.come(2)
    library.broker.stop(signal.SIGTERM)
    library.broker.start()
    gate.tells("visit.admitted", card=card(2))
    gate.walk_through(len(gate.lines) - 1)
    gate.do("leave")
    library.takes("visit.passed", visit=gate.told_last("visit.passed")["data"]["visit"])
    library.hears("occupancy/north", lambda row: granted(row, 100) and row["zones"]["stacks"]["entries"] == 2)

    # it takes events that the server never gets, and is gone for long; nobody waits for it
    library.server_goes()
    gate.walk_in(3)
    library.hears("events/north", lambda event: event["seq"] == gate.told_last("visit.passed")["seq"])
    library.broker.stop(signal.SIGKILL)
    gate.walk_in(4)
    gate.walk_out(1)
    gate.come(STRANGER)
    gate.tells("visit.denied", reason="unknown_card")
    gate.do("leave")
    gate.tells("alert.raised", kind="link_down")
    assert [line for line in gate.errors.all if "the broker is away" in line]

    # it comes back empty: all is told again
    since = len(library.messages)
    library.broker.start()
    library.server_comes()
    gate.tells("alert.cleared", kind="link_down")
    gate.walk_out(2)
    last = library.takes("visit.exited", card=card(2))
    library.hears("acks/north", lambda ack: ack["acked_seq"] >= last.seq, since)
    for topic in ("status/site", "status/north", "grants/north", "lanes/north", "zones/attic", "caps"):
        library.hears(topic, since=since)
    library.hears("inside/north", lambda inside: set(inside["cards"]) == {card(3), card(4)}, since)
    library.in_step()
    kept = library.retained()

    events = [(event.seq, event.type, event.data) for event in library.journal()]
    taken = [(event.seq, event.type, event.data) for device, event in library.received.all if device == "north"]
    assert taken == events[: len(taken)]
    assert Counter(type_ for _, type_, _ in taken if type_.startswith("visit.")) == {
        "visit.admitted": 4, "visit.passed": 4, "visit.exited": 2, "visit.denied": 1,
    }  # fmt: skip
    assert kept["status/north"]["state"] == "online"
    assert (kept["lanes/north"]["state"], kept["lanes/north"]["alerts"]) == ("idle", [])
    assert kept["caps"]["revision"] == 1
    row = kept["occupancy/north"]["zones"]["stacks"]
    assert (row["granted"], row["entries"], row["exits"]) == (100, 4, 2)
    assert not [topic for topic in kept if topic.startswith("alerts/")]
