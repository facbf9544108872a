"""What stimuli do to the computer of a gate that runs in real time: its cable, its disk, its clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.assembly.computer import Computer, Disk
from edge.runtime.clock import VirtualClock
from edge.runtime.journal import SqliteJournal, read_journal
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import CommitFailed, Committed
from tests.journals import NINE, Facts, facts, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


class Bench:
    """A computer in virtual time; what happens to its cable is written down."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NINE)
        self.loop = Loop(self.clock, lambda _: None)
        self.disk = Disk(self.clock)
        self.cable: list[tuple[float, bool]] = []
        self.computer = Computer(self.clock, self.disk, self._later)
        self.computer.plug = lambda up: self.cable.append((self.clock.monotonic(), up))

    def fault(self, part: str, kind: str, on: bool) -> bool:
        return self.computer.act("fault", {"part": part, "kind": kind, "on": on})

    def wait(self, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        while (due := self.loop.deadline()) is not None and due <= until:
            self.clock.advance_to(due)
            self.loop.turn()
        self.clock.advance_to(until)

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        self.loop.call_at(self.clock.monotonic() + after_s, callback)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- the cable ------------------------------------------------------------------------------------------


def test_a_link_that_is_down_or_a_broker_that_is_absent_is_a_pulled_cable(bench: Bench) -> None:
    assert bench.computer.act("link", {"up": False})
    assert bench.computer.act("link", {"up": True})
    assert bench.fault("broker", "absent", True)
    assert bench.fault("broker", "absent", False)
    assert [up for _, up in bench.cable] == [False, True, False, True]


def test_an_intermittent_broker_is_there_for_five_seconds_and_gone_for_two(bench: Bench) -> None:
    assert bench.fault("broker", "intermittent", True)
    bench.wait(13)
    assert bench.cable == [(5, False), (7, True), (12, False)]
    assert bench.fault("broker", "intermittent", False)
    assert bench.cable[-1] == (13, True)
    bench.wait(60)
    assert len(bench.cable) == 4


# --- the disk -------------------------------------------------------------------------------------------


def test_an_absent_disk_refuses_until_it_is_there_and_then_takes_all_in_order(
    bench: Bench, open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal(open_store=bench.disk.open)
    journal.commit(visit(1))
    assert facts.next() == Committed(1)
    assert bench.fault("disk", "absent", True)
    journal.commit(visit(2))
    journal.commit(visit(3))
    failed = facts.next()
    assert isinstance(failed, CommitFailed)
    assert failed.number == 2
    assert [event.seq for event in read_journal(path)] == [1]
    assert bench.fault("disk", "absent", False)
    facts.until(3)
    journal.close()
    assert [event.seq for event in read_journal(path)] == [1, 2, 3]
    assert open_journal(open_store=bench.disk.open).clean


def test_a_disk_that_stays_absent_makes_an_unclean_end(
    bench: Bench, open_journal: Callable[..., SqliteJournal], facts: Facts
) -> None:
    journal = open_journal(open_store=bench.disk.open)
    bench.fault("disk", "absent", True)
    journal.commit(visit(1))
    facts.of(CommitFailed)
    with pytest.raises(OSError, match=r"^1 transactions could not be written: "):
        journal.close()
    assert not open_journal().clean


def test_each_write_of_a_slow_disk_takes_a_second(
    bench: Bench, open_journal: Callable[..., SqliteJournal], facts: Facts
) -> None:
    journal = open_journal(open_store=bench.disk.open)
    moments: list[float] = []
    for number, slow in enumerate([False, True, True, False], start=1):
        assert bench.fault("disk", "slow", slow)
        journal.commit(visit(number))
        facts.until(number)
        moments.append(bench.clock.monotonic())
    assert moments == [0, 1, 2, 2]


# --- the rest -------------------------------------------------------------------------------------------


def test_its_clock_steps_and_is_unset(bench: Bench) -> None:
    assert bench.computer.act("clock", {"step_s": 3600.0, "set": None})
    wall = bench.clock.wall()
    assert wall is not None
    assert wall.hour == 10
    assert bench.computer.act("clock", {"step_s": None, "set": False})
    assert bench.clock.wall() is None


@pytest.mark.parametrize(
    ("do", "keys"),
    [
        ("power_cut", {"for_s": 5.0}),
        ("fault", {"part": "broker", "kind": "slow", "on": True}),
        ("fault", {"part": "lock", "kind": "stuck", "on": True}),
    ],
)
def test_what_it_cannot_do_it_says_and_does_nothing(bench: Bench, do: str, keys: dict[str, Any]) -> None:
    assert not bench.computer.act(do, keys)
    bench.wait(60)
    assert bench.cable == []
