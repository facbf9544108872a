"""Devices in real time over a real broker: on hardware, or with real drivers on fake wires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from edge import settings
from edge.assembly import gate as assembly
from edge.assembly.computer import Disk
from edge.assembly.fakes import open_fakes
from edge.assembly.hardware import open_hardware
from edge.assembly.people import Narrated, People
from edge.assembly.process import BrokerNews, Stop
from edge.assembly.simulation import Transcript
from edge.runtime.clock import WallClock
from edge.runtime.device import Device
from edge.runtime.journal import SqliteJournal, Store, random_id
from edge.runtime.link import MqttLink
from edge.runtime.loop import Loop, run
from edge.runtime.ntp import Synchronised
from edge.runtime.ports import Clock, Controller, Post
from edge.runtime.station import Station
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
    directory = building.storage.directory
    directory.mkdir(parents=True, exist_ok=True)
    return SqliteJournal(directory / f"{name}.db", post, failed=stop.because, open_store=open_store)


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
    )


def run_gate(
    building: settings.Building,
    name: str,
    *,
    simulated: bool,
    stimuli: IO[str] | None,
    transcript: IO[str] | None,
    live: Live,
) -> None:
    """Run one gate until SIGTERM or SIGINT.

    Args:
        building: the site's configuration.
        name: which gate of it.
        simulated: its drivers run on fake wires, with people before them.
        stimuli: what those people do.
        transcript: takes what comes of it, a line at once.
        live: what time it is.

    Raises:
        OSError: a wire, the journal or its folder cannot be used.
        Unusable: a stimulus was none.
        KeyboardInterrupt: SIGINT ended it.
    """
    clock = live.clock(building, simulated=simulated)
    device = Device(clock, urgent=assembly.URGENT)
    stop = Stop(device.loop.wake)
    loops: list[Loop] = [device.loop]
    gate, post = building.devices[name], device.loop.post
    with ExitStack() as opened:
        disk = Disk(clock) if simulated else None
        journal = open_journal(building, name, post, stop, open_store=Store.open if disk is None else disk.open)
        opened.callback(journal.close)
        gate_controller = assembly.controller(building, name, journal, random_id)
        controller: Controller = gate_controller
        people = None if disk is None else People(building, name, clock, device.loop.wake, stop=stop, disk=disk)
        if people is None:
            lane, thermometer = open_hardware(gate, post, clock, opened, building.storage.directory)
        else:
            loops.insert(0, people.loop)
            if transcript is not None:
                told = Transcript(transcript, clock, began_s=people.began_s, at_once=True)
                people.watch(told)
                controller = Narrated(controller, name, told)
            lane, thermometer = open_fakes(people.world, gate, post, opened)
        worker = Worker(f"{name} thermometer", post, clock=clock, failed=stop.because)
        opened.callback(worker.close)
        news = BrokerNews(name, post, clock)
        subscriptions = assembly.subscriptions(building, name)
        link = open_link(building, gate_controller.station, news, subscriptions, clock)
        opened.callback(link.close)
        opened.callback(lane.close)  # before all that may take its time: outputs to rest
        device.install(
            controller,
            assembly.performers(
                device, journal=journal, link=link, lane=lane, measure=worker.submit, thermometer=thermometer
            ),
        )
        if people is not None:
            people.computer.plug = link.plug
            if stimuli is not None:
                people.listen(stimuli)
        print(f"gatehouse: {name} is ready", flush=True)
        run(clock, loops, stop)
    stop.raise_error()
