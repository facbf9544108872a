"""A worker runs the jobs of one bus, in order, and a stuck bus is seen."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from edge.runtime.clock import VirtualClock, WallClock
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Fact, TimerFired
from edge.runtime.worker import InlineWorker, Worker

PATIENCE_S = 20.0


def fact(number: int) -> TimerFired:
    return TimerFired(str(number))


class Bus:
    """A worker, what it posted and what its jobs raised."""

    def __init__(self) -> None:
        self.facts: queue.Queue[Fact] = queue.Queue()
        self.errors: queue.Queue[Exception] = queue.Queue()
        self.refused = threading.Semaphore(0)
        self.room = threading.Event()
        self.room.set()
        self.worker = Worker("i2c-1", self.post, clock=WallClock(UTC), failed=self.errors.put, limit=3)

    def post(self, fact: Fact) -> bool:
        if not self.room.is_set():
            self.refused.release()
            return False
        self.facts.put(fact)
        return True

    def next(self) -> Fact:
        return self.facts.get(timeout=PATIENCE_S)


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.worker.close()


def raising(error: Exception) -> Callable[[], Fact]:
    def job() -> Fact:
        raise error

    return job


def test_jobs_run_in_order_on_another_thread(bus: Bus) -> None:
    threads: list[str] = []

    def job(number: int) -> Callable[[], Fact]:
        return lambda: (threads.append(threading.current_thread().name), fact(number))[1]

    for number in range(3):
        while not bus.worker.submit(job(number)):
            pass
    assert [bus.next() for _ in range(3)] == [fact(0), fact(1), fact(2)]
    assert threads == ["bus i2c-1"] * 3


def test_a_job_that_raises_posts_nothing_and_the_next_one_runs(bus: Bus) -> None:
    error = ValueError("a defect")
    bus.worker.submit(raising(error))
    bus.worker.submit(lambda: None)  # a job may have nothing to say
    bus.worker.submit(lambda: fact(1))
    assert bus.next() == fact(1)
    assert bus.errors.get_nowait() is error
    assert bus.facts.empty()


def test_an_answer_waits_for_room_in_the_inbox(bus: Bus) -> None:
    bus.room.clear()
    bus.worker.submit(lambda: fact(1))
    bus.worker.submit(lambda: fact(2))
    assert bus.refused.acquire(timeout=PATIENCE_S)
    assert bus.refused.acquire(timeout=PATIENCE_S)
    bus.room.set()
    assert [bus.next(), bus.next()] == [fact(1), fact(2)]


def test_closing_does_not_wait_for_room_in_the_inbox(bus: Bus) -> None:
    bus.room.clear()
    bus.worker.submit(lambda: fact(1))
    assert bus.refused.acquire(timeout=PATIENCE_S)
    assert bus.worker.close()
    assert bus.facts.empty()


def test_a_stuck_bus_is_seen_and_its_queue_is_bounded(bus: Bus) -> None:
    began, end = threading.Event(), threading.Event()

    def stuck() -> Fact:
        began.set()
        assert end.wait(PATIENCE_S)
        return fact(0)

    assert bus.worker.busy_since is None
    before = WallClock(UTC).monotonic()
    bus.worker.submit(stuck)
    assert began.wait(PATIENCE_S)
    assert bus.worker.busy_since is not None
    assert before <= bus.worker.busy_since <= WallClock(UTC).monotonic()
    assert [bus.worker.submit(lambda n=n: fact(n)) for n in range(1, 6)] == [True, True, True, False, False]
    assert bus.worker.refused == 2
    end.set()
    assert [bus.next() for _ in range(4)] == [fact(0), fact(1), fact(2), fact(3)]
    assert bus.worker.close()
    assert bus.worker.busy_since is None


def test_closing_forgets_what_waits_and_tells_of_a_job_that_hangs(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.worker.CLOSE_S", 0.01)
    began, end = threading.Event(), threading.Event()

    def stuck() -> Fact:
        began.set()
        assert end.wait(PATIENCE_S)
        return fact(0)

    bus.worker.submit(stuck)
    assert began.wait(PATIENCE_S)
    bus.worker.submit(lambda: fact(1))
    assert not bus.worker.close()
    assert not bus.worker.submit(lambda: fact(2))
    end.set()
    monkeypatch.setattr("edge.runtime.worker.CLOSE_S", PATIENCE_S)
    assert bus.worker.close()
    assert bus.next() == fact(0)
    assert bus.facts.empty()


# --- in virtual time ------------------------------------------------------------------------------


class Inline:
    """An inline worker on a loop in virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))
        self.told: list[tuple[float, Fact]] = []
        self.errors: list[Exception] = []
        self.loop = Loop(self.clock, lambda fact: self.told.append((self.clock.monotonic(), fact)))
        self.worker = InlineWorker(
            self.loop.post,
            clock=self.clock,
            call_at=self.loop.call_at,
            elapsed_s=lambda: 0.25,
            failed=self.errors.append,
            limit=3,
        )

    def run_until(self, moment: float) -> None:
        while True:
            while self.loop.turn():
                pass
            deadline = self.loop.deadline()
            if deadline is None or deadline > moment:
                break
            self.clock.advance_to(deadline)
        self.clock.advance_to(moment)


@pytest.fixture
def inline() -> Inline:
    return Inline()


def test_a_fact_comes_when_its_job_has_taken_its_time(inline: Inline) -> None:
    inline.worker.submit(lambda: fact(1))
    assert inline.worker.busy_since == 0.0
    inline.run_until(1.0)
    assert inline.told == [(0.25, fact(1))]
    assert inline.worker.busy_since is None


def test_a_job_runs_when_the_bus_is_free(inline: Inline) -> None:
    ran: list[float] = []
    for number in range(3):
        inline.worker.submit(lambda number=number: (ran.append(inline.clock.monotonic()), fact(number))[1])
    inline.run_until(2.0)
    assert ran == [0.0, 0.25, 0.5]
    assert inline.told == [(0.25, fact(0)), (0.5, fact(1)), (0.75, fact(2))]


def test_a_fact_waits_for_room_in_the_inbox_and_the_next_job_for_it(
    inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.loop.INBOX_LIMIT", 0)
    inline.worker.submit(lambda: fact(1))
    inline.worker.submit(lambda: fact(2))
    inline.run_until(0.32)
    assert inline.told == []
    monkeypatch.setattr("edge.runtime.loop.INBOX_LIMIT", 10)
    inline.run_until(2.0)
    assert inline.told == [(pytest.approx(0.35), fact(1)), (pytest.approx(0.60), fact(2))]


def test_a_raising_job_goes_to_the_hook_and_takes_its_time(inline: Inline) -> None:
    error = ValueError("a defect")
    inline.worker.submit(raising(error))
    inline.worker.submit(lambda: fact(1))
    inline.run_until(2.0)
    assert inline.errors == [error]
    assert inline.told == [(0.5, fact(1))]


def test_a_bus_that_hangs_is_seen(inline: Inline) -> None:
    inline.run_until(3.0)
    inline.worker.elapsed_s = lambda: math.inf
    assert [inline.worker.submit(lambda: fact(1)) for _ in range(6)] == [True] * 4 + [False] * 2
    inline.run_until(9.0)
    assert inline.told == []
    assert inline.worker.busy_since == 3.0
    assert inline.worker.refused == 2
    assert not inline.worker.close()


def test_after_closing_no_fact_comes(inline: Inline) -> None:
    inline.worker.submit(lambda: fact(1))
    inline.worker.submit(lambda: fact(2))
    assert inline.worker.close()
    inline.run_until(2.0)
    assert inline.told == []
    assert not inline.worker.submit(lambda: fact(3))
