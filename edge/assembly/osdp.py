"""A gate's OSDP readers: a line and a thread for those that share a path, their keys, and what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TypeAlias

from drivers.osdp_install import INSTALL_S, install_key
from drivers.osdp_line import OsdpLine
from drivers.osdp_wire import FAULTS, open_port
from drivers.reader_osdp import OsdpReader
from edge import settings
from edge.assembly.gate import form_of
from edge.assembly.hardware import WireMissing
from edge.assembly.osdp_keys import faults, key_of
from edge.gate.vocabulary import Indicate, Signal
from edge.runtime.clock import system_s
from edge.runtime.config import ConfigError
from edge.runtime.ports import Clock, Post
from edge.settings.lane import Reader

Show: TypeAlias = Callable[[Indicate], None]

SIGNS: Mapping[Signal, Callable[[OsdpReader, float], None]] = {
    "lamp_green": OsdpReader.accepted,
    "lamp_red": OsdpReader.refused,
}
"""What a reader shows as the lane's lamps do. Its beeps belong to its signs, so the lane's buzzer is not for it."""


def open_lines(building: settings.Building, name: str, post: Post, clock: Clock, opened: ExitStack) -> Show:
    """Open the lines of a gate's OSDP readers; whoever comes in is shown at them what the lane's lamps show.

    Args:
        building: the site's configuration.
        name: which gate of it.
        post: takes the facts.
        clock: paces the lines.
        opened: closes what was opened, last first.

    Raises:
        ConfigError: a key cannot be used, or the extra is missing.
        WireMissing: a line is not there.
    """
    found = faults(building, (name,))
    if found:
        raise ConfigError(found)
    lines: dict[str, list[Reader]] = {}
    for reader in building.devices[name].readers:
        if reader.kind == "osdp":
            lines.setdefault(_path(reader), []).append(reader)
    entry: list[OsdpReader] = []
    for path, readers in lines.items():
        baud = readers[0].baud
        drivers = [_driver(reader, post) for reader in readers]
        try:
            line = OsdpLine(path, partial(open_port, path, baud), baud, drivers, clock=clock, system_s=system_s)
        except FAULTS as error:
            raise WireMissing(f"OSDP line {path}: cannot be used: {' '.join(str(error.args[-1]).split())}") from error
        opened.callback(line.close)
        entry += [driver for driver, reader in zip(drivers, readers, strict=True) if reader.side == "entry"]
    return partial(_show, entry)


def give_key(building: settings.Building, name: str, index: int, clock: Clock, *, timeout_s: float = INSTALL_S) -> bool:
    """Install the key of a gate's reader in the reader, which must be in install mode, while the gate is stopped.

    Args:
        building: the site's configuration.
        name: which gate of it.
        index: which of its readers, from 0.
        clock: bounds it.
        timeout_s: give up after so many seconds.

    Returns:
        False: it had the key already.

    Raises:
        ConfigError: there is no such OSDP reader, its key cannot be used, or the extra is missing.
        InstallFailed: it has not taken the key.
        OSError: the line cannot be used.
    """
    readers = building.devices[name].readers
    if not 0 <= index < len(readers) or readers[index].kind != "osdp":
        raise ConfigError([f"devices.{name}.readers.{index}: expected a reader of kind osdp"])
    found = faults(building, (name,))
    if found:
        raise ConfigError(found)
    reader = readers[index]
    opener = partial(open_port, _path(reader), reader.baud)
    return install_key(opener, reader.baud, reader.address, key_of(reader), clock=clock, timeout_s=timeout_s)


def _driver(reader: Reader, post: Post) -> OsdpReader:
    form = form_of(reader)
    return OsdpReader(reader.address, key_of(reader), post, side=reader.side, size=form.size, order=form.order)


def _path(reader: Reader) -> str:
    return reader.path or ""  # the settings see to it that there is one


def _show(readers: Iterable[OsdpReader], intent: Indicate) -> None:
    sign = SIGNS.get(intent.signal)
    if sign is not None:
        for reader in readers:
            sign(reader, intent.for_s)
