"""One gate in this process: real loop, journal, link and drivers on fake wires, people on the caller's thread.

Put together as `edge.assembly.live` does it. The gate's clock may run several times as fast as real time,
so that nobody has to be waited for between two measurements; what is measured is real time, and nothing
in it waits for a timer.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from edge.assembly import gate as assembly
from edge.assembly.fakes import build_world, open_fakes
from edge.assembly.live import open_link
from edge.gate.lane import State
from edge.gate.screening import Outcome
from edge.runtime.clock import WallClock
from edge.runtime.config import load
from edge.runtime.device import Device
from edge.runtime.journal import SqliteJournal, Store, random_id
from edge.runtime.journal.rows import Transaction
from edge.runtime.loop import run
from edge.runtime.vocabulary import MessageReceived
from edge.runtime.worker import Worker
from edge.settings import Building
from edge.site.tokens import card_token

SITE = Path(__file__).parents[1] / "firmware_config" / "demo" / "site.toml"
START = "2026-03-09T09:30:00+08:00"
PREFIX = "gatehouse/demo/"
WARM_C = 34.5
PATIENCE_S = 30.0
NOT_OPENED_S = 2.0
"""A lane that has not opened by then does not."""
GAP_S = 0.65
"""From one person in the beam to the next: the first takes 0.4 s, and sooner than 0.2 s later both would be one."""

T = TypeVar("T")


def uid(number: int) -> str:
    """A card of the benchmark."""
    return f"04{number:012X}"


def token(number: int) -> str:
    """How the gate calls this card."""
    return card_token(load(SITE, Building).site.secret(), uid(number))


def told(cards: int) -> dict[str, Any]:
    """What a gate has to be told before it lets so many cards in: payloads by topic, all retained."""
    key = load(SITE, Building).site.secret()
    session = {"id": "am", "opens": "00:00", "closes": "24:00"}
    rows = [{"booking": f"B-{number}", "card": card_token(key, uid(number)), "zone": "hall"} for number in range(cards)]
    grant = {"granted": 99_999, "release_wanted": 0}
    return {
        "caps": {"revision": 1, "building": 99_999, "zones": {"hall": 99_999}, "sessions": [session]},
        f"bookings/{START[:10]}/am": {"revision": 1, "bookings": rows},
        "grants/north": {"term": 1, "zones": {"hall": grant, "*": grant}},
    }


class TimedStore(Store):
    """A disk with a stopwatch, whose fsync may take longer than it does.

    Attributes:
        stall_s: by so much.
        writes: when each write began and ended (`time.perf_counter`).
    """

    stall_s = 0.0
    writes: deque[tuple[float, float]]

    def write(self, batch: Sequence[Transaction]) -> None:
        """Write, then take a while to say so."""
        began_s = time.perf_counter()
        super().write(batch)
        time.sleep(self.stall_s)
        self.writes.append((began_s, time.perf_counter()))


class Rig:
    """The gate ``north`` with people before it.

    Args:
        directory: where the journal lies, on a real disk.
        port: of the broker, on loopback.
        speed: of the gate's clock.
        opened: closes what was opened, last first.

    Attributes:
        lock_changed: called on the loop's thread when the lock's pin has a new level (True: open).
    """

    def __init__(self, directory: Path, port: int, speed: float, opened: ExitStack) -> None:
        self.building = load(SITE, Building, [f'broker.addresses=["127.0.0.1:{port}"]'])
        self.clock = WallClock(self.building.site.zone(), speed=speed, start=datetime.fromisoformat(START))
        self.device = Device(self.clock, urgent=assembly.URGENT)
        self.lock_changed: Callable[[bool], None] = lambda _on: None
        self._gap_s = GAP_S / speed
        gate, post = self.building.devices["north"], self.device.loop.post
        journal = SqliteJournal(directory / "north.db", post, open_store=self._open_store)
        opened.callback(journal.close)
        opened.callback(self.stall, 0.0)
        self.controller = assembly.controller(self.building, "north", journal, random_id)
        self.world = build_world(gate, self._later, random.Random(0), self.clock.monotonic)
        lane, thermometer = open_fakes(self.world, gate, self.device.loop, opened)
        worker = Worker("thermometer", post, clock=self.clock, failed=_raise)
        opened.callback(worker.close)
        subscriptions = assembly.subscriptions(self.building, "north")
        link = open_link(self.building, self.controller.station, post, subscriptions, self.clock)
        opened.callback(link.close)
        self.world.outputs(self._output)
        self.device.install(
            self.controller,
            assembly.performers(
                self.device, journal=journal, link=link, lane=lane, measure=worker.submit, thermometer=thermometer
            ),
        )
        self._over = False
        self._thread = threading.Thread(
            target=run, args=(self.clock, [self.device.loop], lambda: self._over), name="loop", daemon=True
        )
        self._thread.start()
        opened.callback(self._end)
        wait_for(lambda: self.controller.state.synced and not self.controller.state.exchange.unknown(("hall", "*")))

    @property
    def resting(self) -> bool:
        """Whether the lane waits for somebody."""
        return self.controller.state.lane.state is State.IDLE

    def stall(self, seconds: float) -> None:
        """Make the disk slower from now on."""
        self._store.stall_s = seconds

    def disk_s(self, began_s: float, ended_s: float) -> float:
        """How long the disk was busy between two moments."""
        return sum(max(0.0, min(to_s, ended_s) - max(from_s, began_s)) for from_s, to_s in self._store.writes)

    def hear(self, topic: str, payload: Any) -> None:
        """A message for the gate."""
        self.device.loop.post(MessageReceived(PREFIX + topic, json.dumps(payload).encode(), retained=False))

    def step_up(self) -> None:
        """Somebody stands before the thermometer until it has seen enough of them."""
        thermometry = self.controller.state.thermometry
        if thermometry is None:
            raise RuntimeError("the gate has no thermometer")
        self.world.leave()
        self.world.face(WARM_C)
        wait_for(lambda: self._on_loop(lambda: thermometry.verdict(self.clock.monotonic())).outcome is Outcome.PASS)

    def walk_in(self) -> None:
        """Through the open lane and the beam; returns when the next one may come."""
        self.world.walk_in()
        wait_for(lambda: self.resting)
        time.sleep(self._gap_s)

    def walk_out(self, number: int) -> None:
        """Somebody who is inside leaves, holding the card to the exit reader."""
        self.world.walk_out(uid(number))

    def acknowledge(self) -> None:
        """The booking server has everything that was recorded up to now."""
        outbox = self.controller.station.outbox
        self.hear("acks/north", {"journal": outbox.journal, "acked_seq": outbox.committed_seq})

    def _open_store(self, path: Path, ids: Callable[[], str]) -> Store:
        store = TimedStore.open(path, ids)
        assert isinstance(store, TimedStore)
        store.writes = deque(maxlen=100)
        self._store = store
        return store

    def _output(self, name: str, on: bool) -> None:
        if name == "lock":
            self.lock_changed(on)

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        # from another thread than the loop's: the push is one step of the interpreter, then the loop must look
        self.device.loop.call_at(self.clock.monotonic() + after_s, callback)
        self.device.loop.wake.set()

    def _on_loop(self, question: Callable[[], T]) -> T:
        """Ask on the loop's thread."""
        answers: list[T] = []
        answered = threading.Event()

        def ask() -> None:
            answers.append(question())
            answered.set()

        self._later(0.0, ask)
        if not answered.wait(PATIENCE_S):
            raise TimeoutError("the loop does not turn")
        return answers[0]

    def _end(self) -> None:
        self._over = True
        self.device.loop.wake.set()
        self._thread.join(PATIENCE_S)


def _raise(error: Exception) -> None:
    raise error


def wait_for(holds: Callable[[], bool]) -> None:
    """Look again and again.

    Raises:
        TimeoutError: it did not come.
    """
    until_s = time.perf_counter() + PATIENCE_S
    while not holds():
        if time.perf_counter() > until_s:
            raise TimeoutError("the gate did not get there")
        time.sleep(0.001)


class Stopwatch:
    """Takes the time from an act of the caller to the opening of the lock, on whatever thread that is seen.

    Attributes:
        took_s: of each act that opened it.
        disk_s: how long of it the disk was busy.
        not_opened: acts that did not open it.
    """

    def __init__(self, rig: Rig) -> None:
        self.took_s: list[float] = []
        self.disk_s: list[float] = []
        self.not_opened = 0
        self._rig = rig
        self._opened = threading.Event()
        self._opened_s = 0.0
        rig.lock_changed = self._lock_changed

    def time(self, act: Callable[[], object]) -> bool:
        """Whether the act opened the lock."""
        self._opened.clear()
        began_s = time.perf_counter()
        act()
        opened = self._opened.wait(NOT_OPENED_S)
        if opened:
            self.took_s.append(self._opened_s - began_s)
            self.disk_s.append(self._rig.disk_s(began_s, self._opened_s))
        else:
            self.not_opened += 1
        return opened

    def _lock_changed(self, on: bool) -> None:
        if on and not self._opened.is_set():
            self._opened_s = time.perf_counter()
            self._opened.set()


@contextmanager
def rig(directory: Path, port: int, *, speed: float) -> Generator[Rig]:
    """A gate for the length of a measurement."""
    with ExitStack() as opened:
        yield Rig(directory, port, speed, opened)
