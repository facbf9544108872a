"""On hardware an output comes up at its level, in one step."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from drivers import pins
from drivers.lane_io import Input, LaneIO, LanePins, LockKind, Output
from drivers.pins import SAFE_OUTPUTS
from edge.runtime.clock import VirtualClock
from edge.runtime.guard import RETRY_S, OutputError, PinGuard, Resting
from edge.settings.lane import SAFE_PINS
from simulators.wires.pins import FakePins
from tests.journals import NINE

ROOT = Path(__file__).parents[2]
LOCK = 17


class Refused(Exception):
    """``lgpio.error``: a plain exception, whose text is the repr of its words."""

    def __str__(self):
        return repr(self.args[0])


class FakeLgpio(ModuleType):
    """The calls of lgpio that reach a pin, recorded; a pin's mode as the kernel would report it.

    Attributes:
        refuses: names of calls that fail.
    """

    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
    error = Refused

    def __init__(self):
        super().__init__("lgpio")
        self.calls = []
        self.levels = {}
        self.modes = {}
        self.refuses = set()

    def _try(self, call):
        if call in self.refuses:
            raise Refused("GPIO not allocated")

    def gpiochip_open(self, chip):
        self._try("gpiochip_open")
        return 7

    def gpiochip_close(self, handle):
        self.calls.append(("close chip", handle))

    def gpio_claim_input(self, handle, gpio, flags=0):
        self._try("gpio_claim_input")
        self.calls.append(("input", handle, gpio, flags))
        self.modes[gpio] = flags

    def gpio_claim_output(self, handle, gpio, level=0, flags=0):
        self._try("gpio_claim_output")
        self.calls.append(("output", handle, gpio, level, flags))
        self.modes[gpio], self.levels[gpio] = 2 | flags, level

    def gpio_claim_alert(self, handle, gpio, edges, flags=0):
        self.calls.append(("alert", handle, gpio))

    def gpio_free(self, handle, gpio):
        self.calls.append(("free", handle, gpio))

    def gpio_get_mode(self, handle, gpio):
        return self.modes.get(gpio, 0)

    def gpio_read(self, handle, gpio):
        return self.levels.get(gpio, 1)

    def gpio_write(self, handle, gpio, level):
        self._try("gpio_write")
        self.calls.append(("write", handle, gpio, int(level)))
        self.levels[gpio] = int(level)

    def gpio_set_debounce_micros(self, handle, gpio, micros):
        self.calls.append(("debounce", micros))

    def callback(self, handle, gpio, edges, function):
        self.calls.append(("callback", gpio))
        return self

    def cancel(self):
        self.calls.append(("cancel",))


@pytest.fixture
def lgpio(monkeypatch):
    fake = FakeLgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    for name in ("gpiozero.pins.lgpio", "drivers.pins_lgpio"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    library = importlib.import_module("gpiozero.pins.lgpio")
    monkeypatch.setattr(library.LGPIOFactory, "_get_revision", lambda self: 0xC03111)
    yield fake
    for name in ("gpiozero.pins.lgpio", "drivers.pins_lgpio"):
        sys.modules.pop(name, None)


def outputs(fake):
    return [call[2:] for call in fake.calls if call[0] in ("output", "write")]


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize("kind", LockKind)
def test_a_lock_is_claimed_at_the_level_that_leaves_it_without_power(lgpio, kind, active_high):
    off = int(not active_high)
    factory = pins.open_pins(chip=0)
    lane = LaneIO(LanePins(lock=Output(LOCK, active_high), lock_kind=kind), lambda fact: True, pin_factory=factory)
    assert outputs(lgpio) == [(LOCK, off, 0)]  # one claim, and no write after it
    lane.write("lock", kind is LockKind.FAIL_SECURE)
    lane.close()
    assert outputs(lgpio) == [(LOCK, off, 0), (LOCK, 1 - off), (LOCK, off)]
    assert lgpio.calls[-1] == ("input", 7, LOCK, lgpio.SET_PULL_NONE)
    factory.close()


def test_the_librarys_own_factory_would_pulse(lgpio):
    from gpiozero import DigitalOutputDevice
    from gpiozero.pins.lgpio import LGPIOFactory

    factory = LGPIOFactory(chip=0)
    DigitalOutputDevice(LOCK, active_high=False, pin_factory=factory).close()
    assert outputs(lgpio)[:2] == [(LOCK, 0, 0), (LOCK, 1)]
    factory.close()


def test_inputs_get_their_pull_and_no_debouncing(lgpio):
    factory = pins.open_pins(chip=0)
    lane = LaneIO(LanePins(fire=Input(16, active_low=False)), lambda fact: True, pin_factory=factory)
    assert ("input", 7, 16, lgpio.SET_PULL_UP) in lgpio.calls
    assert ("debounce", 0) in lgpio.calls
    assert lane.state() == {"fire": True}
    lane.close()
    factory.close()


def test_an_input_that_becomes_an_output_is_no_longer_watched(lgpio):
    factory = pins.open_pins(chip=0)
    pin = factory.pin(16)

    def changed(ticks, state):
        raise AssertionError

    pin.when_changed = changed
    pin.output_with_state(True)
    assert [call[0] for call in lgpio.calls[-2:]] == ["cancel", "output"]
    factory.close()


def test_an_output_that_could_not_be_switched_off_is_tried_again(lgpio):
    factory = pins.open_pins(chip=0)
    lane = LaneIO(LanePins(lock=Output(LOCK)), lambda fact: True, pin_factory=factory)
    guard = PinGuard(lambda _, on: lane.write("lock", on), {"lock": Resting()}, VirtualClock(NINE))
    guard.lease("lock", True, 5.0)
    lgpio.refuses = {"gpio_write"}
    with pytest.raises(OutputError, match="GPIO17: GPIO not allocated"):
        guard.tick(5.0)
    lgpio.refuses = set()
    assert (lgpio.levels[LOCK], guard.deadline()) == (1, 5.0 + RETRY_S)
    assert guard.tick(5.0 + RETRY_S) == ["lock"]
    assert lgpio.levels[LOCK] == 0
    lane.close()
    factory.close()


def test_a_pin_that_the_kernel_took_back_is_an_oserror(lgpio):
    factory = pins.open_pins(chip=0)
    lane = LaneIO(LanePins(lock=Output(LOCK)), lambda fact: True, pin_factory=factory)
    lgpio.modes[LOCK] = 0
    with pytest.raises(OSError, match="GPIO17: cannot set state of pin"):
        lane.write("lock", True)
    lgpio.modes[LOCK] = 2
    lane.close()
    factory.close()


@pytest.mark.parametrize("call", ["gpio_claim_output", "gpio_claim_input"])
def test_a_pin_that_cannot_be_claimed_or_given_back_is_an_oserror(lgpio, call):
    factory = pins.open_pins(chip=0)
    pin = factory.pin(LOCK)
    lgpio.refuses = {call}
    with pytest.raises(OSError, match=r"^GPIO17: GPIO not allocated$"):
        pin.close() if call == "gpio_claim_input" else pin.output_with_state(True)
    lgpio.refuses = set()
    factory.close()


@pytest.mark.parametrize(("chip", "words"), [(3, "GPIO chip 3"), (None, "the GPIO chip")])
def test_a_chip_that_is_not_there_is_an_oserror(lgpio, chip, words):
    lgpio.refuses = {"gpiochip_open"}
    with pytest.raises(OSError, match=f"^{words}: GPIO not allocated$"):
        pins.open_pins(chip)


def test_lgpio_is_loaded_on_hardware_only(tmp_path):
    # it starts a thread and makes a pipe where it is imported
    code = """
import pkgutil, sys, threading
import drivers, simulators.wires.pins
for module in pkgutil.iter_modules(drivers.__path__, "drivers."):
    if module.name != "drivers.pins_lgpio":
        __import__(module.name)
print("lgpio" in sys.modules, threading.active_count())
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert run.stdout.split() == ["False", "1"]
    assert list(tmp_path.iterdir()) == []


def test_safe_outputs_stay_low_from_reset_to_the_first_claim():
    assert sorted(SAFE_OUTPUTS) == [9, 10, 11, 12, 13, *range(15, 28)]
    assert SAFE_PINS == SAFE_OUTPUTS  # what a configuration may name


GUIDE = re.compile(r"^\| `(\w+)` \| (out|in|bus) \| (\d+) \| (\d+) \|", re.MULTILINE)


@pytest.fixture
def guide():
    rows = GUIDE.findall((ROOT / "docs" / "wiring.md").read_text())
    return [(name, way, int(bcm), int(place)) for name, way, bcm, place in rows]


def test_the_wiring_guide_names_every_contact_once_on_pins_that_may_be_used(guide):
    contacts = [field.name for field in fields(LanePins) if field.name != "lock_kind"]
    assert sorted(name for name, way, *_ in guide if way != "bus") == sorted(contacts)
    assert {bcm for _, way, bcm, _ in guide if way == "out"} <= SAFE_OUTPUTS
    assert len({bcm for _, _, bcm, _ in guide}) == len(guide)


def test_the_wiring_guide_shows_the_demonstration_sites_pins(guide):
    site = tomllib.loads((ROOT / "firmware_config" / "demo" / "site.toml").read_text())
    for device in site["devices"].values():
        for name, _, bcm, _ in guide:
            if name in device:
                assert device[name]["pin"] == bcm, name


def test_the_wiring_guide_finds_each_pin_on_the_header(guide):
    board = FakePins().factory.board_info
    for name, _, bcm, place in guide:
        assert [pin.number for _, pin in board.find_pin(f"GPIO{bcm}")] == [place], name
