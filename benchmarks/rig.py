"""One real gate in this process: real loop, journal and drivers on fake wires, no broker.

Time runs somewhat faster for the gate (`SPEED`), so that people need not be waited for;
what is measured is real time, and everything in it (drivers, loop, decision, fsync) takes its real time.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.assembly import gate as assembly
from edge.assembly.fakes import build_world, open_fakes
from edge.gate.passage import BEAM_GAP_S
from edge.gate.screening import Outcome
from edge.runtime.clock import WallClock
from edge.runtime.config import load
from edge.runtime.device import Device
from edge.runtime.journal import SqliteJournal, Store, random_id
from edge.runtime.loop import run
from edge.runtime.vocabulary import LinkSynced, LinkUp, MessageReceived, Publish
from edge.runtime.worker import Worker
from edge.settings import Building
from edge.site.tokens import card_token

SPEED = 4.0
SETTLE_S = 0.02
"""A sensor that settles five times as fast as the demo's: what is measured begins after the temperature."""
SITE = Path(__file__).parents[1] / "firmware_config" / "demo" / "site.toml"
START = datetime.fromisoformat("2026-03-09T09:30:00+08:00")


def uid(number: int) -> str:
    """A card of the benchmark."""
    return f"04{number:012X}"


class NoLink:
    """A broker that is far away: messages vanish."""

    def publish(self, intent: Publish) -> None:
        """Nobody hears it."""

    def close(self) -> None:
        """Nothing is open."""


class Rig:
    """The gate ``north`` with people before it, who act on the caller's thread.

    Args:
        directory: where the journal lies, on a real disk.
        cards: readers with a booking.
        before_write: called on the journal's thread before each fsync, to make a disk slow.
    """

    def __init__(self, directory: Path, cards: int, before_write: Callable[[], None] = lambda: None) -> None:
        self.building = load(SITE, Building)
        self.clock = WallClock(self.building.site.zone(), speed=SPEED, start=START)
        self.device = Device(self.clock, urgent=assembly.URGENT)
        self.lock_changed: Callable[[bool], None] = lambda _on: None
        self._over = False
        self._opened = ExitStack()
        gate, post = self.building.devices["north"], self.device.loop.post
        self.journal = SqliteJournal(directory / "north.db", post, open_store=_slow(before_write))
        self._opened.callback(self.journal.close)
        self.controller = assembly.controller(self.building, "north", self.journal, random_id)
        self.world = build_world(gate, self._later, random.Random(0), self.clock.monotonic)
        lane, thermometer = open_fakes(self.world, gate, post, self._opened)
        worker = Worker("thermometer", post, clock=self.clock, failed=_raise)
        self._opened.callback(worker.close)
        self.world.outputs(self._output)
        doers = assembly.performers(
            self.device,
            journal=self.journal,
            link=NoLink(),
            lane=lane,
            measure=worker.submit,
            thermometer=thermometer,
        )
        thermometry = self.controller.state.thermometry
        if thermometry is not None:
            thermometry.policy = replace(thermometry.policy, settle_s=SETTLE_S)
        self.device.install(self.controller, doers)
        self._tell(cards)
        self._thread = threading.Thread(
            target=run, args=(self.clock, [self.device.loop], lambda: self._over), name="loop", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the loop and close everything."""
        self._over = True
        self.device.loop.wake.set()
        self._thread.join(10)
        self._opened.close()

    def say(self, topic: str, payload: Any) -> None:
        """A message from the site's servers."""
        body = json.dumps(payload).encode()
        self.device.loop.post(MessageReceived(f"gatehouse/demo/{topic}", body, retained=False))

    def measured(self, skin_c: float = 34.5) -> None:
        """Step before the thermometer and wait until it has seen enough."""
        self.world.leave()
        self.world.face(skin_c)
        thermometry = self.controller.state.thermometry
        if thermometry is None:
            raise RuntimeError("the gate has no thermometer")
        wait_for(lambda: thermometry.verdict(self.clock.monotonic()).outcome is Outcome.PASS)

    def walk(self) -> None:
        """Break the entry beam and clear it."""
        beam = self.world.wiring.entry_beam
        if beam is None:
            raise RuntimeError("the gate has no beam")
        self.world.pins.drive(beam.pin, not beam.active_low)
        wait_for(lambda: not self.world.open)
        self.world.pins.drive(beam.pin, beam.active_low)
        time.sleep(1.1 * BEAM_GAP_S / SPEED)

    def _output(self, name: str, on: bool) -> None:
        if name == "lock":
            self.lock_changed(on)

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        self.device.loop.call_at(self.clock.monotonic() + after_s, callback)

    def _tell(self, cards: int) -> None:
        key = self.building.site.secret()
        self.device.loop.post(LinkUp(resumed=False))
        session = {"id": "am", "opens": "00:00", "closes": "24:00"}
        self.say("caps", {"revision": 1, "building": 99_999, "zones": {"hall": 99_999}, "sessions": [session]})
        rows = [
            {"booking": f"B-{number}", "card": card_token(key, uid(number)), "zone": "hall"} for number in range(cards)
        ]
        self.say("bookings/2026-03-09/am", {"revision": 1, "bookings": rows})
        grant = {"granted": 99_999, "release_wanted": 0}
        self.say("grants/north", {"term": 1, "zones": {"hall": grant, "*": grant}})
        self.device.loop.post(LinkSynced())


def _slow(before_write: Callable[[], None]) -> Callable[[Path, Callable[[], str]], Store]:
    """Opens a store that calls back before each of its writes."""

    class SlowStore(Store):
        """A disk that takes its time."""

        def write(self, batch: Any) -> None:
            """Wait, then write."""
            before_write()
            super().write(batch)

    return SlowStore.open


def _raise(error: Exception) -> None:
    raise error


def wait_for(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Look again and again, on real time.

    Raises:
        TimeoutError: it never came.
    """
    until = time.perf_counter() + timeout_s
    while not holds():
        if time.perf_counter() > until:
            raise TimeoutError("the gate did not get there")
        time.sleep(0.0005)


@contextmanager
def rig(directory: Path, cards: int, before_write: Callable[[], None] = lambda: None) -> Generator[Rig]:
    """A gate for the length of a measurement."""
    gate = Rig(directory, cards, before_write)
    try:
        yield gate
    finally:
        gate.close()
