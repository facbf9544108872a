"""A Wiegand reader at a door: real driver, fake wires, virtual time."""

from __future__ import annotations

from drivers.reader_wiegand import STORM_EDGES, WiegandReader
from drivers.uid import ByteOrder
from drivers.wiegand import WIEGAND_26
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReadingRejected
from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop
from simulators.wires.pins import FakePins
from simulators.wires.wiegand import FakeWiegand
from tests.loops import EIGHT

D0, D1 = 5, 6
CARD = CardRead("A1B2C3", "entry")
PARITY = ReadingRejected("entry", "expected odd parity in bit 26 of 26")
LOW = ReaderLost("entry", "D0 low at rest: check for a short circuit and pull-ups")
STORM = ReaderLost("entry", f"storm: {STORM_EDGES} pulses without a pause: check shield, ground and pull-ups")
FOUND = ReaderFound("entry")


def short(frames, bits=4):
    """So many short frames so far, the last one of so many bits."""
    return ReadingRejected("entry", f"saw {bits} of 26 bits: check pull-ups and cable", frames)


class Door:
    """A reader on its wires, virtual time, and what was heard so far."""

    def __init__(self, *, row=WIEGAND_26, order: ByteOrder = "normal", keypad=None, low=(), **options):
        self.clock = VirtualClock(EIGHT)
        self.facts = []
        self.loop = Loop(self.clock, self.facts.append)
        self.pins = FakePins()
        self.calls = 0
        self.wires = FakeWiegand(self.pins, D0, D1, self.later, row=row, order=order, keypad=keypad)
        for pin in low:
            self.pins.drive(pin, False)
        options = {"formats": (row,), "order": order, "keypad": keypad} | options
        self.reader = self.open(**options)

    def open(self, **options):
        return WiegandReader(
            D0,
            D1,
            self.loop.post,
            clock=self.clock.monotonic,
            call_later=self.call_later,
            pin_factory=self.pins.factory,
            **options,
        )

    def later(self, after_s, call):
        self.loop.call_at(self.clock.monotonic() + after_s, call)

    def call_later(self, after_s, call):
        """As the driver asks: counted."""
        self.calls += 1
        self.later(after_s, call)

    def wait(self, for_s):
        end_s = self.clock.monotonic() + for_s
        while True:
            while self.loop.turn():
                pass
            deadline = self.loop.deadline()
            if deadline is None or deadline > end_s:
                break
            self.clock.advance_to(deadline)
        self.clock.advance_to(end_s)
        heard, self.facts[:] = list(self.facts), []
        return heard

    def tap(self, card="A1B2C3", *, for_s=1.0):
        self.wires.present(card)
        return self.wait(for_s)

    def type(self, code, *, for_s=1.0):
        return self.wait(self.wires.enter(code) + for_s)

    def bounces(self):
        return [self.pins.factory.pin(number).bounce for number in (D0, D1)]
