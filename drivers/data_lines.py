"""The two data wires of a Wiegand reader as inputs: falling edges, levels, and a filter against storms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Protocol, cast

from gpiozero import InputDevice
from gpiozero.pins import Factory


class _Pin(Protocol):
    edges: str
    bounce: float | None
    when_changed: Callable[[float, bool], None] | None
    state: bool


class _InputDevice(Protocol):
    @property
    def pin(self) -> _Pin: ...

    def close(self) -> None: ...


_open_input = cast(Callable[..., _InputDevice], InputDevice)


class DataLines:
    """D0 and D1, at rest high.

    Args:
        d0: BCM number of the pin of D0.
        d1: and of D1.
        pin_factory: `drivers.pins.open_pins` on hardware.
        pull_up: use the Raspberry Pi's own resistors.

    Raises:
        gpiozero.GPIOZeroError: a pin does not exist or is in use; nothing stays open.
    """

    def __init__(self, d0: int, d1: int, *, pin_factory: Factory, pull_up: bool) -> None:
        self._pins: dict[str, _Pin] = {}
        self._told: dict[str, Callable[[float, bool], None]] = {}
        with ExitStack() as opened:
            for name, number in (("D0", d0), ("D1", d1)):
                pull = {"pull_up": True} if pull_up else {"pull_up": None, "active_state": False}
                device = _open_input(number, pin_factory=pin_factory, **pull)
                opened.callback(device.close)
                device.pin.edges = "falling"
                self._pins[name] = device.pin
            self._opened = opened.pop_all()

    def listen(self, edge: Callable[[bool], None]) -> None:
        """Tell each pulse from now on, False on D0 and True on D1, on the thread that brings edges."""
        self._told = {"D0": partial(_fell, edge, False), "D1": partial(_fell, edge, True)}
        for name, told in self._told.items():
            self._pins[name].when_changed = told  # which keeps no callback alive by itself

    def low(self) -> str | None:
        """What is wrong where a wire is low now that should rest; None where none is."""
        names = [name for name, pin in self._pins.items() if not pin.state]
        return f"{' and '.join(names)} low at rest: check for a short circuit and pull-ups" if names else None

    def debounce(self, stable_s: float | None) -> None:
        """Let lgpio drop every level that lasts shorter, before Python sees it; None: tell all."""
        for pin in self._pins.values():
            pin.bounce = stable_s

    def close(self) -> None:
        """Give the pins back. A second call does nothing."""
        self._opened.close()


def _fell(edge: Callable[[bool], None], bit: bool, _ticks: float, level: bool) -> None:
    if not level:
        edge(bit)
