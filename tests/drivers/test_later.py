"""One thread calls back in order of time, and ends when told to."""

from __future__ import annotations

import queue
import threading
from datetime import UTC

import pytest

from drivers.later import Later
from edge.runtime.clock import WallClock


@pytest.fixture
def later():
    later = Later(WallClock(UTC))
    yield later
    later.close()


def test_callbacks_come_in_order_of_time_on_the_one_thread(later):
    heard = queue.Queue()
    for after_s in (0.03, 0.01, 0.02):
        later.call(after_s, lambda after_s=after_s: heard.put((after_s, threading.current_thread().name)))
    assert [heard.get(timeout=30) for _ in range(3)] == [(0.01, "later"), (0.02, "later"), (0.03, "later")]


def test_never_before_its_time(later):
    clock, heard = WallClock(UTC), queue.Queue()
    asked_s = clock.monotonic()
    later.call(0.02, lambda: heard.put(clock.monotonic()))
    assert heard.get(timeout=30) - asked_s >= 0.02


def test_an_earlier_call_overtakes_one_that_waits(later):
    heard = queue.Queue()
    later.call(3600.0, lambda: heard.put("late"))
    later.call(0.0, lambda: heard.put("now"))
    assert heard.get(timeout=30) == "now"


def test_closing_ends_the_thread_and_forgets_what_waits(later):
    heard = queue.Queue()
    later.call(3600.0, lambda: heard.put("late"))
    assert later.alive
    later.close()
    assert not later.alive
    later.close()
    assert heard.empty()


def test_a_driver_that_hangs_is_seen_and_closing_does_not_wait_for_it(later, monkeypatch):
    monkeypatch.setattr("drivers.later.CLOSE_S", 0.01)
    called, end = threading.Event(), threading.Event()

    def hang():
        called.set()
        assert end.wait(30)

    assert later.busy_since is None
    later.call(0.0, hang)
    assert called.wait(30)
    assert later.busy_since is not None
    later.close()
    assert later.alive
    end.set()
    monkeypatch.setattr("drivers.later.CLOSE_S", 30)
    later.close()
    assert not later.alive
    assert later.busy_since is None


def test_a_driver_that_breaks_is_seen(later, monkeypatch):
    caught = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", caught.put)
    later.call(0.0, lambda: 1 / 0)
    assert caught.get(timeout=30).exc_type is ZeroDivisionError
    later._thread.join(timeout=30)
    assert not later.alive
