"""On hardware a PN532 is polled by its bus's own thread, which is the thermometer's where both are on one bus."""

from __future__ import annotations

import queue
import sys
import threading
from contextlib import ExitStack
from datetime import UTC
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drivers.i2c import KernelI2C
from edge.assembly.hardware import WireMissing
from edge.assembly.live import GateProcess
from edge.assembly.pn532 import poll_readers
from edge.gate.vocabulary import CardRead
from edge.runtime.clock import WallClock
from edge.runtime.config import ConfigError
from edge.runtime.device import Device
from edge.runtime.worker import Worker
from edge.settings.lane import Gate
from simulators.wires.pn532 import FakePn532
from simulators.wires.smbus import FakeBus, I2cWire
from tests.test_settings import building

PATIENCE_S = 30.0
CARD, OTHER = "04A1B2C3D4E5F6", "A1B2C3D4"


class Pi:
    """Two buses with a chip each."""

    def __init__(self):
        self.wires = {1: I2cWire(), 3: I2cWire()}
        self.chips = {bus: FakePn532() for bus in self.wires}
        for bus, chip in self.chips.items():
            self.wires[bus].attach(chip)
        self.facts = queue.Queue()
        self.failed = []
        self.workers = {}
        self.clock = WallClock(UTC)
        self.opened = ExitStack()
        readers = [{"side": "exit", "kind": "pn532", "bus": bus} for bus in self.wires]
        self.gate = Gate.model_validate({"kind": "gate", "exit_beam": {"pin": 25}, "readers": readers})

    def post(self, fact):
        self.facts.put((fact, threading.current_thread().name))
        return True

    def bus(self, number):
        if number not in self.workers:
            self.workers[number] = Worker(str(number), self.post, clock=self.clock, failed=self.failed.append)
            self.opened.callback(self.workers[number].close)
        return self.workers[number].submit

    def i2c(self, number):
        return KernelI2C(FakeBus(self.wires[number]))

    def start(self, open_i2c=None):
        return poll_readers(
            self.gate, self.post, self.clock, self.opened, open_i2c=open_i2c or self.i2c, submit=self.bus
        )


@pytest.fixture
def pi():
    here = Pi()
    with here.opened:
        yield here
    assert here.failed == []


def test_each_is_polled_by_the_thread_of_its_bus(pi):
    (later,) = pi.start()
    assert later.name == "later"
    for bus, card in ((1, CARD), (3, OTHER)):
        pi.chips[bus].lay(card)
        assert pi.facts.get(timeout=PATIENCE_S) == (CardRead(card, "exit"), f"bus {bus}")


def test_at_the_end_nothing_is_polled_any_more(pi):
    pi.start()
    pi.chips[1].lay(CARD)
    pi.facts.get(timeout=PATIENCE_S)
    pi.opened.close()
    assert not [each.name for each in threading.enumerate() if each.name in ("later", "bus 1", "bus 3")]


def test_a_bus_that_is_not_there_is_an_error_at_the_start(pi):
    def missing(number):
        raise FileNotFoundError(2, "No such file or directory", f"/dev/i2c-{number}")

    with pytest.raises(
        WireMissing, match=r"^exit card reader on I2C bus 1: cannot be used: No such file or directory$"
    ):
        pi.start(missing)


def test_without_the_library_the_extra_is_named(pi, monkeypatch):
    monkeypatch.setitem(sys.modules, "adafruit_pn532.i2c", None)
    monkeypatch.delitem(sys.modules, "drivers.pn532_chip", raising=False)
    monkeypatch.delattr("drivers.pn532_chip", raising=False)
    with pytest.raises(ConfigError, match=r"^readers: kind pn532 needs the extra pn532: .*adafruit_pn532"):
        pi.start()


def test_a_gate_without_them_has_no_thread_for_them(pi):
    pi.gate = pi.gate.model_copy(update={"readers": []})
    assert pi.start() == ()


def test_a_reader_and_the_thermometer_on_one_bus_take_turns_on_one_thread():
    device, nothing = Device(WallClock(UTC), urgent=()), cast(Any, None)
    stop = cast(Any, SimpleNamespace(because=None))  # a real one would take the test run's own signals
    with ExitStack() as opened:
        process = GateProcess(building(), "north", device, stop, opened, nothing, nothing)
        assert process.bus(1) is process.bus(1)
        assert process.bus(1) is not process.bus(3)
        assert [worker.name for worker in process.buses.values()] == ["north thermometer", "north I2C 3"]
