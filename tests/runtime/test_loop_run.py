"""Loops that share a thread: whose turn it is, and how time passes."""

from __future__ import annotations

import threading

import pytest

from edge.runtime import loop as module
from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Fact
from tests.loops import EIGHT, Bench, Tap, bench, stop_when

__all__ = ["bench"]


def test_in_virtual_time_a_day_takes_no_time(bench: Bench) -> None:
    """Whenever everybody is quiet the clock jumps to the next deadline."""
    hours: list[float] = []

    def tick() -> None:
        hours.append(bench.clock.monotonic() / 3600)
        bench.loop.call_at(bench.clock.monotonic() + 3600, tick)

    tick()
    run(bench.clock, [bench.loop], stop_when(lambda: len(hours) == 25))
    assert hours == [float(hour) for hour in range(25)]


def test_time_passes_only_when_every_loop_is_quiet() -> None:
    clock, wake = VirtualClock(EIGHT), threading.Event()
    seen: list[tuple[str, float]] = []
    one = Loop(clock, lambda _: seen.append(("one", clock.monotonic())), wake=wake)

    def pass_on(_: Fact) -> None:
        seen.append(("other", clock.monotonic()))
        one.post(Tap(9))

    other = Loop(clock, pass_on, wake=wake)
    one.call_at(5.0, lambda: seen.append(("timer", clock.monotonic())))
    one.post(Tap(1))
    other.post(Tap(2))
    run(clock, [one, other], stop_when(lambda: len(seen) == 4))
    assert seen == [("one", 0.0), ("other", 0.0), ("one", 0.0), ("timer", 5.0)]


def test_the_nearest_deadline_of_all_loops_is_next() -> None:
    clock, wake = VirtualClock(EIGHT), threading.Event()
    seen: list[float] = []
    loops = [Loop(clock, lambda _: None, wake=wake) for _ in range(3)]
    for loop, moment in zip(loops, (3.0, 1.0, 2.0), strict=True):
        loop.call_at(moment, lambda: seen.append(clock.monotonic()))
    run(clock, loops, stop_when(lambda: len(seen) == 3))
    assert seen == [1.0, 2.0, 3.0]


def test_a_loop_that_is_never_quiet_starves_no_other() -> None:
    clock, wake = VirtualClock(EIGHT), threading.Event()

    def again(fact: Fact) -> None:
        busy.post(fact)

    busy = Loop(clock, again, wake=wake)
    done: list[Fact] = []
    other = Loop(clock, done.append, wake=wake)
    busy.post(Tap(0))
    other.post(Tap(1))
    run(clock, [busy, other], stop_when(lambda: bool(done)))
    assert done == [Tap(1)]


def test_no_time_passes_while_a_loop_has_more_to_do_than_its_share(bench: Bench) -> None:
    bench.at(1.0, "later")
    taps = [Tap(number) for number in range(2 * module.TURNS_LIMIT)]
    for tap in taps:
        bench.loop.post(tap)
    run(bench.clock, [bench.loop], stop_when(lambda: "later" in bench.done))
    assert bench.done == [*taps, "later"]


def test_a_timer_that_one_loop_sets_for_another_is_kept(bench: Bench) -> None:
    """The other is quiet already, and waits for something later."""
    called: list[float] = []
    other = Loop(bench.clock, lambda _: None, wake=bench.loop.wake)

    def at(moment: float) -> None:
        bench.loop.call_at(moment, lambda: called.append(bench.clock.monotonic()))

    at(9.0)
    other.call_at(1.0, lambda: at(2.0))
    run(bench.clock, [bench.loop, other], stop_when(lambda: len(called) == 2))
    assert called == [2.0, 9.0]


def test_what_comes_while_a_loop_finds_nothing_to_do_is_done(bench: Bench) -> None:
    """From another thread, between the look and the rest."""

    class Interrupted(Loop):
        def turn(self) -> bool:
            worked = super().turn()
            if not worked and not bench.done:
                bench.done.append("looked")
                self.post(Tap(1))
            return worked

    run(bench.clock, [Interrupted(bench.clock, bench.done.append)], stop_when(lambda: Tap(1) in bench.done))
    assert bench.done == ["looked", Tap(1)]


def test_run_stops_at_once_when_told_even_with_work_left(bench: Bench) -> None:
    other = Loop(bench.clock, bench.done.append, wake=bench.loop.wake)
    for number in range(3):
        bench.loop.post(Tap(number))
        other.post(Tap(10 + number))
    run(bench.clock, [bench.loop, other], stop_when(lambda: len(bench.done) == 2))
    assert bench.done == [Tap(0), Tap(1)]
    run(bench.clock, [bench.loop, other], stop_when(lambda: len(bench.done) == 6))
    assert bench.done == [Tap(0), Tap(1), Tap(2), Tap(10), Tap(11), Tap(12)], "and what was left is done later"


def test_a_simulation_in_which_nothing_can_happen_any_more_is_an_error(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="stands still"):
        run(bench.clock, [bench.loop], lambda: False)
