"""The header's pins with the wires on them, under the real gpiozero devices.

Each wire has two ends. An output's level travels from the pin to the world, an input's from the
world to the pin; faults sit between. What gpiozero's own mock records of every level since the
start is not kept here: a simulated day would fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from gpiozero import PinInvalidFunction, PinInvalidPull, PinSetInput
from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory, MockPin

OnOutput = Callable[[int, bool], None]
"""Takes BCM number and level."""


class _Fault:
    """A fault of a wire: switched on and off like an attribute, it acts at once."""

    def __set_name__(self, owner: type[Wire], name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, wire: Wire, owner: type[Wire]) -> bool:
        return bool(getattr(wire, self._name))

    def __set__(self, wire: Wire, on: bool) -> None:
        setattr(wire, self._name, on)
        wire.settle()


class Wire:
    """One wire between a pin and the world, with its faults as plain attributes.

    Attributes:
        stuck: the receiving end keeps the level it has.
        absent: nothing arrives; an input floats to its pull, an output's far end to ``rest``.
        intermittent: every other change is lost, the first one first.
        rest: level of an output's far end while nobody drives it: the external resistor.
    """

    stuck = _Fault()
    absent = _Fault()
    intermittent = _Fault()

    def __init__(self, number: int, changed: OnOutput) -> None:
        self.rest = False
        self._number = number
        self._changed = changed
        self._pin: FakePin | None = None
        self._pi: bool | None = None  # driven by the pin; None: it is an input
        self._world: bool | None = None  # driven by the world; None: nothing there
        self._pull = False
        self._near = False
        self._far = False
        self._watched = True  # an input, as far as anybody knows
        self._stuck = self._absent = self._intermittent = self._lost_last = False

    @property
    def level(self) -> bool:
        """Level at the receiving end: of an output in the world, of an input at the pin."""
        return self._near if self._watched else self._far

    @property
    def driven(self) -> bool | None:
        """Level that the pin itself drives; None while it is an input."""
        return self._pi

    def drive(self, level: bool) -> None:
        """The world puts a level on its end."""
        self._world = level
        self.settle(edge=True)

    # --- the pin's side

    def connect(self, pin: FakePin) -> None:
        """A pin takes hold of its end and hears of every change that it sees."""
        self._pin = pin

    def watch(self) -> None:
        """The pin is an input that somebody listens to."""
        self._watched = True
        self.settle()

    def output(self, level: bool, *, claim: bool = False) -> None:
        """The pin drives a level; with ``claim`` it becomes an output, and the world is told anyway."""
        if self._watched:
            self._far = self.rest
        self._pi = level
        self._watched = False
        told = self.settle(edge=True)
        if claim and not told:
            self._changed(self._number, self._far)

    def release(self) -> None:
        """The pin stops driving."""
        self._pi = None
        self.settle()

    def pull(self, up: bool) -> None:
        """The pin's own resistor pulls."""
        self._pull = up
        self.settle()

    def lose_power(self) -> None:
        """The whole board is without power: no pin, no pull."""
        if self._pin is not None:
            self._pin.cut()
            self._pin = None
        self._pull = False
        self.release()

    def settle(self, *, edge: bool = False) -> bool:
        """Let the levels travel; True if the world was told of an output."""
        if not self._intermittent:
            self._lost_last = False
        if self._pi is None and self._watched:
            driven = self._pull if self._world is None else self._world
            level = self._carry(driven, self._near, self._pull, edge)
            if level != self._near:
                self._near = level
                if self._pin is not None:
                    self._pin.notice(level)
            return False
        driven = self.rest if self._pi is None else self._pi
        level = self._carry(driven, self._far, self.rest, edge)
        if level == self._far:
            return False
        self._far = level
        self._changed(self._number, level)
        return True

    def _carry(self, driven: bool, present: bool, idle: bool, edge: bool) -> bool:
        if self._absent:
            return idle
        if self._stuck or driven == present:
            return present
        if self._intermittent and edge:
            self._lost_last = not self._lost_last
            if self._lost_last:
                return present
        return driven


class _MockPin(Protocol):
    def __init__(self, factory: object, info: object) -> None: ...


class _MockFactory(Protocol):
    def __init__(self, revision: str, pin_class: type[MockPin]) -> None: ...


class FakePin(MockPin):
    """A pin at the end of a `Wire`."""

    _pull: str

    def __init__(self, factory: _Factory, info: object) -> None:
        self._wire = Wire(0, _nobody)  # until the number is known
        cast(_MockPin, super()).__init__(factory, info)
        self._wire = factory.wire(self._number)
        self._wire.connect(self)
        self._wire.pull(self._pull == "up")

    def close(self) -> None:
        """Become an input without a resistor, as lgpio's pins do when they are given back."""
        super().close()
        self._pull = "floating"
        self._wire.pull(False)

    def cut(self) -> None:
        """Nothing that this pin does reaches the world any more, and nothing comes from there."""
        driven = self._wire.driven
        self._wire = Wire(self._number, _nobody)
        if driven is not None:
            self._wire.output(driven)

    def clear_states(self) -> None:
        """Keep no history."""
        self._last_change = 0.0

    def output_with_state(self, state: bool) -> None:
        """Become an output at that level, without a pulse, as the pins of `drivers.pins` do."""
        self._wire.output(bool(state), claim=True)

    def drive_high(self) -> None:
        """The world drives this input high."""
        self._wire.drive(True)

    def drive_low(self) -> None:
        """The world drives this input low."""
        self._wire.drive(False)

    def notice(self, level: bool) -> None:
        """The wire's level changed: an edge, if somebody listens."""
        if self._when_changed is not None:
            self._state = level
            self._call_when_changed()

    def _get_function(self) -> str:
        return "input" if self._wire.driven is None else "output"

    def _set_function(self, value: str) -> None:
        if value == "input":
            self._wire.release()
        elif value == "output":
            self._wire.output(False, claim=True)
        else:
            raise PinInvalidFunction("function must be input or output")

    def _get_state(self) -> bool:
        driven = self._wire.driven
        return self._wire.level if driven is None else driven

    def _set_state(self, value: float) -> None:
        if self._wire.driven is None:
            raise PinSetInput(f"cannot set state of pin {self!r}")
        self._wire.output(bool(value))

    def _set_pull(self, value: str) -> None:
        if value not in ("up", "down", "floating"):
            raise PinInvalidPull("pull must be floating, up, or down")
        self._pull = value
        self._wire.watch()
        self._wire.pull(value == "up")

    def _enable_event_detect(self) -> None:
        self._wire.watch()


class _Factory(MockFactory):
    """A board whose pins end in wires."""

    def __init__(self, wire: Callable[[int], Wire]) -> None:
        self.wire = wire
        cast(_MockFactory, super()).__init__("c03111", FakePin)  # a Raspberry Pi 4 B


class FakePins:
    """A header with the world behind it. Pins are named by BCM number.

    Attributes:
        factory: give it to the drivers as ``pin_factory``.
    """

    def __init__(self) -> None:
        self._wires: dict[int, Wire] = {}
        self._listeners: list[OnOutput] = []
        self._board = _Factory(self.__getitem__)

    @property
    def factory(self) -> Factory:
        """The pins as the drivers see them; a new board after `power_cut`."""
        return self._board

    def __getitem__(self, pin: int) -> Wire:
        """The wire at a pin, for its faults."""
        wire = self._wires.get(pin)
        if wire is None:
            wire = self._wires[pin] = Wire(pin, self._tell)
        return wire

    def drive(self, pin: int, level: bool) -> None:
        """The world puts a level on an input's wire."""
        self[pin].drive(level)

    def level(self, pin: int) -> bool:
        """Level at the receiving end: of an output in the world, of an input at the pin."""
        return self[pin].level

    def on_output(self, callback: OnOutput) -> None:
        """Call back for every change of an output's level in the world, and when one is claimed.

        Outputs that are driven already are told at once.
        """
        self._listeners.append(callback)
        for pin, wire in self._wires.items():
            if wire.driven is not None:
                callback(pin, wire.level)

    def power_cut(self) -> None:
        """The board loses its power: outputs fall to rest, and drivers that were open are dead.

        What the world drives stays, for the new `factory` to find.
        """
        for wire in self._wires.values():
            wire.lose_power()
        self._board = _Factory(self.__getitem__)

    def _tell(self, pin: int, level: bool) -> None:
        for listener in self._listeners:
            listener(pin, level)


def _nobody(_pin: int, _level: bool) -> None:
    """What a cut wire tells."""
