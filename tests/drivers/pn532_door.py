"""A PN532 at a door, beside a thermometer: real drivers and library, fake wires, virtual time."""

from __future__ import annotations

from collections.abc import Callable

from drivers.paced import Paced
from drivers.reader_pn532 import Pn532Reader
from drivers.thermometer_mlx90614 import Mlx90614
from edge.gate.vocabulary import CardRead
from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop
from edge.runtime.worker import InlineWorker
from simulators.wires.circuitpython import FakeI2C
from simulators.wires.pn532 import FakePn532
from simulators.wires.smbus import FakeBus, FakeMlx90614, I2cWire
from tests.loops import EIGHT

UID = "04A1B2C3D4E5F6"
CARD = CardRead(UID)


class Door:
    """A reader on its bus, and what was heard so far."""

    def __init__(self, *, bus: Callable[[I2cWire], object] = FakeI2C, **options):
        self.clock = VirtualClock(EIGHT)
        self.facts = []
        self.loop = Loop(self.clock, self.facts.append)
        self.wire = I2cWire()
        self.chip = FakePn532(self.later)
        self.wire.attach(self.chip)
        self.wire.attach(FakeMlx90614(lambda: 34.6, lambda: 22.0))
        self.thermometer = Mlx90614(FakeBus(self.wire))
        self.jobs_s = []
        self.worker = InlineWorker(
            self.loop.post, clock=self.clock, call_at=self.loop.call_at, elapsed_s=self.elapsed_s, failed=self.failed
        )
        self.reader = Pn532Reader(
            bus(self.wire),
            self.loop.post,
            now_s=lambda: self.clock.monotonic() + self.wire.elapsed_s,
            pause=self.pause,
            **options,
        )
        self.paced = Paced(self.reader.poll, self.worker.submit, self.later)

    def elapsed_s(self):
        """What a job has cost; the wires cost nothing unless they are slow."""
        self.jobs_s.append(self.wire.take_elapsed_s())
        return self.jobs_s[-1]

    def pause(self, for_s):
        self.wire.elapsed_s += for_s

    def failed(self, error):
        raise error

    def later(self, after_s, call):
        self.loop.call_at(self.clock.monotonic() + after_s, call)

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

    def tap(self, card=UID, *, for_s=0.3, then_s=1.0):
        """Hold a card to it and take it away."""
        self.chip.lay(card)
        heard = self.wait(for_s)
        self.chip.take(card)
        return heard + self.wait(then_s)
