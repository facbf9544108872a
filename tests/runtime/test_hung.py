"""A thread that hangs is noticed; one that is only busy is left alone."""

from __future__ import annotations

from dataclasses import dataclass

from edge.runtime.hung import HUNG_S, LOOK_S, HangWatch
from tests.loops import Bench, bench

__all__ = ["bench"]


@dataclass
class Thread:
    name: str
    busy_since: float | None = None


def turn_until(bench: Bench, end_s: float) -> None:
    while bench.clock.monotonic() < end_s:
        bench.clock.advance_to(bench.clock.monotonic() + 0.5)
        bench.turn_all()


def test_a_thread_that_does_not_come_back_is_told_by_its_name_within_a_look(bench: Bench) -> None:
    bus, readers = Thread("north thermometer"), Thread("readers")
    told: list[Exception] = []
    HangWatch([bus, readers], bench.clock, bench.loop.call_at, told.append)
    turn_until(bench, 100)
    bus.busy_since = 100.0
    turn_until(bench, 100 + HUNG_S)
    assert told == []
    turn_until(bench, 100 + HUNG_S + LOOK_S)
    (error,) = told
    assert str(error).startswith("north thermometer has not answered for 1")


def test_a_thread_that_is_always_busy_with_something_new_does_not_hang(bench: Bench) -> None:
    bus = Thread("bus")
    told: list[Exception] = []
    HangWatch([bus], bench.clock, bench.loop.call_at, told.append)
    for second in range(0, 100, 5):
        bus.busy_since = float(second)
        turn_until(bench, second + 5.0)
    assert told == []
