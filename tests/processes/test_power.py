"""The power fails: of a gate nothing is left but its files, as they lay on the disk at that moment.

The files are copied while the gate stands still in the midst of its work, and another gate starts from each
copy. What a medium keeps of files that were not flushed is another story: tests/runtime/test_journal_torn.py.
"""

from __future__ import annotations

import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.runtime.journal import read_journal
from edge.runtime.vocabulary import Event
from tests.processes.library import Gate, Library

CUTS = 8
READERS = 5
"""Of whom every second leaves again."""


@dataclass(frozen=True)
class Cut:
    """A copy of the files, and the number of the last event that anybody had heard of then."""

    directory: Path
    told_seq: int


class PowerCuts:
    """Copies the files of a gate at some of the moments at which it publishes."""

    def __init__(self, library: Library, gate: Gate, directory: Path) -> None:
        self.cuts: list[Cut] = []
        self._library = library
        self._gate = gate
        self._directory = directory
        self._chance = random.Random(8)
        self._wait = 0

    def strike(self) -> None:
        if self._wait:
            self._wait -= 1
            return
        self._wait = self._chance.randrange(2, 9)
        told = max((event["seq"] for event in self._library.on_topic("events/north")), default=0)
        copy = self._directory / str(len(self.cuts))
        copy.mkdir(parents=True)
        self._gate.process.send_signal(signal.SIGSTOP)
        for path in self._library.journals.glob("north.db*"):
            shutil.copy(path, copy)
        self._gate.process.send_signal(signal.SIGCONT)
        self.cuts.append(Cut(copy, told))


def counted(events: list[Event]) -> tuple[int, int]:
    """Entries and exits that these events tell."""

    def of(type_: str) -> int:
        return sum(event.data.get("people", 1) for event in events if event.type == type_)

    return of("visit.admitted") - of("visit.abandoned"), of("visit.exited")


def row_of(library: Library, since: int) -> dict[str, Any]:
    return library.hears("occupancy/north", since=since)["zones"]["stacks"]


@pytest.mark.parametrize("speed", [2.0])
def test_a_gate_starts_from_whatever_a_power_cut_left(library: Library, tmp_path: Path) -> None:
    gate = library.open()
    power = PowerCuts(library, gate, tmp_path / "cuts")
    library.on_message(power.strike)
    for reader in range(READERS):
        gate.walk_in(reader)
        if reader % 2:
            gate.walk_out(reader)
    library.on_message(lambda: None)
    assert gate.end() == 0
    assert len(power.cuts) >= CUTS
    for cut in power.cuts[:CUTS]:
        since = len(library.messages)
        library.journals = cut.directory
        again = library.gate().ready()
        started = again.tells("device.started")
        assert (started["data"]["reason"], started["seq"] > cut.told_seq) == ("crash", True)
        row = row_of(library, since)
        again.kill()
        again.ended()
        events = list(read_journal(cut.directory / "north.db"))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        before = [event for event in events if event.seq < started["seq"]]
        assert (row["entries"], row["exits"]) == counted(before)
