"""A gate's real drivers on fake wires, with people on the far end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack

from drivers.i2c import KernelI2C
from drivers.lane_io import LaneIO
from drivers.paced import Paced, Submit
from drivers.reader_hid import HidReader
from drivers.thermometer_mlx90614 import Mlx90614
from drivers.wiegand import FORMATS
from edge import settings
from edge.assembly.gate import Reading, adafruit_thermometer, form_of, reader_options, wiring_of
from edge.assembly.pn532 import open_pn532
from edge.assembly.wiegand import formats_of, open_wiegand, pins_of
from edge.runtime.loop import Loop
from edge.settings.lane import Reader
from edge.settings.shared import FORM_BYTES
from simulators.scenario import COMPUTER, DATA_FAULTS, FAULTS, AnyKind, Faults, Part, Stimulus, read
from simulators.wires.circuitpython import FakeI2C
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.pn532 import FakePn532
from simulators.wires.reader import FakeReader
from simulators.wires.smbus import FakeBus, I2cWire
from simulators.wires.wiegand import FakeWiegand
from simulators.world.lane import LaneWorld, Later

TYPED = ("hid", "osdp")
"""Kinds of readers that are played by a keyboard here: libosdp knows no time but the system's."""


INTERVAL_S = 0.2e-3
"""From bit to bit of a Wiegand frame: as fast as may be (field notes 2), for a real-time loop must not pause in one."""


def _places(reader: Reader) -> tuple[str, ...]:
    """What people use a reader for."""
    if reader.role == "code":
        return ("code",)
    return (reader.side,) if reader.keypad is None else (reader.side, "code")


def read_stimuli(lines: Iterable[str], building: settings.Building, *, live: bool = False) -> Iterator[Stimulus]:
    """Read what happens at this site; see `simulators.scenario.read`."""
    gates = {name: _faults(gate) for name, gate in building.devices.items()}
    return read(lines, gates, live=live, numbers=FORM_BYTES[building.site.card_form])


READER_FAULTS: Mapping[str, tuple[AnyKind, ...]] = {
    **dict.fromkeys((*TYPED, "pn532"), FAULTS["reader"]),
    "wiegand": (*FAULTS["reader"], *DATA_FAULTS),
}
"""Which faults a reader of cards can have, by its kind; one on the network has none here."""


def _faults(gate: settings.Gate) -> Faults:
    """What can break at a gate, and how."""
    there: dict[Part, tuple[AnyKind, ...] | None] = {
        "thermometer": gate.thermometer and FAULTS["thermometer"],
        "reader": _reader_faults(gate),
        "lock": gate.lock and FAULTS["lock"],
        "beam": (gate.entry_beam or gate.exit_beam) and FAULTS["beam"],
    }
    return {**{part: kinds for part, kinds in there.items() if kinds is not None}, **COMPUTER}


def _reader_faults(gate: settings.Gate) -> tuple[AnyKind, ...] | None:
    """Those of the reader that a scenario breaks: the last one at the entry, where there is one."""
    kinds = {reader.side: reader.kind for reader in gate.readers if reader.role == "card" and reader.kind != "mqtt"}
    kind = kinds.get("entry") or kinds.get("exit")
    return None if kind is None else READER_FAULTS[kind]


def build_world(gate: settings.Gate, later: Later, rng: random.Random, now_s: Callable[[], float]) -> LaneWorld:
    """The wires that a gate's configuration asks for, and people before them."""
    world = LaneWorld(wiring_of(gate), later, rng, now_s)
    for number, reader in enumerate(gate.readers):
        fake: FakeReader
        if reader.kind in TYPED:
            fake = world.keyboards[number] = FakeKeyboard(now_s, later=later, form=form_of(reader))
        elif reader.kind == "wiegand":
            fake = _fake_wiegand(reader, world)
        elif reader.kind == "pn532":
            fake = FakePn532(later)
            _wire(world, gate, reader.bus).attach(fake)
        else:
            continue
        world.readers.update(dict.fromkeys(_places(reader), fake))
    return world


def _wire(world: LaneWorld, gate: settings.Gate, bus: int) -> I2cWire:
    """The wires of an I²C bus by its number."""
    if gate.thermometer is not None and gate.thermometer.bus == bus:
        return world.i2c
    return world.buses.setdefault(bus, I2cWire())


def fake_i2c(world: LaneWorld, gate: settings.Gate, bus: int) -> KernelI2C:
    """A bus by its number, as `drivers.i2c.open_kernel` opens it."""
    return KernelI2C(FakeBus(_wire(world, gate, bus)))


def poll_fakes(
    world: LaneWorld, gate: settings.Gate, loop: Loop, submit: Callable[[I2cWire], Submit], opened: ExitStack
) -> None:
    """Open the readers on I²C buses and have them polled, in virtual time, on their bus's turn.

    Args:
        world: has the wires.
        gate: the device's configuration.
        loop: the gate's; its timers are gone when the gate loses its power.
        submit: of the worker of a bus.
        opened: closes what was opened.
    """
    monotonic = loop.clock.monotonic

    def open_one(reader: Reader) -> None:
        wire = _wire(world, gate, reader.bus)

        def pause(for_s: float) -> None:
            wire.elapsed_s += for_s

        i2c = fake_i2c(world, gate, reader.bus)
        driver = open_pn532(reader, i2c, loop.post, now_s=lambda: monotonic() + wire.elapsed_s, pause=pause)
        later: Later = lambda after_s, call: loop.call_at(monotonic() + after_s, call)  # noqa: E731
        opened.callback(Paced(driver.poll, submit(wire), later).close)

    for reader in gate.readers:
        if reader.kind == "pn532":
            open_one(reader)


def _fake_wiegand(reader: Reader, world: LaneWorld) -> FakeWiegand:
    fake = FakeWiegand(
        world.pins,
        *pins_of(reader),
        world.later,
        row=(formats_of(reader) or FORMATS)[0],
        order="reversed" if reader.reversed_bytes else "normal",
        keypad=reader.keypad,
    )
    fake.interval_s = INTERVAL_S
    return fake


def open_fakes(world: LaneWorld, gate: settings.Gate, loop: Loop, opened: ExitStack) -> tuple[LaneIO, Reading | None]:
    """Open the real drivers on the fake wires, as `edge.assembly.hardware.open_hardware` does on real ones.

    They are called back by the gate's own loop: what they wait for is gone when the gate loses its power.
    """
    post, monotonic = loop.post, loop.clock.monotonic
    lane = LaneIO(world.wiring, post, pin_factory=world.pins.factory)
    opened.callback(lane.close)
    for number, reader in enumerate(gate.readers):
        if reader.kind in TYPED:
            keyboard = world.keyboards[number]
            driver = HidReader(keyboard.open(), post, reopen=keyboard.open, **reader_options(reader))
            opened.callback(driver.close)
            keyboard.readable = driver.poll
            keyboard.plugged = driver.reopen
        elif reader.kind == "wiegand":
            wires = open_wiegand(
                reader,
                post,
                clock=monotonic,
                call_later=lambda after_s, call: loop.call_at(monotonic() + after_s, call),
                pin_factory=world.pins.factory,
            )
            opened.callback(wires.close)
    if gate.thermometer is None:
        return lane, None
    if gate.thermometer.backend == "adafruit":
        return lane, adafruit_thermometer(gate.thermometer, lambda: FakeI2C(world.i2c)).measure
    return lane, Mlx90614(FakeBus(world.i2c), address=gate.thermometer.address).measure
