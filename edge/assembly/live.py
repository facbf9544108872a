"""Devices in real time over a real broker, and a gate on hardware; `edge.assembly.rehearsal` has the fake wires."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from drivers.i2c import open_kernel
from drivers.lane_io import LaneIO
from edge import settings
from edge.assembly import gate as assembly
from edge.assembly.hardware import open_hardware
from edge.assembly.osdp import open_lines
from edge.assembly.pn532 import poll_readers
from edge.assembly.process import BrokerNews, Stop, supervised
from edge.gate.controller import Gate
from edge.gate.vocabulary import Indicate
from edge.runtime.clock import WallClock
from edge.runtime.device import Device
from edge.runtime.hung import Busy, HangWatch
from edge.runtime.journal import JournalOpenError, SqliteJournal, Store, random_id
from edge.runtime.link import MqttLink
from edge.runtime.loop import Loop, run
from edge.runtime.ntp import Synchronised
from edge.runtime.ports import Clock, Controller, Post
from edge.runtime.station import Station
from edge.runtime.vocabulary import Fact
from edge.runtime.worker import Worker


@dataclass(frozen=True, slots=True)
class Live:
    """What time it is.

    Attributes:
        start: simulated wall time; None for the system's clock.
        speed: simulated seconds a second.
        origin_s: system time (seconds since 1970) at which `start` was, so that processes agree; None: now.
    """

    start: datetime | None = None
    speed: float = 1.0
    origin_s: float | None = None

    def clock(self, building: settings.Building, *, simulated: bool = False) -> WallClock:
        """The clock of a device of this site; where its wires are fake, nobody doubts its date."""
        trusted = simulated or building.site.clock == "rtc"
        return WallClock(
            building.site.zone(),
            speed=self.speed,
            start=self.start,
            origin_s=self.origin_s,
            synchronised=None if trusted else Synchronised(),
        )


def storage_directory(building: settings.Building) -> Path:
    """The site's folder, made where it is missing.

    Raises:
        JournalOpenError: it cannot be made.
    """
    directory = building.storage.directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalOpenError(f"storage.directory: cannot be made: {error.strerror}: {directory}") from error
    return directory


def open_journal(
    building: settings.Building,
    name: str,
    post: Post,
    stop: Stop,
    *,
    open_store: Callable[[Path, Callable[[], str]], Store] = Store.open,
) -> SqliteJournal:
    """The journal of a device, in the site's folder; it ends the process when it has lost something.

    Raises:
        JournalOpenError: it cannot be used; nothing was changed.
    """
    limit_bytes = building.storage.journal_bytes()
    path = storage_directory(building) / f"{name}.db"
    return SqliteJournal(path, post, limit_bytes=limit_bytes, failed=stop.because, open_store=open_store)


def open_link(
    building: settings.Building, station: Station, post: Post, subscriptions: Sequence[str], clock: Clock
) -> MqttLink:
    """The connection of a device to one of the site's brokers."""
    identity, broker = station.identity, building.broker
    offline = station.last_word(clock.wall())
    return MqttLink(
        f"gatehouse-{identity.site}-{identity.device}",
        broker.hosts(),
        post,
        subscriptions=subscriptions,
        sync_topic=identity.topic("sync"),
        will=offline,
        farewell=offline,
        as_published=[identity.topic("commands")],
        username=broker.username,
        password=broker.password(),
        keepalive_s=broker.keepalive_s,
        tls=broker.tls(),
    )


@dataclass(frozen=True, slots=True)
class GateProcess:
    """A gate's process, all but its wires.

    Attributes:
        building: the site's configuration.
        name: which gate of it.
        device: runs its controller.
        stop: ends it.
        opened: what is closed at the end, last first.
        journal: remembers.
        gate: decides.
        buses: the workers of the I²C buses so far, by number.
    """

    building: settings.Building
    name: str
    device: Device
    stop: Stop
    opened: ExitStack
    journal: SqliteJournal
    gate: Gate
    buses: dict[int, Worker] = field(default_factory=dict[int, Worker])

    def bus(self, number: int) -> Worker:
        """The worker of an I²C bus: all that is on it takes turns there."""
        if number not in self.buses:
            chosen = self.building.devices[self.name].thermometer
            served = "thermometer" if chosen is not None and chosen.bus == number else f"I2C {number}"
            worker = Worker(
                f"{self.name} {served}", self.device.loop.post, clock=self.device.clock, failed=self.stop.because
            )
            self.buses[number] = worker
            self.opened.callback(worker.close)
        return self.buses[number]

    def start(
        self,
        controller: Controller,
        lane: LaneIO,
        thermometer: assembly.Reading | None,
        threads: Sequence[Busy] = (),
        show: Callable[[Indicate], None] | None = None,
    ) -> MqttLink:
        """Join controller, wires and broker.

        Args:
            controller: `gate`, or what stands around it.
            lane: the contacts.
            thermometer: takes one reading; None at an exit.
            threads: others than the buses' that call drivers.
            show: shows people the same as lamps and buzzer do.

        Returns:
            The connection to the broker.
        """
        post, clock = self.device.loop.post, self.device.clock
        chosen = self.building.devices[self.name].thermometer
        worker = None if chosen is None else self.bus(chosen.bus)
        HangWatch((*self.buses.values(), *threads), clock, self.device.loop.call_at, self.stop.because)
        news = BrokerNews(self.name, post, clock)
        subscriptions = assembly.subscriptions(self.building, self.name)
        link = open_link(self.building, self.gate.station, news, subscriptions, clock)
        self.opened.callback(link.close)
        self.opened.callback(lane.close)  # before all that may take its time: outputs to rest
        self.device.install(
            controller,
            assembly.performers(
                self.device,
                journal=self.journal,
                link=link,
                lane=lane,
                measure=_nobody_measures if worker is None else worker.submit,
                thermometer=thermometer,
                show=show,
            ),
        )
        return link

    def run(self, *loops: Loop) -> None:
        """Run until something ends it."""
        with supervised(self.name, self.device.loop):
            run(self.device.clock, loops, self.stop)


@contextmanager
def gate_process(
    building: settings.Building,
    name: str,
    clock: WallClock,
    *,
    open_store: Callable[[Path, Callable[[], str]], Store] = Store.open,
) -> Generator[GateProcess]:
    """Begin the process of a gate; at the end close all that was opened, and raise what ended it."""
    device = Device(clock, urgent=assembly.URGENT)
    stop = Stop(device.loop.wake)
    with ExitStack() as opened:
        journal = open_journal(building, name, device.loop.post, stop, open_store=open_store)
        opened.callback(journal.close)
        gate = assembly.controller(building, name, journal, random_id)
        yield GateProcess(building, name, device, stop, opened, journal, gate)
    stop.raise_error()


def run_gate(building: settings.Building, name: str) -> None:
    """Run one gate on hardware until SIGTERM or SIGINT.

    Raises:
        OSError: a wire, the journal or its folder cannot be used.
        KeyboardInterrupt: SIGINT ended it.
    """
    clock = Live().clock(building)
    with gate_process(building, name, clock) as process:
        loop, directory = process.device.loop, building.storage.directory
        lane, thermometer, threads = open_hardware(building.devices[name], loop.post, clock, process.opened, directory)
        show = open_lines(building, name, loop.post, clock, process.opened)
        polling = poll_readers(
            building.devices[name],
            loop.post,
            clock,
            process.opened,
            open_i2c=open_kernel,
            submit=lambda bus: process.bus(bus).submit,
        )
        process.start(process.gate, lane, thermometer, (*threads, *polling), show=show)
        process.run(loop)


def _nobody_measures(_: Callable[[], Fact | None]) -> bool:
    """At an exit nobody's temperature is taken."""
    return False
