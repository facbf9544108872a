"""The contacts of one lane: lock, lamps and buzzer out; beams, fire, button and presence in.

Names are logical here (``lock`` on = open for passage); voltage and polarity stay below. Nothing
blinks, nothing is debounced, no thread is made. Input edges become facts on the thread that brings
them (lgpio's own on hardware). A lane may lack any contact, and outputs and inputs may live in
different processes: each process opens what its `LanePins` name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Literal, Protocol, cast

from gpiozero import DigitalInputDevice, DigitalOutputDevice
from gpiozero.pins import Factory

from edge.gate.vocabulary import (
    BeamBroken,
    BeamCleared,
    FireChanged,
    PresenceChanged,
    ReleasePressed,
)
from edge.runtime.ports import Post
from edge.runtime.vocabulary import Fact

OutputName = Literal["lock", "lamp_green", "lamp_red", "buzzer"]
"""What a lane may switch."""

InputName = Literal["entry_beam", "exit_beam", "fire", "release_button", "presence"]
"""What a lane may sense. Active means: broken, alarm, pressed, somebody there."""

OUTPUTS: tuple[OutputName, ...] = ("lock", "lamp_green", "lamp_red", "buzzer")
INPUTS: tuple[InputName, ...] = ("fire", "entry_beam", "exit_beam", "presence", "release_button")
"""In the order in which their state is posted at the start."""


class LockKind(StrEnum):
    """What a lock does without power. Both are left without power when nobody controls them."""

    FAIL_SECURE = "fail_secure"  # energised = open
    FAIL_SAFE = "fail_safe"  # energised = locked


@dataclass(frozen=True, slots=True)
class Output:
    """One output pin.

    Attributes:
        pin: BCM number, one of `drivers.pins.SAFE_OUTPUTS`.
        active_high: a high level energises; False for relay boards that switch at a low level.
    """

    pin: int
    active_high: bool = True


@dataclass(frozen=True, slots=True)
class Input:
    """One input pin.

    Attributes:
        pin: BCM number.
        active_low: a low level means active; the default fits a contact to ground that closes.
        pull: the Raspberry Pi's own resistor (50 kOhm nominal), which decides when the wire is cut.
            A contact that opens on alarm is ``active_low=False, pull="up"``: a cut wire alarms.
    """

    pin: int
    active_low: bool = True
    pull: Literal["up", "down", "none"] = "up"


@dataclass(frozen=True, slots=True)
class LanePins:
    """The contacts of one lane; None where it has none."""

    lock: Output | None = None
    lamp_green: Output | None = None
    lamp_red: Output | None = None
    buzzer: Output | None = None
    entry_beam: Input | None = None
    exit_beam: Input | None = None
    fire: Input | None = None
    release_button: Input | None = None
    presence: Input | None = None
    lock_kind: LockKind = LockKind.FAIL_SECURE


class _InputDevice(Protocol):
    when_activated: Callable[[], None]
    when_deactivated: Callable[[], None]

    @property
    def is_active(self) -> bool: ...

    def close(self) -> None: ...


class _OutputDevice(Protocol):
    @property
    def is_active(self) -> bool: ...

    def on(self) -> None: ...

    def off(self) -> None: ...

    def close(self) -> None: ...


_open_input = cast(Callable[..., _InputDevice], DigitalInputDevice)
_open_output = cast(Callable[..., _OutputDevice], DigitalOutputDevice)

_FACTS: Mapping[InputName, Callable[[bool], Fact | None]] = {
    "entry_beam": lambda broken: BeamBroken("entry") if broken else BeamCleared("entry"),
    "exit_beam": lambda broken: BeamBroken("exit") if broken else BeamCleared("exit"),
    "fire": FireChanged,
    "release_button": lambda pressed: ReleasePressed() if pressed else None,
    "presence": PresenceChanged,
}

_AT_START: Mapping[InputName, frozenset[bool]] = {
    "entry_beam": frozenset({True}),
    "exit_beam": frozenset({True}),
    "fire": frozenset({True, False}),
    "release_button": frozenset(),  # held at the start is no press
    "presence": frozenset({True, False}),
}
"""Which states are worth a fact when the lane is opened."""


class _Watch:
    """One input: each state is posted once, though start and edges come from different threads."""

    def __init__(self, name: InputName, wiring: Input, post: Post, pin_factory: Factory) -> None:
        self._fact = _FACTS[name]
        self._post = post
        self._lock = threading.Lock()
        self._active: bool | None = None
        # gpiozero takes an active level of its own choice from the pull; ours may be the other
        floating = wiring.pull == "none"
        self._inverted = not floating and wiring.active_low != (wiring.pull == "up")
        self.device = _open_input(
            wiring.pin,
            pull_up=None if floating else wiring.pull == "up",
            active_state=not wiring.active_low if floating else None,
            pin_factory=pin_factory,
        )
        self.device.when_activated = partial(self._changed, not self._inverted)
        self.device.when_deactivated = partial(self._changed, self._inverted)
        with self._lock:
            if self._active is None:
                self._active = self.active
                if self._active in _AT_START[name]:
                    self._tell(self._active)

    @property
    def active(self) -> bool:
        return self.device.is_active != self._inverted

    def _changed(self, active: bool) -> None:
        with self._lock:
            if active != self._active:
                self._active = active
                self._tell(active)

    def _tell(self, active: bool) -> None:
        fact = self._fact(active)
        if fact is not None:
            self._post(fact)


class LaneIO:
    """The contacts of one lane, opened: outputs in their safe state, the inputs' state posted.

    The safe state of every output is without power: lamps and buzzer off, a fail-secure lock
    locked, a fail-safe lock open.

    Args:
        pins: the wiring.
        post: takes the facts, from any thread.
        pin_factory: `drivers.pins.open_pins` on hardware.

    Raises:
        gpiozero.GPIOZeroError: a pin does not exist or is in use; nothing stays open.
    """

    def __init__(self, pins: LanePins, post: Post, *, pin_factory: Factory) -> None:
        self._inverted_lock = pins.lock_kind is LockKind.FAIL_SAFE
        self._outputs: dict[OutputName, _OutputDevice] = {}
        self._inputs: dict[InputName, _Watch] = {}
        with ExitStack() as opened:
            for name in OUTPUTS:
                output = cast(Output | None, getattr(pins, name))
                if output is not None:
                    device = _open_output(output.pin, active_high=output.active_high, pin_factory=pin_factory)
                    opened.callback(device.close)
                    opened.callback(device.off)
                    self._outputs[name] = device
            for name in INPUTS:
                wiring = cast(Input | None, getattr(pins, name))
                if wiring is not None:
                    watch = _Watch(name, wiring, post, pin_factory)
                    opened.callback(watch.device.close)
                    self._inputs[name] = watch
            self._opened = opened.pop_all()

    def write(self, name: OutputName, on: bool) -> None:
        """Switch an output; nothing happens where the lane has none (an exit without a lock)."""
        device = self._outputs.get(name)
        if device is not None:
            if on != self._inverted(name):
                device.on()
            else:
                device.off()

    def read(self, name: OutputName) -> bool | None:
        """Whether an output is on, as read back from the pin; None where the lane has none."""
        device = self._outputs.get(name)
        return None if device is None else device.is_active != self._inverted(name)

    def state(self) -> dict[InputName, bool]:
        """Which inputs are active now, read from the pins; only those that the lane has."""
        return {name: watch.active for name, watch in self._inputs.items()}

    def close(self) -> None:
        """Outputs to their safe state, then give all pins back. A second call does nothing."""
        self._outputs = {}
        self._inputs = {}
        self._opened.close()

    def _inverted(self, name: OutputName) -> bool:
        return name == "lock" and self._inverted_lock
