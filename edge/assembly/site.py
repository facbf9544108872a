"""The site's own process put together."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

from edge import settings
from edge.assembly.live import Live, open_journal, open_link, storage_directory
from edge.assembly.process import BrokerNews, Stop, supervised
from edge.assembly.station import station_performers
from edge.runtime.device import Device, Performers
from edge.runtime.journal import SqliteJournal, examine
from edge.runtime.loop import run
from edge.runtime.ports import Journal, Link
from edge.runtime.station import Identity
from edge.site.contract import TOPICS
from edge.site.controller import Site
from edge.site.history import HistoryStore, post_from_history
from edge.site.history import performers as history_performers
from edge.site.recorder import BuildingRecorder

NAME = "site"
"""Under which name the process is a device of its site."""

HISTORY = "history"
"""Name of the file beside its journal that holds the building's history."""


def subscriptions(site: str) -> list[str]:
    """What the site's process listens to."""
    own = ("commands", "alerts")
    all_ = ("caps", "occupancy", "grants", "requests", "status", "events", "acks")
    return [TOPICS[row].filter(site, device=NAME) for row in own] + [TOPICS[row].filter(site) for row in all_]


def controller(building: settings.Building, journal: Journal, history: Journal) -> Site:
    """The controller, with what its journal and the building's history remember."""
    acks = building.storage.acks == "recorder"
    return Site(
        Identity.of(building.site.name, NAME, journal),
        entrances=tuple(name for name, device in building.devices.items() if device.entrance),
        devices=tuple(building.devices),
        retention=timedelta(days=building.storage.retention_days),
        low_mb=building.storage.low_mb,
        recorder=BuildingRecorder(history.state(), history.last_seq, acks=acks),
    )


def performers(journal: Journal, link: Link, history: Journal) -> Performers:
    """Who performs the site's intents."""
    return {
        **station_performers(journal, link),
        **history_performers(history),
    }


def run_site(building: settings.Building, *, live: Live) -> None:
    """Run the site's process until SIGTERM or SIGINT.

    Raises:
        OSError: the journal or its folder cannot be used.
        KeyboardInterrupt: SIGINT ended it.
    """
    clock = live.clock(building)
    device = Device(clock)
    stop = Stop(device.loop.wake)
    post = device.loop.post
    with ExitStack() as opened:
        directory = storage_directory(building)
        for name in (HISTORY, NAME):  # both, before either is changed
            examine(directory / f"{name}.db")
        history = SqliteJournal(
            directory / f"{HISTORY}.db", post_from_history(post), open_store=HistoryStore.open, failed=stop.because
        )
        opened.callback(history.close)
        journal = open_journal(building, NAME, post, stop)
        opened.callback(journal.close)
        site = controller(building, journal, history)
        news = BrokerNews(NAME, post, clock)
        link = open_link(building, site.station, news, subscriptions(building.site.name), clock)
        opened.callback(link.close)
        device.install(site, performers(journal, link, history))
        with supervised(NAME, device.loop):
            run(clock, [device.loop], stop)
    stop.raise_error()
