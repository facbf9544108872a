"""A gate's drivers on the wires of a Raspberry Pi. One that is missing is an error, never a simulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from gpiozero.pins import Factory

from drivers.lane_io import LaneIO
from drivers.later import Later
from drivers.pump import Pump
from drivers.reader_hid import HidReader, Keyboard, open_hid
from drivers.thermometer_mlx90614 import Mlx90614
from edge import settings
from edge.assembly.gate import Reading, adafruit_thermometer, reader_options, wiring_of
from edge.assembly.wiegand import open_wiegand
from edge.runtime.config import ConfigError
from edge.runtime.hung import Busy
from edge.runtime.ports import Clock, Post
from edge.settings.lane import Thermometer


class WireMissing(OSError):
    """Something that the configuration names is not there; the message is one line that says what."""


def open_hardware(
    gate: settings.Gate, post: Post, clock: Clock, opened: ExitStack, directory: Path
) -> tuple[LaneIO, Reading | None, Sequence[Busy]]:
    """Open pins, readers and bus.

    Args:
        gate: the device's configuration.
        post: takes the facts.
        clock: paces the reopening of lost readers.
        opened: closes what was opened, last first.
        directory: for what a library leaves lying about.

    Returns:
        The contacts, how to take a temperature (None at an exit), and the threads that call the readers' drivers.

    Raises:
        WireMissing: one of them is not there.
        ConfigError: a library for one of them is not.
    """
    os.environ.setdefault("LG_WD", str(directory))  # lgpio makes a pipe, by default wherever it was started
    with _wire("pins"):
        from drivers.pins import open_pins

        pins = open_pins()
        lane = LaneIO(wiring_of(gate), post, pin_factory=pins)
    opened.callback(lane.close)
    readers: list[HidReader] = []
    for reader in gate.readers:
        if reader.kind == "hid" and reader.path is not None:
            again: Callable[[], Keyboard] = partial(open_hid, reader.path)
            with _wire(f"{reader.side} {reader.role} reader {reader.path}"):
                driver = HidReader(again(), post, reopen=again, **reader_options(reader))
            opened.callback(driver.close)
            readers.append(driver)
    threads: list[Busy] = []
    if readers:
        pump = Pump(readers, clock=clock)
        opened.callback(pump.close)
        threads.append(pump)
    threads += _open_wiegand(gate, post, clock, opened, pins)
    return lane, None if gate.thermometer is None else _thermometer(gate.thermometer, opened), threads


def _open_wiegand(gate: settings.Gate, post: Post, clock: Clock, opened: ExitStack, pins: Factory) -> Sequence[Busy]:
    """Open the readers on two wires, and the one thread that notices when their frames end."""
    on_wires = [reader for reader in gate.readers if reader.kind == "wiegand"]
    if not on_wires:
        return ()
    later = Later(clock)
    opened.callback(later.close)
    for reader in on_wires:
        with _wire(f"{reader.side} {reader.role} reader on BCM {reader.d0} and {reader.d1}"):
            driver = open_wiegand(reader, post, clock=clock.monotonic, call_later=later.call, pin_factory=pins)
        opened.callback(driver.close)
        opened.callback(later.close)  # before the reader: nobody may look at pins that are given back
    return (later,)


@contextmanager
def _wire(name: str) -> Generator[None]:
    """Say which wire it is that cannot be used."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # whatever a library raises, this wire cannot be used
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        raise WireMissing(f"{name}: cannot be used: {' '.join(words.split())}") from error


def _thermometer(chosen: Thermometer, opened: ExitStack) -> Reading:
    if chosen.backend == "adafruit":
        with _wire("thermometer on the I2C bus"):
            from drivers.i2c import open_circuitpython

            adafruit = adafruit_thermometer(chosen, open_circuitpython)
        opened.callback(adafruit.close)
        return adafruit.measure
    from smbus2 import SMBus

    with _wire(f"thermometer on I2C bus {chosen.bus}"):
        bus = SMBus(chosen.bus)
    opened.callback(bus.close)
    return Mlx90614(bus, address=chosen.address).measure
