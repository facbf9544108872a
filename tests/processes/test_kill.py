"""A gate that is killed at any moment: what was ever announced is on disk, once, and the count is right.

Readers are patient people: whoever is not through when the gate dies taps again at its next start,
until the journal knows that they passed. So each of them comes in, and goes out, exactly once.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.runtime.vocabulary import Event
from tests.processes.library import Ended, Gate, Library, card

KILLS = 26
LOOK_S = 0.0005
"""How often the log is looked at: it is written several times a visit, each time in a millisecond or so."""
TRIES = 12
"""A reader who is not through after so many runs of the gate never will be."""

Moment = Literal["stimulus", "line", "message", "write"]
LATEST: dict[Moment, int] = {"stimulus": 3, "line": 8, "message": 12, "write": 6}
"""Which of them is the last that a run sees: stimuli given, lines printed, messages published, writes to the log."""


class Doom:
    """Kills one run of the gate at a moment drawn beforehand: at the n-th of something that happens."""

    def __init__(self, moment: Moment, place: int, log: Path) -> None:
        self.moment = moment
        self.place = place
        self._seen = 0
        self._log = log
        self._gate: Gate | None = None

    def __str__(self) -> str:
        return f"killed at {self.moment} {self.place}"

    def strike(self, gate: Gate) -> None:
        """From now on it may happen, also while the gate starts."""
        self._gate = gate
        if self._seen >= self.place:
            gate.kill()
        elif self.moment == "write":
            threading.Thread(target=self._watch, args=(gate,), daemon=True).start()

    def happened(self, moment: Moment) -> None:
        if moment == self.moment:
            self._seen += 1
            if self._seen == self.place and self._gate is not None:
                self._gate.kill()

    def _watch(self, gate: Gate) -> None:
        before = self._stamp()
        while self._seen < self.place and not gate.over.wait(LOOK_S):
            now = self._stamp()
            if now != before:
                before = now
                self.happened("write")

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = self._log.stat()
        except FileNotFoundError:
            return 0, 0
        return stat.st_size, stat.st_mtime_ns


class Reader:
    """Somebody who wants in or out, until the journal says that it was done."""

    def __init__(self, number: int, *, out: bool = False) -> None:
        self.number = number
        self.out = out

    def act(self, gate: Gate) -> None:
        if self.out:
            gate.walk_out(self.number)
        else:
            gate.walk_in(self.number)

    def through(self, events: list[Event]) -> bool:
        if self.out:
            return any(event.type == "visit.exited" and event.data["card"] == card(self.number) for event in events)
        mine = [e.data["visit"] for e in events if e.type == "visit.admitted" and e.data["card"] == card(self.number)]
        return any(event.type == "visit.passed" and event.data["visit"] in mine for event in events)


def told(event: Event) -> tuple[int, str, Any]:
    return event.seq, event.type, event.data


def check_disk(library: Library, gate: Gate, reader: Reader) -> list[Event]:
    """Everything that anybody was told stands in the journal as it was told; the journal, to read on."""
    events = library.journal()
    on_disk = {event.seq: told(event) for event in events}
    assert list(on_disk) == list(range(1, len(on_disk) + 1))
    for device, event in library.received.all:
        if device == "north":
            assert on_disk[event.seq] == (event.seq, event.type, event.data)
    written: list[Any] = []
    for line in gate.told():
        if line["type"] != "output":
            assert on_disk[line["seq"]] == (line["seq"], line["type"], line["data"])
            written.append(line["data"].get("card"))
        elif (line["name"], line["on"]) == ("lock", True):
            assert card(reader.number) in written, "the lock opened before the admission was on disk"
    return events


def run(library: Library, reader: Reader, doom: Doom) -> list[Event]:
    """One run of the gate, from its start to its death."""
    print(f"reader {reader.number} {'out' if reader.out else 'in'}, {doom}")
    library.on_message(lambda: doom.happened("message"))
    gate = library.gate(on_line=lambda: doom.happened("line"), on_stimulus=lambda: doom.happened("stimulus"))
    doom.strike(gate)
    try:
        gate.ready()
        reader.act(gate)
    except Ended:
        pass
    gate.kill()
    gate.ended()
    return check_disk(library, gate, reader)


@pytest.mark.parametrize("speed", [2.0])
def test_killed_at_any_moment(library: Library, record_property: Callable[[str, object], None]) -> None:
    chance = random.Random(20260309)
    first = library.open()
    first.walk_in(0)
    first.kill()
    first.ended()
    inside, kills = {0}, 1
    number = 0
    moments: list[Moment] = []
    while kills < KILLS:
        leaves = len(inside) > 3
        if not leaves:
            number += 1
        reader = Reader(min(inside), out=True) if leaves else Reader(number)
        for _ in range(TRIES):
            if not moments:
                moments = chance.sample(list(LATEST), len(LATEST))
            moment = moments.pop()
            doom = Doom(moment, chance.randint(1, LATEST[moment]), library.journals / "north.db-wal")
            kills += 1
            if reader.through(run(library, reader, doom)):
                break
        else:
            raise AssertionError(f"reader {reader.number} never came through")
        inside ^= {reader.number}
    record_property("kills", kills)

    last = library.gate().ready()
    started = last.tells("device.started")
    library.received.wait(lambda item: item[1].seq == started["seq"] and item[0] == "north", "all events to be taken")
    library.hears("inside/north", lambda row: set(row["cards"]) == {card(reader) for reader in inside})
    retained = library.retained()
    assert last.end() == 0

    # nothing lost, nothing doubled, on disk as at the server; and every crash was called one
    events = library.journal()
    taken = [event for device, event in library.received.all if device == "north"]
    assert [(event.seq, event.type, event.data) for event in taken] == [told(event) for event in events]
    assert len({event.journal for event in taken}) == 1
    starts = [event.data["reason"] for event in events if event.type == "device.started"]
    assert starts == ["boot", *["crash"] * (len(starts) - 1)]
    assert len(starts) > kills / 2
    # a number never means two things, however often it was sent
    sent = [message.payload for message in library.messages.all if message.topic == "gatehouse/demo/events/north"]
    assert len(set(sent)) == len(taken) <= len(sent)

    # everybody came in once and some went out once
    visits = {event.data["visit"]: event.data["card"] for event in events if event.type == "visit.admitted"}
    everybody = {card(reader) for reader in range(number + 1)}
    assert Counter(visits.values()) == Counter(everybody)
    assert Counter(e.data["visit"] for e in events if e.type == "visit.passed") == Counter(visits.keys())
    left = Counter(event.data["card"] for event in events if event.type == "visit.exited")
    assert left == Counter(everybody - {card(reader) for reader in inside})
    for zone in ("stacks", "*"):
        row = retained["occupancy/north"]["zones"][zone]
        assert (row["entries"], row["exits"]) == (number + 1, number + 1 - len(inside))
    assert not [topic for topic in retained if topic.startswith("alerts/site/cap_exceeded")]
