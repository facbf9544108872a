"""A card reader, or a keypad, with two wires, pulling them low pulse by pulse under the real driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle

from drivers.later import CallLater
from drivers.uid import ByteOrder
from drivers.wiegand import WIEGAND_26, BadFrame, Format, encode
from drivers.wiegand_keys import END, KEYS, KeyBits, burst
from simulators.wires.pins import FakePins
from simulators.wires.reader import FakeReader

PULSE_S = 50e-6
"""Length of a pulse: 20 to 100 µs (field notes 2)."""

INTERVAL_S = 2e-3
"""From pulse to pulse: 0.2 to 20 ms (field notes 2)."""

KEY_S = 0.25
"""From key to key: somebody who knows the code."""


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


class FakeWiegand(FakeReader):
    """A reader with its faults as plain attributes. A card shown while another is being sent mixes with it.

    Args:
        pins: the header, whose wires something there holds high.
        d0: BCM number of the pin that it takes for D0.
        d1: and for D1.
        later: a scheduler.
        row: what it sends.
        order: ``reversed``: it sends the card's last byte first.
        keypad: bits that it sends for a key; None: it has no keys.

    Attributes:
        absent: nothing comes, the wires rest.
        stuck: D0 is held low.
        corrupt: the last bit of the number, or of a key, is turned.
        short: ``short_bits`` are sent, then nothing.
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
        keypad: KeyBits | None = None,
    ) -> None:
        super().__init__()
        self.short = False
        self.short_bits = 4
        self.swapped = False
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
        self._keypad: KeyBits | None = keypad
        self._noise = _Pulses(self.pulse, later)
        self._storm = _Pulses(self.pulse, later)
        self._rest()

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

    # --- what people do

    def present(self, card: str) -> None:
        """Hold a card to it: it sends the number in its format. A number of another size it sends as it is.

        Raises:
            BadFrame: no number in hex.
        """
        try:
            number = bytes.fromhex(card)
        except ValueError:
            raise BadFrame("expected a card number in hex") from None
        if self._loses():
            return
        try:
            frame = encode(number[::-1] if self._order == "reversed" else number, self._row)
        except BadFrame:
            frame = tuple(bool(byte >> place & 1) for byte in number for place in range(7, -1, -1))
        self.send(frame)

    def enter(self, code: str) -> float:
        """Press the keys of a code, those that there are, and ``#``."""
        if self._keypad is None or self._loses():
            return 0.0
        keys = [*(key for key in code if key in KEYS), END]
        for place, key in enumerate(keys):
            self._later(place * KEY_S, partial(self.send, burst(key, self._keypad)))
        return len(keys) * KEY_S

    # --- what its wires do

    def send(self, frame: tuple[bool, ...]) -> None:
        """Send bits as they are, whether or not they are a card; what is broken breaks them."""
        last = self._row.card[-1] if len(frame) == self._row.bits else len(frame)
        sent = frame[: self.short_bits] if self.short else frame
        bits = [bit != (self.corrupt and place == last) for place, bit in enumerate(sent, start=1)]
        self._later(0.0, partial(self._next, bits))

    def _next(self, bits: Sequence[bool]) -> None:
        """Send the first of these bits; the others when it is over, also where real time is late."""
        if bits:
            self.pulse(bits[0])
            self._later(self.pulse_s, partial(self._pause, bits[1:]))

    def _pause(self, bits: Sequence[bool]) -> None:
        self._later((self.slow_s if self.slow else self.interval_s) - self.pulse_s, partial(self._next, bits))

    def pulse(self, bit: bool) -> None:
        """Pull one wire low for a moment, now."""
        if not self._absent:
            self._pins.drive(self._numbers[bit != self.swapped], False)
            self._later(self.pulse_s, self._rest)

    def _plugged(self, there: bool) -> None:
        self._rest()

    def _jammed(self, on: bool) -> None:
        self._rest()

    def _rest(self) -> None:
        """Let go of both wires."""
        for place, number in enumerate(self._numbers):
            self._pins.drive(number, self._absent or not self._stuck or place != 0)
