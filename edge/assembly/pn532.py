"""A gate's PN532 readers: each on its bus, polled by the bus's own thread, which may be the thermometer's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

from drivers.later import Later
from drivers.paced import Paced, Submit
from drivers.reader_pn532 import Pn532Reader
from edge import settings
from edge.assembly.hardware import WireMissing
from edge.runtime.config import ConfigError
from edge.runtime.hung import Busy
from edge.runtime.ports import Clock, Post
from edge.settings.lane import Reader


class I2C(Protocol):
    """A bus as CircuitPython's libraries want it, as far as it is closed here."""

    def close(self) -> None:
        """Close the bus."""
        ...


def open_pn532(
    reader: Reader, i2c: object, post: Post, *, now_s: Callable[[], float], pause: Callable[[float], None]
) -> Pn532Reader:
    """A reader on an open bus.

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        return Pn532Reader(i2c, post, now_s=now_s, pause=pause, side=reader.side, size=reader.uid_bytes)
    except ModuleNotFoundError as missing:
        raise ConfigError([f"readers: kind pn532 needs the extra pn532: {missing}"]) from None


def poll_readers(
    gate: settings.Gate,
    post: Post,
    clock: Clock,
    opened: ExitStack,
    *,
    open_i2c: Callable[[int], I2C],
    submit: Callable[[int], Submit],
) -> Sequence[Busy]:
    """Open a gate's readers, and have them polled.

    Args:
        gate: the device's configuration.
        post: takes the facts, from the buses' threads.
        clock: paces the polls.
        opened: closes what was opened, last first.
        open_i2c: opens a bus by its number.
        submit: of the worker of a bus, by the bus's number.

    Returns:
        The threads that call the drivers, other than the workers.

    Raises:
        WireMissing: a bus is not there.
        ConfigError: the library is not installed.
    """
    readers = [reader for reader in gate.readers if reader.kind == "pn532"]
    if not readers:
        return ()
    later = Later(clock)
    opened.callback(later.close)

    def pause(for_s: float) -> None:
        clock.wait(threading.Event(), clock.monotonic() + for_s)

    for reader in readers:
        try:
            i2c = open_i2c(reader.bus)
        except OSError as error:
            where = f"{reader.side} card reader on I2C bus {reader.bus}"
            raise WireMissing(f"{where}: cannot be used: {error.strerror or error}") from error
        opened.callback(i2c.close)
        driver = open_pn532(reader, i2c, post, now_s=clock.monotonic, pause=pause)
        opened.callback(Paced(driver.poll, submit(reader.bus), later.call).close)
    return (later,)
