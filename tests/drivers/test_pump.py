"""One thread serves all readers, looks for lost ones, and ends when told to."""

from __future__ import annotations

import os
import queue
import threading
from datetime import UTC

import pytest

from drivers.pump import Pump
from drivers.reader_hid import HidReader
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost
from edge.runtime.clock import WallClock
from simulators.wires.evdev import FakeKeyboard


class Counter:
    """Two readers at one thread; facts arrive in a queue."""

    def __init__(self, reopen_s):
        self.facts = queue.Queue()
        self.keyboards = [FakeKeyboard(lambda: 0.0) for _ in range(2)]
        self.readers = [
            HidReader(keyboard.open(), self.post, side=side, reopen=keyboard.open)
            for side, keyboard in zip(("entry", "exit"), self.keyboards, strict=True)
        ]
        self.pump = Pump(self.readers, clock=WallClock(UTC), reopen_s=reopen_s)

    def post(self, fact):
        self.facts.put((fact, threading.current_thread().name))
        return True

    def next(self):
        return self.facts.get(timeout=30)

    def close(self):
        self.pump.close()
        for reader in self.readers:
            reader.close()


@pytest.fixture
def counter():
    counter = Counter(reopen_s=0.01)
    yield counter
    counter.close()


def test_each_reader_is_heard_on_the_one_thread(counter):
    for keyboard, side in zip(counter.keyboards, ("entry", "exit"), strict=True):
        keyboard.type("04A1B2C3\n")
        assert counter.next() == (CardRead("04A1B2C3", side), "readers")


def test_an_unplugged_reader_is_found_again_and_the_other_works_meanwhile(counter):
    entry, exit_ = counter.keyboards
    entry.absent = True
    assert counter.next()[0] == ReaderLost("entry", "unplugged (errno 19)")
    exit_.type("04A1B2C3\n")
    assert counter.next()[0] == CardRead("04A1B2C3", "exit")
    entry.absent = False
    assert counter.next()[0] == ReaderFound("entry")
    entry.type("04A1B2C3\n")
    assert counter.next()[0] == CardRead("04A1B2C3", "entry")


def test_a_reader_that_is_lost_at_the_start_is_looked_for(counter):
    counter.pump.close()
    counter.keyboards[0].absent = True
    counter.readers[0].poll()
    assert counter.next()[0] == ReaderLost("entry", "unplugged (errno 19)")
    counter.keyboards[0].absent = False
    counter.pump = Pump(counter.readers, clock=WallClock(UTC), reopen_s=0.01)
    assert counter.next() == (ReaderFound("entry"), "readers")


def test_closing_ends_the_thread_though_nobody_speaks():
    counter = Counter(reopen_s=3600.0)
    assert counter.pump.alive
    counter.pump.close()
    assert not counter.pump.alive
    counter.close()


def test_a_driver_that_breaks_is_seen(monkeypatch):
    caught = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", caught.put)
    counter = Counter(reopen_s=3600.0)
    monkeypatch.setattr(counter.readers[0], "poll", None)
    counter.keyboards[0].type("0")
    assert caught.get(timeout=30).exc_type is TypeError
    counter.pump._thread.join(timeout=30)
    assert not counter.pump.alive
    counter.close()


class Hanging:
    """A driver that speaks at once, and whose call does not come back before the test lets it."""

    lost = False

    def __init__(self):
        self.called, self.end = threading.Event(), threading.Event()
        self._heard, tell = os.pipe()
        os.write(tell, b"!")
        os.close(tell)

    def fileno(self):
        return self._heard

    def poll(self):
        self.called.set()
        assert self.end.wait(30)

    def reopen(self):
        return False


def test_a_driver_that_hangs_is_seen_and_closing_does_not_wait_for_it(monkeypatch):
    monkeypatch.setattr("drivers.pump.CLOSE_S", 0.01)
    driver = Hanging()
    pump = Pump([driver], clock=WallClock(UTC))
    assert driver.called.wait(30)
    assert pump.busy_since is not None
    pump.close()
    assert pump.alive
    driver.end.set()
    monkeypatch.setattr("drivers.pump.CLOSE_S", 30)
    pump.close()
    assert not pump.alive
    assert pump.busy_since is None
    os.close(driver.fileno())
