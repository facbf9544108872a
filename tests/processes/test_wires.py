"""On hardware a wire that is not there ends the program with one line that names it; nothing is simulated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gpiozero import DigitalInputDevice

import drivers.pins
from edge.assembly import hardware
from edge.assembly.hardware import WireMissing, open_hardware
from edge.runtime.clock import WallClock
from edge.runtime.config import ConfigError, load
from edge.settings import Building
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.pins import FakePins
from tests.processes.library import ONE_ENTRANCE, Program

WAY_OUT = """
[site]
name = "demo"
key = "gatehouse-demo"

[storage]
directory = "{directory}"

[devices.west]
kind = "gate"
exit_beam = {{ pin = 25 }}
readers = [{{ side = "exit", path = "/dev/no/such/reader" }}]
"""


def test_a_machine_without_the_wires(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(WAY_OUT.format(directory=tmp_path))
    program = Program("gate", "--config", str(config))
    assert program.ended() == 1
    assert program.lines.all == []
    (line,) = program.errors.all
    assert line.startswith(("gatehouse: pins: cannot be used: ", "gatehouse: exit card reader /dev/no/such/reader: "))
    assert "simul" not in line


@pytest.fixture
def opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Opens the hardware of an entrance whose pins are there."""
    (tmp_path / "site.toml").write_text(ONE_ENTRANCE)
    monkeypatch.setattr(drivers.pins, "open_pins", lambda: FakePins().factory)
    monkeypatch.setenv("LG_WD", str(tmp_path))

    def opens(*overrides: str) -> None:
        building = load(tmp_path / "site.toml", Building, overrides)
        with ExitStack() as opened:
            open_hardware(building.devices["north"], lambda _: True, WallClock(building.site.zone()), opened, tmp_path)

    return opens


def keyboard(_: str) -> Any:
    return FakeKeyboard(lambda: 0.0).open()


def test_a_reader_that_is_not_plugged_in(opens: Callable[..., None]) -> None:
    with pytest.raises(WireMissing, match=r"^entry card reader /dev/gatehouse/entry: cannot be used: No such file"):
        opens()


def test_a_bus_that_is_switched_off(opens: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "open_hid", keyboard)
    with pytest.raises(WireMissing, match=r"^thermometer on I2C bus 29: cannot be used: No such file or directory$"):
        opens("devices.north.thermometer.bus=29")


def test_a_library_that_is_not_installed(opens: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "open_hid", keyboard)
    monkeypatch.setitem(sys.modules, "board", None)
    with pytest.raises(ConfigError, match=r"thermometer\.backend: adafruit needs the extra adafruit: import of board"):
        opens("devices.north.thermometer.backend=adafruit")


def test_a_pin_that_is_in_use(opens: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    factory = FakePins().factory
    monkeypatch.setattr(drivers.pins, "open_pins", lambda: factory)
    with (
        DigitalInputDevice(24, pin_factory=factory),
        pytest.raises(WireMissing, match=r"^pins: cannot be used: pin GPIO24 is already in use"),
    ):
        opens()
