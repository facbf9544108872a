"""The world at one lane: people with cards and foreheads, on the far end of the wires.

Everything reaches the gate through its real drivers: cards are typed by keyboards or pulsed over wires, beams are
levels on pins, the forehead is what the thermometer's chip sees. Nobody passes a lane whose lock is shut.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drivers.lane_io import Input, LanePins, LockKind
from simulators.scenario import AnyKind, Part
from simulators.wires.evdev import FakeKeyboard
from simulators.wires.pins import FakePins
from simulators.wires.reader import FakeReader
from simulators.wires.smbus import FakeMlx90614, I2cWire

STEP_S = 0.4
"""How long one person breaks a beam."""
PRESS_S = 0.3
"""How long a button is pressed."""
NOISE_C = 0.03
NOISE_MAX_C = 0.05
"""Thermometer noise: standard deviation, and where it is cut off, so that medians stay within 0.06 °C."""
HALL_C = 22.0
"""Temperature of the hall, and of the wall that the thermometer sees when nobody is there."""

OWN_PARTS = ("thermometer", "reader", "lock", "beam")
"""Parts that can be faulty here; the others belong to the computer."""

Later = Callable[[float, Callable[[], None]], None]
"""Calls back after so many seconds of the world's time."""


def _no_keyboards() -> dict[int, FakeKeyboard]:
    return {}


def _no_buses() -> dict[int, I2cWire]:
    return {}


def _no_readers() -> dict[str, FakeReader]:
    return {}


@dataclass(slots=True)
class LaneWorld:
    """People, air and wires at one lane.

    Attributes:
        wiring: which pin is what.
        later: the world's timer.
        rng: the seeded source of all noise.
        now_s: the world's time, for the stamps of key strokes.
        i2c: the thermometer's bus.
        buses: other I²C buses, by number.
        keyboards: those among the readers that type, by their number in the gate's configuration.
        readers: by what people use them for: ``entry``, ``exit``, ``code``.
        went_in: how many people truly came in through this lane, whatever the gate believes.
        went_out: how many truly left through it.
    """

    wiring: LanePins
    later: Later
    rng: random.Random
    now_s: Callable[[], float]
    pins: FakePins = field(default_factory=FakePins)
    i2c: I2cWire = field(default_factory=I2cWire)
    buses: dict[int, I2cWire] = field(default_factory=_no_buses)
    keyboards: dict[int, FakeKeyboard] = field(default_factory=_no_keyboards)
    readers: dict[str, FakeReader] = field(default_factory=_no_readers)
    ambient_c: float = HALL_C
    skin_c: float | None = None
    went_in: int = 0
    went_out: int = 0
    chip: FakeMlx90614 = field(init=False)
    _broken: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.chip = FakeMlx90614(
            lambda: self.ambient_c if self.skin_c is None else self.skin_c,
            lambda: self.ambient_c,
            noise=self._noise,
            ambient_noise=self._noise,
        )
        self.i2c.attach(self.chip)
        for name in ("entry_beam", "exit_beam", "fire", "release_button", "presence"):
            self._drive(name, False)

    def _noise(self) -> float:
        return max(-NOISE_MAX_C, min(NOISE_MAX_C, self.rng.gauss(0.0, NOISE_C)))

    @property
    def open(self) -> bool:
        """Whether somebody who pushes gets through, inwards."""
        lock = self.wiring.lock
        if lock is None:
            return False
        energised = self.pins.level(lock.pin) == lock.active_high
        return energised == (self.wiring.lock_kind is LockKind.FAIL_SECURE)

    # --- what people do -------------------------------------------------------------------------------

    def tap(self, card: str, code: str | None = None) -> None:
        """Enter the code, if there is one, and hold a card to the entry reader."""
        takes_s = self.readers["code"].enter(code) if code is not None and "code" in self.readers else 0.0
        if "entry" not in self.readers:
            return
        if takes_s:
            self.later(takes_s, lambda: self.readers["entry"].present(card))
        else:
            self.readers["entry"].present(card)

    def face(self, skin_c: float) -> None:
        """Stand before the thermometer."""
        self.skin_c = skin_c
        self._drive("presence", True)

    def leave(self) -> None:
        """Step away from the thermometer."""
        self.skin_c = None
        self._drive("presence", False)

    def walk_in(self, count: int = 1) -> bool:
        """Walk through inwards, one second apart, if the lane is open for the first; whether they got in."""
        if not self.open:
            return False
        for place in range(count):
            self.later(float(place), self.force)
        return True

    def walk_out(self, card: str | None = None) -> None:
        """Leave, holding a card to the exit reader if there is one."""
        if card is not None and "exit" in self.readers:
            self.readers["exit"].present(card)
        self.went_out += 1
        self._break_beam("exit_beam", STEP_S)

    def force(self) -> None:
        """Go through, locked or not."""
        self.went_in += 1
        self._break_beam("entry_beam", STEP_S)

    def hold_open(self, for_s: float) -> None:
        """Go through and stay in the entry beam."""
        self.went_in += 1
        self._break_beam("entry_beam", for_s)

    def fire(self, active: bool) -> None:
        """The alarm's contact."""
        self._drive("fire", active)

    def press_release(self) -> None:
        """The guard's button, pressed and let go."""
        self._drive("release_button", True)
        self.later(PRESS_S, lambda: self._drive("release_button", False))

    # --- what wires do --------------------------------------------------------------------------------

    def fault(self, part: Part, kind: AnyKind, on: bool) -> None:
        """Begin or end a fault of the thermometer, a reader, the lock or a beam: the entry's, where there is one."""
        match part:
            case "thermometer":
                setattr(self.chip, kind, on)
            case "reader":
                setattr(self.readers.get("entry") or self.readers["exit"], kind, on)
            case "lock" if self.wiring.lock is not None:
                setattr(self.pins[self.wiring.lock.pin], kind, on)
            case "beam":
                beam = self.wiring.entry_beam or self.wiring.exit_beam
                if beam is not None:
                    setattr(self.pins[beam.pin], kind, on)
            case _:
                raise ValueError(f"no {part} here")

    def act(self, do: str, keys: Mapping[str, Any]) -> bool:
        """Do what a stimulus says; False if it is not about this lane's people and wires."""
        match do:
            case "tap":
                self.tap(keys["card"], keys["code"])
            case "face":
                self.face(keys["skin_c"])
            case "leave":
                self.leave()
            case "pass":
                self.walk_in(keys["count"])
            case "exit":
                self.walk_out(keys["card"])
            case "force":
                self.force()
            case "hold_open":
                self.hold_open(keys["for_s"])
            case "fire":
                self.fire(keys["active"])
            case "release_button":
                self.press_release()
            case "ambient":
                self.ambient_c = keys["ambient_c"]
            case "fault" if keys["part"] in OWN_PARTS:
                self.fault(keys["part"], keys["kind"], keys["on"])
            case _:
                return False
        return True

    def outputs(self, changed: Callable[[str, bool], None]) -> None:
        """Call back for every change of an output, by its logical name (lock on = open)."""
        names: dict[int, tuple[str, bool]] = {}
        for name in ("lock", "lamp_green", "lamp_red", "buzzer"):
            output = getattr(self.wiring, name)
            if output is not None:
                inverted = name == "lock" and self.wiring.lock_kind is LockKind.FAIL_SAFE
                names[output.pin] = (name, output.active_high != inverted)
        last: dict[str, bool] = {}

        def tell(pin: int, level: bool) -> None:
            if pin in names:
                name, on_level = names[pin]
                on = level == on_level
                if last.get(name, False) != on:
                    last[name] = on
                    changed(name, on)

        self.pins.on_output(tell)

    def power_cut(self) -> None:
        """The gate's computer is off: its outputs fall to their wired safe state, nobody listens to its readers."""
        self.pins.power_cut()
        for keyboard in self.keyboards.values():
            keyboard.power_cut()

    def _break_beam(self, name: str, for_s: float) -> None:
        """Somebody is in a beam; it clears when the last one has left it."""
        self._broken[name] = self._broken.get(name, 0) + 1
        self._drive(name, True)

        def clear() -> None:
            self._broken[name] -= 1
            if not self._broken[name]:
                self._drive(name, False)

        self.later(for_s, clear)

    def _drive(self, name: str, active: bool) -> None:
        wire: Input | None = getattr(self.wiring, name)
        if wire is not None:
            self.pins.drive(wire.pin, active != wire.active_low)
