"""One inbox, one heap of timers: who comes first, and what is dropped."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime import loop as module
from tests.loops import Bench, Fire, SmallFire, Tap, bench, message

__all__ = ["bench"]


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


def test_a_cancelled_timer_is_not_called_and_keeps_nobody_waiting(bench: Bench) -> None:
    bench.at(3.0, "late")
    for moment in (1.0, 2.0):
        bench.loop.timer(moment, lambda: bench.done.append("cancelled")).cancel()
    assert bench.loop.deadline() == 3.0
    bench.clock.advance_to(3.0)
    assert bench.turn_all() == ["late"]


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
