"""One inbox, one heap of timers: who comes first, what is dropped, and how time passes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime import loop as module
from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Fact, MessageReceived

EIGHT = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Tap(Fact):
    number: int


@dataclass(frozen=True)
class Fire(Fact):
    number: int = 0


@dataclass(frozen=True)
class SmallFire(Fire):
    """A kind of fire."""


def message(payload: bytes = b"") -> MessageReceived:
    return MessageReceived("caps", payload, retained=False)


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock(EIGHT)
        self.done: list[object] = []
        self.loop = Loop(self.clock, self.done.append, urgent=(Fire,), background=(MessageReceived,))

    def at(self, moment: float, what: object) -> None:
        self.loop.call_at(moment, lambda: self.done.append(what))

    def fire(self) -> None:
        self.loop.post(Fire())

    def turn_all(self) -> list[object]:
        while self.loop.turn():
            pass
        return self.done


@pytest.fixture
def bench() -> Bench:
    return Bench()


def stop_when(done: Callable[[], bool]) -> Callable[[], bool]:
    """A loop that never ends is a failure, not a hanging test."""
    turns = count()

    def stop() -> bool:
        assert next(turns) < 10_000
        return done()

    return stop


# --- order ----------------------------------------------------------------------------------------------


def test_facts_are_handled_in_the_order_they_came(bench: Bench) -> None:
    for number in range(5):
        bench.loop.post(Tap(number))
    assert bench.turn_all() == [Tap(n) for n in range(5)]


def test_fire_overtakes_everything_that_waits(bench: Bench) -> None:
    bench.at(0.0, "timer")
    bench.loop.post(Tap(1))
    bench.loop.post(Tap(2))
    bench.loop.post(Fire(1))
    bench.loop.post(SmallFire(2))
    assert bench.turn_all() == [Fire(1), SmallFire(2), "timer", Tap(1), Tap(2)]


def test_fire_that_breaks_out_during_the_work_is_next(bench: Bench) -> None:
    bench.at(0.0, "first")
    bench.loop.call_at(0.0, bench.fire)
    bench.at(0.0, "last")
    assert bench.turn_all() == ["first", Fire(), "last"]


def test_a_due_timer_comes_before_the_inbox_however_full_that_is(bench: Bench) -> None:
    """A flood of input must not keep a lock open beyond its lease."""
    bench.at(1.0, "lease over")
    for number in range(3):
        bench.loop.post(Tap(number))
    bench.loop.turn()
    bench.clock.advance_to(1.0)
    assert bench.turn_all() == [Tap(0), "lease over", Tap(1), Tap(2)]


def test_a_timer_that_is_not_due_waits(bench: Bench) -> None:
    bench.at(1.0, "late")
    assert not bench.loop.turn()
    assert bench.loop.deadline() == 1.0
    bench.clock.advance_to(1.0)
    assert bench.turn_all() == ["late"]
    assert bench.loop.deadline() is None


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0])))
def test_timers_are_called_by_time_and_equal_ones_in_order_of_asking(moments: list[float]) -> None:
    bench = Bench()
    for number, moment in enumerate(moments):
        bench.at(moment, (moment, number))
    bench.clock.advance_to(9.0)
    assert bench.turn_all() == sorted((moment, number) for number, moment in enumerate(moments))


def test_the_background_waits_until_nothing_else_does_and_keeps_its_order(bench: Bench) -> None:
    first, second = message(b"1"), message(b"2")
    bench.loop.post(first)
    bench.loop.post(second)
    bench.loop.post(Tap(1))
    bench.at(0.0, "timer")
    bench.loop.post(Fire())
    bench.loop.post(Tap(2))
    assert bench.turn_all() == [Fire(), "timer", Tap(1), Tap(2), first, second]


def test_one_turn_is_one_piece_of_work(bench: Bench) -> None:
    bench.loop.post(Tap(1))
    bench.loop.post(Fire())
    bench.at(0.0, "timer")
    assert [bench.loop.turn() for _ in range(4)] == [True, True, True, False]
    assert len(bench.done) == 3


# --- limits ---------------------------------------------------------------------------------------------


def test_a_storm_of_input_is_dropped_above_the_limit_and_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOX_LIMIT", 3)
    assert [bench.loop.post(Tap(n)) for n in range(5)] == [True, True, True, False, False]
    assert bench.loop.dropped == 2
    assert bench.turn_all() == [Tap(0), Tap(1), Tap(2)]
    assert bench.loop.post(Tap(5)), "there is room again"


def test_the_log_says_once_that_the_inbox_is_full_and_again_when_it_was_empty(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "INBOX_LIMIT", 2)
    for number in range(9):
        bench.loop.post(Tap(number))
        if number == 5:
            bench.loop.turn()  # there is room for one, and then there is not: still the same storm
    assert caplog.messages == ["the inbox is full: Tap and more are dropped"]
    bench.turn_all()
    assert bench.loop.dropped == 0
    for number in range(9):
        bench.loop.post(Tap(number))
    assert len(caplog.messages) == 2


def test_fire_is_never_dropped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOX_LIMIT", 0)
    assert all(bench.loop.post(Fire(n)) for n in range(100))
    assert (len(bench.turn_all()), bench.loop.dropped) == (100, 0)


def test_a_flood_in_the_background_is_held_back_and_takes_no_room_of_a_tap(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INBOX_LIMIT", 1)
    monkeypatch.setattr(module, "BACKGROUND_LIMIT", 3)
    assert [bench.loop.post(message()) for _ in range(4)] == [True, True, True, False]
    assert bench.loop.post(Tap(1))
    assert bench.loop.dropped == 0, "who posted it has it still"
    assert bench.turn_all() == [Tap(1), *[message()] * 3]
    assert bench.loop.post(message()), "there is room again"


def test_the_background_is_bounded_by_its_bytes_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKGROUND_BYTES", 10)
    assert [bench.loop.post(message(b"x" * size)) for size in (4, 6, 1, 0)] == [True, True, False, True]
    bench.loop.turn()
    assert [bench.loop.post(message(b"x" * size)) for size in (5, 4)] == [False, True]
    bench.turn_all()
    assert bench.loop.post(message(b"x" * 11)), "a long one waits alone"
    assert not bench.loop.post(message(b"x"))
    bench.loop.clear()
    assert bench.loop.post(message(b"x" * 10))


def test_the_limit_is_one() -> None:
    assert 1_000 <= module.INBOX_LIMIT <= 100_000


def test_what_is_posted_from_another_thread_wakes_the_loop(bench: Bench) -> None:
    poster = threading.Thread(target=lambda: bench.loop.post(Tap(1)))
    poster.start()
    assert bench.loop.wake.wait(5.0)
    poster.join()
    assert bench.turn_all() == [Tap(1)]


def test_a_dropped_fact_does_not_wake_the_loop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOX_LIMIT", 0)
    bench.loop.post(Tap(1))
    assert not bench.loop.wake.is_set()


def test_without_power_everything_that_waited_is_gone(bench: Bench) -> None:
    bench.loop.post(Tap(1))
    bench.loop.post(Fire())
    bench.loop.post(message())
    bench.at(0.0, "timer")
    bench.loop.clear()
    assert bench.turn_all() == []
    assert bench.loop.deadline() is None


# --- run ------------------------------------------------------------------------------------------------


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


def test_run_stops_at_once_when_told_even_with_work_left(bench: Bench) -> None:
    for number in range(3):
        bench.loop.post(Tap(number))
    run(bench.clock, [bench.loop], stop_when(lambda: len(bench.done) == 2))
    assert bench.done == [Tap(0), Tap(1)]


def test_a_simulation_in_which_nothing_can_happen_any_more_is_an_error(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="stands still"):
        run(bench.clock, [bench.loop], lambda: False)
