"""A gate's real drivers on fake wires, with people on the far end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from drivers.lane_io import LaneIO
from drivers.reader_hid import HidReader
from drivers.thermometer_mlx90614 import Mlx90614
from edge import settings
from edge.assembly.gate import Reading, adafruit_thermometer, form_of, reader_options, wiring_of
from edge.runtime.ports import Post
from edge.settings.lane import Reader
from simulators.scenario import COMPUTER, Part, Stimulus, read
from simulators.wires.circuitpython import FakeI2C
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.smbus import FakeBus
from simulators.world.lane import LaneWorld, Later

TYPED = ("hid", "osdp")
"""Kinds of readers that are played by a keyboard here: libosdp knows no time but the system's."""


def _place(reader: Reader) -> str:
    """Under which name the world knows a reader."""
    return "code" if reader.role == "code" else reader.side


def read_stimuli(lines: Iterable[str], building: settings.Building, *, live: bool = False) -> Iterator[Stimulus]:
    """Read what happens at this site; see `simulators.scenario.read`."""
    return read(lines, {name: _parts(gate) for name, gate in building.devices.items()}, live=live)


def _parts(gate: settings.Gate) -> tuple[Part, ...]:
    """What can break at a gate."""
    there: dict[Part, bool] = {
        "thermometer": gate.thermometer is not None,
        "reader": any(reader.kind in TYPED and reader.role == "card" for reader in gate.readers),
        "lock": gate.lock is not None,
        "beam": gate.entry_beam is not None or gate.exit_beam is not None,
    }
    return *(part for part, has in there.items() if has), *COMPUTER


def build_world(gate: settings.Gate, later: Later, rng: random.Random, now_s: Callable[[], float]) -> LaneWorld:
    """The wires that a gate's configuration asks for, and people before them."""
    world = LaneWorld(wiring_of(gate), later, rng, now_s)
    for reader in gate.readers:
        if reader.kind in TYPED:
            world.keyboards[_place(reader)] = FakeKeyboard(now_s, later=later, form=form_of(reader))
    return world


def open_fakes(world: LaneWorld, gate: settings.Gate, post: Post, opened: ExitStack) -> tuple[LaneIO, Reading | None]:
    """Open the real drivers on the fake wires, as `edge.assembly.hardware.open_hardware` does on real ones."""
    lane = LaneIO(world.wiring, post, pin_factory=world.pins.factory)
    opened.callback(lane.close)
    for reader in gate.readers:
        if reader.kind in TYPED:
            keyboard = world.keyboards[_place(reader)]
            driver = HidReader(keyboard.open(), post, reopen=keyboard.open, **reader_options(reader))
            opened.callback(driver.close)
            keyboard.readable = driver.poll
            keyboard.plugged = driver.reopen
    if gate.thermometer is None:
        return lane, None
    if gate.thermometer.backend == "adafruit":
        return lane, adafruit_thermometer(gate.thermometer, lambda: FakeI2C(world.i2c)).measure
    return lane, Mlx90614(FakeBus(world.i2c), address=gate.thermometer.address).measure
