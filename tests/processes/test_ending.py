"""A gate that is told to end leaves everything in order; one without a broker goes on."""

from __future__ import annotations

import json
import signal

from tests.processes.library import STRANGER, TODAY, Library, card
from tests.processes.told_goodbye import GOODBYE


def test_told_to_end_while_somebody_walks_in(library: Library) -> None:
    gate = library.open(module="tests.processes.told_goodbye")
    gate.come(1)
    gate.tells("output", name="lock", on=True)
    assert gate.end(signal.SIGTERM) == 0
    assert gate.errors.all == []
    lock = [line["on"] for line in gate.told() if line["type"] == "output" and line["name"] == "lock"]
    assert lock == [True, False]
    # a broker that does not answer takes seconds of the link's end: the lock is shut before
    shut = gate.lines.all.index(json.dumps(gate.told_last("output"), ensure_ascii=False))
    assert shut < gate.lines.all.index(GOODBYE)
    status = library.retained()["status/north"]
    assert (status["state"], status["clock"], status["since"][:10]) == ("offline", "set", TODAY)

    # the reader stands where they stood, and taps again: the same visit
    gate = library.gate().ready()
    assert gate.tells("device.started")["data"]["reason"] == "boot"
    gate.walk_in(1)
    reopened = gate.told_last("visit.reopened")["data"]
    (admitted,) = [event.data for event in library.journal() if event.type == "visit.admitted"]
    assert reopened["visit"] == admitted["visit"]
    assert gate.end(signal.SIGINT) == 130
    assert gate.errors.all == []
    assert library.gate().ready().tells("device.started")["data"]["reason"] == "boot"


def test_no_broker_at_all(library: Library) -> None:
    gate = library.open()
    assert gate.end() == 0
    library.broker.stop()

    gate = library.gate().ready()
    gate.errors.wait(lambda _: True, "a line about the broker")
    gate.walk_in(1)
    gate.come(STRANGER)
    gate.tells("visit.denied", reason="unknown_card")
    gate.do("leave")
    gate.walk_out(1)
    address = f"127.0.0.1:{library.broker.port}"
    assert gate.errors.all == [f"gatehouse: north: the broker is away: {address}: connection refused"]
    assert gate.end() == 0

    library.broker.start()
    library.gate().ready()
    library.takes("visit.exited", card=card(1))
    seqs = [event.seq for device, event in library.received.all if device == "north"]
    assert seqs == list(range(1, len(seqs) + 1))


def test_the_sites_own_process_is_interrupted(library: Library) -> None:
    site = library.site().ready()
    library.hears("status/site")
    assert site.end(signal.SIGINT) == 130
    assert site.errors.all == []
    assert library.retained()["status/site"]["state"] == "offline"
