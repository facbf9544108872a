"""OSDP readers on a line: real driver, libosdp's own readers at the far end of a pseudo terminal, real time."""

from __future__ import annotations

import queue
import time
from datetime import UTC
from functools import partial

from drivers.osdp_line import OsdpLine
from drivers.osdp_wire import open_port
from drivers.reader_osdp import OsdpReader
from edge.gate.vocabulary import CardRead
from edge.runtime.clock import WallClock
from simulators.wires.osdp import FakeOsdpLine, FakeOsdpReader

KEY, OTHER = bytes(range(16)), bytes(range(1, 17))
UID = bytes.fromhex("04A1B2C3D4E5F6")
CARD = CardRead(UID.hex().upper(), "entry")

PATIENCE_S = 60.0
"""How long something may take that must happen: a bound for broken code, not for a busy machine."""

NEVER_S = 3600.0
"""Silence that no test lasts: whoever is lost all the same was judged wrongly."""


class Desk:
    """A line with its readers, and what was heard so far."""

    def __init__(
        self,
        folder,
        *fakes,
        at=None,
        system_s=time.time,
        clock=None,
        byte_s=0.0,
        echo=False,
        lost_s=NEVER_S,
        **more,
    ):
        self.facts = queue.Queue()
        self.fakes = fakes or (FakeOsdpReader(3, KEY),)
        self.far = FakeOsdpLine(folder / "line", self.fakes, byte_s=byte_s, echo=echo)
        addresses = at or [fake.address for fake in self.fakes]
        self.readers = [
            OsdpReader(address, KEY, self.post, side=side, lost_s=lost_s, **more)
            for address, side in zip(addresses, ("entry", "exit"), strict=False)
        ]
        self.driver = OsdpLine(
            "test",
            partial(open_port, str(self.far.path), 9600),
            9600,
            self.readers,
            clock=clock or WallClock(UTC),
            system_s=system_s,
            reopen_s=0.01,
        )

    @property
    def fake(self):
        return self.fakes[0]

    def post(self, fact):
        self.facts.put(fact)
        return True

    def next(self):
        return self.facts.get(timeout=PATIENCE_S)

    def heard(self):
        """What was heard and not taken yet."""
        return [self.facts.get() for _ in range(self.facts.qsize())]

    def until(self, holds):
        end_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end_s
            time.sleep(0.001)

    def tap(self, fake=None):
        (fake or self.fake).present(UID)
        return self.next()

    def asked(self, times=3):
        """Wait until the line was used so often."""
        until = self.far.commands + times
        self.until(lambda: self.far.commands >= until)

    def close(self):
        self.driver.close()
        self.far.close()
