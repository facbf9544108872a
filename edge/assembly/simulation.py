"""A whole site in one process: real controllers and drivers, fake wires, people, a broker in virtual time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import IO, Any

from drivers.paced import Submit
from edge import settings
from edge.assembly import gate as assembly
from edge.assembly.fakes import build_world, open_fakes, poll_fakes
from edge.runtime.clock import VirtualClock, WallClock
from edge.runtime.device import Device
from edge.runtime.journal import InlineJournal, Store
from edge.runtime.loop import Loop
from edge.runtime.ports import Post
from edge.runtime.vocabulary import Commit, Committed, Event, Fact
from edge.runtime.worker import InlineWorker
from simulators.wires.bus import VirtualBroker, VirtualLink
from simulators.wires.smbus import I2cWire

SimClock = VirtualClock | WallClock

DISK_S = 0.004
"""A simulated commit takes half to one and a half times as long; SD cards and SSDs lie on both sides."""
SLOW_DISK_S = 1.0
"""Fault ``disk slow``: a stalling SD card."""
HOP_S = 0.001
"""A message takes half to one and a half times as long to the broker, and from it."""
SLOW_BROKER_S = 2.0
"""Fault ``broker slow``."""
FLAPPING_S = (5.0, 2.0)
"""Fault ``broker intermittent``: so long there, so long not. A client needs a second to come back."""


RESTART_S = 5.0
"""A program that could not start is started again after so long, seconds."""


_json = json.JSONEncoder(ensure_ascii=False).encode
"""Made once: `json.dumps` would make an encoder each time."""


class Transcript:
    """What happened, as JSON lines, in the order in which it happened.

    Args:
        out: takes the lines.
        clock: says when.
        began_s: what the clock said at the start, in monotonic seconds.
        at_once: somebody reads along.
        start: wall time at the start; None asks the clock each time, which may step.
    """

    def __init__(
        self,
        out: IO[str],
        clock: SimClock,
        *,
        began_s: float = 0.0,
        at_once: bool = False,
        start: datetime | None = None,
    ) -> None:
        self._out = out
        self._clock = clock
        self._start = start
        self._over = False
        self._began_s = began_s
        self._at_once = at_once

    def event(self, device: str, event: Event) -> None:
        """An event reached a device's disk."""
        self._write(device, event.type, {"seq": event.seq, "data": event.data})

    def output(self, device: str, name: str, on: bool) -> None:
        """An output changed in the world."""
        self._write(device, "output", {"name": name, "on": on})

    def end(self) -> None:
        """The story is told: what falls when its wires are taken apart is no part of it."""
        self._over = True

    def _write(self, device: str, type_: str, rest: dict[str, Any]) -> None:
        if self._over:
            return
        at = round(self._clock.monotonic() - self._began_s, 3)
        wall = self._clock.wall() if self._start is None else self._start + timedelta(seconds=at)
        line = {
            "at": at,
            "time": None if wall is None else wall.isoformat(timespec="milliseconds"),
            "device": device,
            "type": type_,
            **rest,
        }
        self._out.write(_json(line) + "\n")
        if self._at_once:
            self._out.flush()


@dataclass(slots=True)
class Bench:
    """What all simulated devices of a site share.

    Attributes:
        world: the loop of people, wires and messages under way.
        clock: the site's time; each device has a wall clock of its own beside it.
    """

    building: settings.Building
    seed: int
    clock: SimClock
    world: Loop
    broker: VirtualBroker
    transcript: Transcript

    @staticmethod
    def chance(seed: int, name: str) -> random.Random:
        """A source of chance of its own, so that one device's chances do not move another's."""
        return random.Random(f"{seed}/{name}")

    def rng(self, name: str) -> random.Random:
        """A source of chance for this site."""
        return self.chance(self.seed, name)

    def later(self, after_s: float, callback: Callable[[], None]) -> None:
        """Call back after so many seconds."""
        self.world.call_at(self.clock.monotonic() + after_s, callback)

    def own_clock(self) -> SimClock:
        """A device's clock: the same passing of time, a wall clock that may step."""
        return self.clock.follower()


def random_ids(rng: random.Random) -> Callable[[], str]:
    """Ids that look random and come from the seed."""
    return lambda: f"{rng.getrandbits(60):012x}"


class SimulatedDevice:
    """One computer of the site: a disk, a clock, a cable; what runs on it is booted and loses power."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.name = name
        self.ids = random_ids(bench.rng(f"{name}/ids"))
        self.clock = bench.own_clock()
        self.device = Device(self.clock, urgent=assembly.URGENT, wake=bench.world.wake)
        self.store = Store.in_memory(self.ids)
        self.store.limit(bench.building.storage.journal_bytes())
        self.journal: InlineJournal | None = None
        self.link: VirtualLink | None = None
        self.powered = False
        self._chance = bench.rng(f"{name}/disk")
        self._disk_s = DISK_S
        self._disk_absent = False
        self._cable = True
        self._broker_slow_s = 0.0
        self._flapping = False
        self._dark_until_s = 0.0
        self._unwritten: list[Commit] = []

    # --- power ----------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Switch on; if the program does not start (a wire is missing), its supervisor starts it again."""
        try:
            self._boot()
        except OSError:
            self.power_cut(RESTART_S)

    def _boot(self) -> None:
        self.powered = True
        self._unwritten.clear()
        self.journal = self.open_journal(self.store, self._post_from_journal)
        self.link = self.install(self.journal)
        self.link.slow_s = self._broker_slow_s
        if self._flapping:
            self.link.intermittent(*FLAPPING_S)
        if not self._cable:
            self.link.cut()

    def open_journal(self, store: Store, post: Post) -> InlineJournal:
        """A journal on this computer's disk, with the disk's faults."""
        journal = InlineJournal(
            store,
            post,
            clock=self.clock,
            call_at=self.device.loop.call_at,
            latency_s=lambda: self._disk_s * (0.5 + self._chance.random()),
            failed=lambda _: self.power_cut(RESTART_S),
        )
        journal.failing = self._disk_absent
        return journal

    def install(self, journal: InlineJournal) -> VirtualLink:
        """Start the program on this computer; returns its link."""
        raise NotImplementedError

    def power_cut(self, for_s: float) -> None:
        """Everything after the last fsync is gone."""
        self._dark_until_s = max(self._dark_until_s, self.clock.monotonic() + for_s)
        if self.powered:
            self.powered = False
            if self.journal is not None:
                self.journal.power_cut()
            if self.link is not None:
                self.link.die()
            self.device.power_off()
        self.bench.later(for_s, self._power_back)

    def _power_back(self) -> None:
        if not self.powered and self.clock.monotonic() >= self._dark_until_s:
            self.boot()

    def close(self) -> None:
        """The simulation is over: give back what the computer was made of."""
        self.store.close()

    def commit(self, intent: Commit) -> None:
        """Hand a transaction to the disk; its events go into the transcript when they are on it."""
        if self.journal is not None:
            self._unwritten.append(intent)
            self.journal.commit(intent)

    def _post_from_journal(self, fact: Fact) -> bool:
        if isinstance(fact, Committed):
            while self._unwritten and self._unwritten[0].number <= fact.number:
                for event in self._unwritten.pop(0).events:
                    self.bench.transcript.event(self.name, event)
        return self.device.loop.post(fact)

    # --- stimuli --------------------------------------------------------------------------------------

    def act(self, do: str, keys: Mapping[str, Any]) -> None:
        """What can happen to any computer."""
        match do:
            case "power_cut":
                self.power_cut(keys["for_s"])
            case "clock" if keys["set"] is not None:
                self.clock.set(keys["set"])
            case "clock":
                self.clock.step(keys["step_s"])
            case "link":
                self._plug(keys["up"])
            case "fault":
                self.fault(keys["part"], keys["kind"], keys["on"])
            case _:
                raise ValueError(f"{self.name} cannot {do}")

    def fault(self, part: str, kind: str, on: bool) -> None:
        """Faults of what every computer has: its disk and its way to the broker."""
        match part, kind:
            case "disk", "slow":
                self._disk_s = SLOW_DISK_S if on else DISK_S
            case "disk", _:
                self._disk_absent = on
                if self.journal is not None:
                    self.journal.failing = on
            case "broker", "slow":
                self._broker_slow_s = SLOW_BROKER_S if on else 0.0
                if self.link is not None:
                    self.link.slow_s = self._broker_slow_s
            case "broker", "intermittent":
                self._flapping = on
                if self.link is not None and on:
                    self.link.intermittent(*FLAPPING_S)
                elif self.link is not None:
                    self.link.steady()
            case "broker", _:
                self._plug(not on)
            case _:
                raise ValueError(f"{self.name} has no {part}")

    def _plug(self, up: bool) -> None:
        self._cable = up
        if self.link is not None and self.powered:
            if up:
                self.link.restore()
            else:
                self.link.cut()


class SimulatedGate(SimulatedDevice):
    """A gate's computer, its wires and the people before it."""

    def __init__(self, bench: Bench, name: str) -> None:
        super().__init__(bench, name)
        self.settings = bench.building.devices[name]
        self.world = build_world(self.settings, bench.later, bench.rng(f"{name}/noise"), bench.clock.monotonic)
        self.world.outputs(partial(bench.transcript.output, name))
        self._drivers = ExitStack()

    def install(self, journal: InlineJournal) -> VirtualLink:
        """Start the gate on its fake wires."""
        device, world, post = self.device, self.world, self.device.loop.post
        controller = assembly.controller(self.bench.building, self.name, journal, self.ids)
        identity = controller.station.identity
        lane, thermometer = open_fakes(world, self.settings, device.loop, self._drivers)
        link = self.bench.broker.link(
            self.name,
            post,
            assembly.subscriptions(self.bench.building, self.name),
            will=controller.station.last_word(self.clock.wall()),
            as_published=[identity.topic("commands")],
        )
        workers: dict[int, InlineWorker] = {}

        def submit(wire: I2cWire) -> Submit:
            if id(wire) not in workers:
                workers[id(wire)] = InlineWorker(
                    post, clock=self.clock, call_at=device.loop.call_at, elapsed_s=wire.take_elapsed_s, failed=_defect
                )
            return workers[id(wire)].submit

        poll_fakes(world, self.settings, device.loop, submit, self._drivers)
        doers = assembly.performers(
            device, journal=journal, link=link, lane=lane, measure=submit(world.i2c), thermometer=thermometer
        )
        device.install(controller, {**doers, Commit: self.commit})
        return link

    def power_cut(self, for_s: float) -> None:
        """Outputs fall to their wired safe state."""
        super().power_cut(for_s)
        self.world.power_cut()

    def close(self) -> None:
        """The drivers as well: gpiozero remembers for ever, and with it all they know, those that nobody closes."""
        self._drivers.close()
        super().close()

    def act(self, do: str, keys: Mapping[str, Any]) -> None:
        """What people do at a lane, and what happens to any computer."""
        if not self.world.act(do, keys):
            super().act(do, keys)


def _defect(error: Exception) -> None:
    """A driver raised: that is a fault of ours, and a simulation is where it must show."""
    raise error
