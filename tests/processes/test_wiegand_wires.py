"""On hardware the readers on two wires share one thread, which has ended before any of their pins is given back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gpiozero import DigitalInputDevice

import drivers.pins
from drivers.later import Later
from drivers.reader_wiegand import WiegandReader
from drivers.wiegand import WIEGAND_26, encode
from edge.assembly import hardware
from edge.assembly.hardware import WireMissing, open_hardware
from edge.gate.vocabulary import CardRead
from edge.runtime.clock import WallClock
from edge.runtime.config import load
from edge.runtime.vocabulary import Fact
from edge.settings import Building
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.pins import FakePins

WAYS_OUT = """
[site]
name = "demo"
key = "gatehouse-demo"
card_form = "wiegand26"

[devices.west]
kind = "gate"
exit_beam = { pin = 25 }
readers = [
    { side = "exit", kind = "wiegand", form = "wiegand26", d0 = 12, d1 = 13 },
    { side = "exit", kind = "wiegand", form = "wiegand26", d0 = 16, d1 = 19, pull_up = false },
]
"""


class Bench:
    """The pins of a lane with two readers, and what happens to them."""

    def __init__(self, directory: Path) -> None:
        (directory / "site.toml").write_text(WAYS_OUT)
        self.directory = directory
        self.building = load(directory / "site.toml", Building)
        self.pins = FakePins()
        self.facts: queue.Queue[tuple[Fact, str]] = queue.Queue()
        self.threads: list[Later] = []
        self.at_close: list[bool] = []
        for pin in (12, 13, 16, 19):
            self.pins.drive(pin, True)

    def post(self, fact: Fact) -> bool:
        self.facts.put((fact, threading.current_thread().name))
        return True

    def open(self, opened: ExitStack) -> list[str]:
        """Open them; the threads that are to be watched."""
        clock = WallClock(self.building.site.zone())
        *_, threads = open_hardware(self.building.devices["west"], self.post, clock, opened, self.directory)
        return [thread.name for thread in threads]

    def tap(self, number: str, d0: int, d1: int) -> None:
        for bit in encode(bytes.fromhex(number), WIEGAND_26):
            self.pins.drive(d1 if bit else d0, False)
            self.pins.drive(d1 if bit else d0, True)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    close: Callable[[WiegandReader], None] = WiegandReader.close

    def later(*args: Any) -> Later:
        bench.threads.append(Later(*args))
        return bench.threads[-1]

    def closed(reader: WiegandReader) -> None:
        bench.at_close.append(any(thread.alive for thread in bench.threads))
        close(reader)

    monkeypatch.setattr(drivers.pins, "open_pins", lambda: bench.pins.factory)
    monkeypatch.setattr(hardware, "Later", later)
    monkeypatch.setattr(WiegandReader, "close", closed)
    monkeypatch.setenv("LG_WD", str(tmp_path))
    return bench


def test_both_readers_are_heard_by_one_thread_that_only_posts(bench: Bench) -> None:
    with ExitStack() as opened:
        bench.open(opened)
        while not bench.facts.empty():  # what the lane's own contacts say at the start
            bench.facts.get()
        for number, pins in (("A1B2C3", (12, 13)), ("000001", (16, 19))):
            bench.tap(number, *pins)
            assert bench.facts.get(timeout=30) == (CardRead(number, "exit"), "later")
    assert len(bench.threads) == 1


def test_the_pis_own_resistors_are_used_where_the_file_says_so(bench: Bench) -> None:
    with ExitStack() as opened:
        bench.open(opened)
        pulls = [bench.pins.factory.pin(pin).pull for pin in (12, 13, 16, 19)]
    assert pulls == ["up", "up", "floating", "floating"]


def test_the_thread_has_ended_before_a_reader_gives_its_pins_back(bench: Bench) -> None:
    with ExitStack() as opened:
        assert bench.open(opened) == ["later"], "somebody looks whether it hangs"
        (later,) = bench.threads
        assert later.alive
    assert bench.at_close == [False, False]


def test_a_reader_that_cannot_be_opened_is_named_and_leaves_no_thread_behind(bench: Bench) -> None:
    with (
        DigitalInputDevice(16, pin_factory=bench.pins.factory),
        pytest.raises(WireMissing, match=r"^exit card reader on BCM 16 and 19: cannot be used: pin GPIO16 is already"),
        ExitStack() as opened,
    ):
        bench.open(opened)
    (later,) = bench.threads
    assert not later.alive
    assert bench.at_close == [False]


def test_the_first_one_that_cannot_be_opened_leaves_no_thread_behind(bench: Bench) -> None:
    with DigitalInputDevice(12, pin_factory=bench.pins.factory), pytest.raises(WireMissing), ExitStack() as opened:
        bench.open(opened)
    (later,) = bench.threads
    assert not later.alive
    assert bench.at_close == []


def test_a_lane_without_such_readers_has_no_such_thread(bench: Bench) -> None:
    bench.building = load(bench.directory / "site.toml", Building, ["devices.west.readers=[]"])
    with ExitStack() as opened:
        assert bench.open(opened) == []
    assert bench.threads == []


def test_the_thread_of_usb_readers_is_watched_as_well(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "open_hid", lambda _: FakeKeyboard(lambda: 0.0).open())
    usb = 'devices.west.readers.0={side="exit", path="/dev/x", form="wiegand26"}'
    bench.building = load(bench.directory / "site.toml", Building, [usb])
    with ExitStack() as opened:
        assert bench.open(opened) == ["readers", "later"]
