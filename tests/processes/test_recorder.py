"""Who tells devices that their events are safe: the booking server, or where the site says so its recorder."""

from __future__ import annotations

import pytest

from tests.processes.library import Library


@pytest.mark.parametrize("speed", [20.0])
def test_the_recorder_acknowledges_only_where_the_site_says_so(library: Library) -> None:
    library.server_goes()
    site, gate = library.site(), library.gate()
    site.ready()
    gate.ready().walk_out()
    left = gate.told_last("visit.exited")
    library.hears("events/north", lambda event: event["seq"] == left["seq"])
    library.in_step("site")
    assert site.end() == 0
    assert left["seq"] in [event.data["seq"] for event in library.journal("history")]
    assert library.on_topic("acks/north") == []

    library.site("--set", "storage.acks=recorder").ready()
    library.hears("acks/north", lambda ack: ack["acked_seq"] >= left["seq"])  # what it has
    gate.walk_out()
    library.hears("acks/north", lambda ack: ack["acked_seq"] == gate.told_last("visit.exited")["seq"])  # and what comes
