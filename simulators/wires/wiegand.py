"""A card reader with two wires, pulling them low pulse by pulse under the real driver."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle

from drivers.later import CallLater
from drivers.uid import ByteOrder
from drivers.wiegand import WIEGAND_26, BadFrame, Format, encode
from simulators.wires.pins import FakePins

PULSE_S = 50e-6
"""Length of a pulse: 20 to 100 µs (field notes 2)."""

INTERVAL_S = 2e-3
"""From pulse to pulse: 0.2 to 20 ms (field notes 2)."""


class _Pulses:
    """A fault that pulls at the wires by itself, one after the other, as long as it is on."""

    def __init__(self, pulse: Callable[[bool], None], later: CallLater) -> None:
        self.on = False
        self._pulse = pulse
        self._later = later
        self._run = 0

    def switch(self, on: bool, every_s: Callable[[], float]) -> None:
        if on != self.on:
            self.on = on
            self._run += 1
            if on:
                bits = cycle((False, True, True))
                self._next(self._run, lambda: next(bits), every_s)

    def _next(self, run: int, bit: Callable[[], bool], every_s: Callable[[], float]) -> None:
        if run == self._run:
            self._pulse(bit())
            self._later(every_s(), partial(self._next, run, bit, every_s))


class FakeWiegand:
    """A reader with its faults as plain attributes. A card shown while another is being sent mixes with it.

    Args:
        pins: the header.
        d0: BCM number of the pin that it takes for D0.
        d1: and for D1.
        later: a scheduler.
        row: what it sends.
        order: ``reversed``: it sends the card's last byte first.

    Attributes:
        corrupt: the last bit of the number is turned.
        intermittent: every other card is not sent, the first one first.
        short: so many bits are sent, then nothing; None for all.
        swapped: D0 is on the pin of D1, and the other way round.
        slow: bits come ``slow_s`` apart.
        interval_s: seconds from bit to bit.
        pulse_s: seconds of a pulse.
        slow_s: seconds; by default longer than any driver waits.
        noise_s: seconds between two pulses of ``noise``: further apart than bits of a frame.
        storm_s: seconds between two pulses of ``storm``.
    """

    def __init__(
        self,
        pins: FakePins,
        d0: int,
        d1: int,
        later: CallLater,
        *,
        row: Format = WIEGAND_26,
        order: ByteOrder = "normal",
    ) -> None:
        self.corrupt = False
        self.short: int | None = None
        self.swapped = False
        self.slow = False
        self.interval_s = INTERVAL_S
        self.pulse_s = PULSE_S
        self.slow_s = 0.05
        self.noise_s = 0.07
        self.storm_s = 0.5e-3
        self._pins = pins
        self._numbers = (d0, d1)
        self._later = later
        self._row = row
        self._order: ByteOrder = order
        self._absent = self._stuck = self._intermittent = self._lost_last = False
        self._noise = _Pulses(self.pulse, later)
        self._storm = _Pulses(self.pulse, later)
        self._rest()

    @property
    def absent(self) -> bool:
        """Fault: unplugged; the wires float to the pins' own pull."""
        return self._absent

    @absent.setter
    def absent(self, on: bool) -> None:
        self._absent = on
        for number in self._numbers:
            self._pins[number].absent = on

    @property
    def stuck(self) -> bool:
        """Fault: D0 is held low."""
        return self._stuck

    @stuck.setter
    def stuck(self, on: bool) -> None:
        self._stuck = on
        self._rest()

    @property
    def intermittent(self) -> bool:
        """Fault: every other card is not sent, the first one first."""
        return self._intermittent

    @intermittent.setter
    def intermittent(self, on: bool) -> None:
        self._intermittent = on
        self._lost_last = False

    @property
    def noise(self) -> bool:
        """Fault: a stray pulse now and then, each a frame of its own."""
        return self._noise.on

    @noise.setter
    def noise(self, on: bool) -> None:
        self._noise.switch(on, lambda: self.noise_s)

    @property
    def storm(self) -> bool:
        """Fault: pulses without end."""
        return self._storm.on

    @storm.setter
    def storm(self, on: bool) -> None:
        self._storm.switch(on, lambda: self.storm_s)

    def present(self, card: str) -> None:
        """Hold a card to it: it sends the number in its format.

        Raises:
            BadFrame: no number in hex, or one that does not fit the format.
        """
        try:
            number = bytes.fromhex(card)
        except ValueError:
            raise BadFrame("expected a card number in hex") from None
        frame = encode(number[::-1] if self._order == "reversed" else number, self._row)
        if self._intermittent:
            self._lost_last = not self._lost_last
            if self._lost_last:
                return
        self.send(frame)

    def send(self, frame: tuple[bool, ...]) -> None:
        """Send bits as they are, whether or not they are a card; what is broken breaks them."""
        last = self._row.card[-1]
        for place, bit in enumerate(frame[: self.short], start=1):
            turned = bit != (self.corrupt and place == last)
            self._later((place - 1) * (self.slow_s if self.slow else self.interval_s), partial(self.pulse, turned))

    def pulse(self, bit: bool) -> None:
        """Pull one wire low for a moment, now."""
        number = self._numbers[bit != self.swapped]
        self._pins.drive(number, False)
        self._later(self.pulse_s, self._rest)

    def _rest(self) -> None:
        """Let go of both wires."""
        for place, number in enumerate(self._numbers):
            self._pins.drive(number, not (self._stuck and place == 0))
