"""What the configuration says of a lane reaches its drivers, and what must not wait does not."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

import drivers.pins
from drivers.lane_io import Input, LanePins, LockKind, Output
from drivers.pump import Pump
from drivers.reader_hid import HidReader
from drivers.thermometer_mlx90614 import PARTS, raw_of
from drivers.uid import CardForm
from edge.assembly import gate as assembly
from edge.assembly import hardware, live
from edge.assembly.process import Stop
from edge.assembly.simulate import Run, Simulation
from edge.gate.vocabulary import (
    CardRead,
    FireChanged,
    Lock,
    ReaderFound,
    ReaderLost,
    ReleasePressed,
    TemperatureTaken,
)
from edge.runtime.clock import WallClock
from edge.runtime.config import load
from edge.runtime.device import Device
from edge.runtime.vocabulary import Fact, Intent, Now, Started
from edge.settings import Building
from edge.settings.lane import Gate, Reader, Thermometer
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.pins import FakePins
from simulators.wires.smbus import FakeBus, FakeMlx90614, I2cWire
from tests.gate.stories.story import CONFIG, LI, Story, building
from tests.journals import NINE

UNUSUAL = Gate.model_validate(
    {
        "kind": "gate",
        "lock": {"pin": 17, "active_high": False, "fail": "safe"},
        "lamp_green": {"pin": 22, "active_high": False},
        "lamp_red": {"pin": 23},
        "buzzer": {"pin": 18, "active_high": False},
        "entry_beam": {"pin": 24, "active_low": False},
        "exit_beam": {"pin": 25, "pull": "none"},
        "fire": {"pin": 5, "active_low": False, "pull": "down"},
        "release_button": {"pin": 6, "pull": "none", "active_low": False},
        "presence": {"pin": 27, "pull": "down"},
        "thermometer": {"part": "DCC", "bus": 3, "address": 0x5B},
        "readers": [{"path": "/dev/entry", "sends": "decimal", "reversed_bytes": True, "uid_bytes": 7}],
    }
)


# --- from the configuration to the drivers ----------------------------------------------------------------


def test_every_key_of_every_pin_reaches_the_driver() -> None:
    assert assembly.wiring_of(UNUSUAL) == LanePins(
        lock=Output(17, False),
        lamp_green=Output(22, False),
        lamp_red=Output(23, True),
        buzzer=Output(18, False),
        entry_beam=Input(24, False, "up"),
        exit_beam=Input(25, True, "none"),
        fire=Input(5, False, "down"),
        release_button=Input(6, False, "none"),
        presence=Input(27, True, "down"),
        lock_kind=LockKind.FAIL_SAFE,
    )


@pytest.mark.parametrize(
    ("keys", "form", "pause_s"),
    [
        ({}, CardForm("hex", "normal", None), 1.0),
        ({"sends": "decimal"}, CardForm("decimal", "normal", None), 1.0),
        ({"reversed_bytes": True}, CardForm("hex", "reversed", None), 1.0),
        ({"uid_bytes": 7}, CardForm("hex", "normal", 7), 1.0),
        ({"form": "wiegand26"}, CardForm("hex", "normal", 3), 1.0),
        ({"role": "code"}, CardForm(), 5.0),
    ],
    ids=str,
)
def test_every_key_of_a_reader_reaches_the_driver(keys: dict[str, Any], form: CardForm, pause_s: float) -> None:
    reader = Reader.model_validate({"side": "exit", "path": "/dev/reader", **keys})
    assert assembly.reader_options(reader) == {
        "side": "exit", "role": reader.role, "form": form, "frame_timeout_s": pause_s,
    }  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_the_part_of_the_thermometer_sets_the_pace(part: str) -> None:
    site = building(f"devices.north.thermometer.part={part}")
    policy = assembly.screening_of(site, site.devices["north"])
    assert policy is not None
    assert (policy.settle_s, policy.samples, policy.noise_c) == (
        PARTS[part].settle_s, PARTS[part].samples, PARTS[part].noise_c,
    )  # fmt: skip


@pytest.mark.parametrize(("part", "agree_c"), [("BAA", 0.3), ("DCC", 1.08)])
def test_two_readings_of_a_noisy_part_may_differ_more(
    part: Any, agree_c: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(assembly, "AdafruitMlx90614", lambda _, **options: asked.update(options))
    assembly.adafruit_thermometer(Thermometer(part=part, address=0x5B), object)
    assert asked == {"address": 0x5B, "agree_c": pytest.approx(agree_c)}


# --- on hardware ------------------------------------------------------------------------------------------


def test_a_whole_lane_opens_on_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins, keyboard, wire = FakePins(), FakeKeyboard(lambda: 0.0, form=CardForm("decimal", "reversed", 7)), I2cWire()
    wire.attach(FakeMlx90614(lambda: 34.6, lambda: 22.0, address=0x5B))
    for pin in (24, 25, 5, 6, 27):
        pins[pin].drive(False)
    buses, paths, facts, served = list[int](), list[str](), list[Fact](), list[HidReader]()
    pump = create_autospec(Pump, instance=True)
    monkeypatch.setenv("LG_WD", str(tmp_path))
    monkeypatch.setattr(drivers.pins, "open_pins", lambda: pins.factory)
    monkeypatch.setattr(hardware, "open_hid", lambda path: paths.append(path) or keyboard.open())
    monkeypatch.setattr("smbus2.SMBus", lambda number: buses.append(number) or FakeBus(wire))
    monkeypatch.setattr(hardware, "Pump", lambda readers, clock: served.extend(readers) or pump)
    with ExitStack() as opened:
        lane, measure, *_ = hardware.open_hardware(
            UNUSUAL, lambda fact: facts.append(fact) is None, WallClock(UTC), opened, tmp_path
        )
        assert (buses, paths) == ([3], ["/dev/entry"])
        assert measure is not None
        assert measure() == TemperatureTaken(34.61, 21.99, raw_of(34.6))
        assert lane.state() == {
            "fire": False, "entry_beam": False, "exit_beam": True, "presence": True, "release_button": False,
        }  # fmt: skip
        (reader,) = served
        facts.clear()
        keyboard.present("04A1B2C3D4E5F6")
        reader.poll()
        keyboard.absent = True
        reader.poll()
        keyboard.absent = False
        assert reader.reopen()
        assert facts == [
            CardRead("04A1B2C3D4E5F6", "entry"), ReaderLost("entry", "unplugged (errno 19)"), ReaderFound("entry"),
        ]  # fmt: skip
    pump.close.assert_called_once_with()


# --- what must not wait, and what must not last -----------------------------------------------------------


class Ear:
    """A controller that hears."""

    def __init__(self) -> None:
        self.heard: list[Fact] = []

    def handle(self, fact: Fact, _: Now) -> list[Intent]:
        self.heard.append(fact)
        return []


@contextmanager
def in_real_time(directory: Path) -> Generator[Device]:
    """A gate's own device, as its process has it."""
    site = load(CONFIG, Building, [f"storage.directory={directory}"])
    with live.gate_process(site, "north", WallClock(site.site.zone())) as process:
        yield process.device


@contextmanager
def in_virtual_time(_: Path) -> Generator[Device]:
    """A gate's own device, as a simulation has it."""
    north = Simulation(building(), Run(NINE), io.StringIO()).devices["north"]
    with closing(north):
        yield north.device


@pytest.mark.parametrize("device_of", [in_real_time, in_virtual_time])
@pytest.mark.parametrize("fact", [FireChanged(True), ReleasePressed()], ids=str)
def test_fire_and_the_button_overtake_every_card(
    device_of: Callable[[Path], Any], fact: Fact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "Stop", create_autospec(Stop))  # it would take this process's signals
    ear = Ear()
    with device_of(tmp_path) as device:
        device.install(ear, {})
        for posted in (CardRead("04A1B2C3"), CardRead("04A1B2C4"), fact):
            device.loop.post(posted)
        device.loop.turn()
    assert ear.heard == [Started(), fact]


def test_a_lock_that_everybody_forgot_falls_when_its_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane locks it first, always; here nobody hears that."""
    performers = assembly.performers

    def deaf(*arguments: Any, **options: Any) -> Any:
        return {**performers(*arguments, **options), Lock: lambda _: None}

    monkeypatch.setattr(assembly, "performers", deaf)
    told = Story().caps().booked(LI).at("09:10").north.meets(LI).told()
    [(opened, closed)] = told.openings("north")
    assert closed == pytest.approx(opened + 5.0, abs=0.01)
