"""A disk that fills up: somebody is told while there is time, and once."""

from __future__ import annotations

import io
import json
import logging
import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.assembly.simulate import Run, Simulation
from edge.runtime.config import load
from edge.runtime.journal import InlineJournal, SqliteJournal
from edge.runtime.vocabulary import DiskMeasured, MeasureDisk
from edge.settings import Building
from edge.site import contract
from tests.journals import PATIENCE_S, Facts, facts, open_journal, path

__all__ = ["facts", "open_journal", "path"]

CONFIG = Path(__file__).parents[2] / "firmware_config" / "demo" / "site.toml"
START = datetime.fromisoformat("2026-03-09T08:00:00+08:00")
LIMIT_MB = 500
DEVICES = ("north", "south", "west", "site")


class Site:
    """The demo site in virtual time; its disks are full of room, until a test says otherwise."""

    def __init__(self) -> None:
        building = load(CONFIG, Building, [f"storage.low_mb={LIMIT_MB}"])
        self.out = io.StringIO()
        self.seconds = 0.0
        self.simulation = Simulation(building, Run(START), self.out)

    def at(self, moment: float, act: Callable[[], None]) -> None:
        self.simulation.world.call_at(moment, act)
        self.seconds = max(self.seconds, moment)

    def free(self, moment: float, device: str, megabytes: float) -> None:
        """From this moment on so much is free."""

        def fill() -> None:
            journal = self.simulation.devices[device].journal
            assert journal is not None
            journal.free_bytes = int(megabytes * 1_000_000)

        self.at(moment, fill)

    def shown(self, device: str) -> contract.Alert | None:
        """The alert that the guards' screen has from the broker."""
        topic = f"gatehouse/demo/alerts/{device}/disk_low"
        payload = self.simulation.bench.broker.retained.get(topic)
        return None if payload is None else contract.Alert.model_validate_json(payload)

    def told(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Play it, and a few minutes more: device, type and data of the alerts about disks."""
        self.simulation.how = Run(START, for_s=self.seconds + 200)
        self.simulation.play([])
        lines = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [
            (line["device"], line["type"], line["data"])
            for line in lines
            if line["type"].startswith("alert.") and line["data"]["kind"] == "disk_low"
        ]


# --- at a site --------------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize("device", DEVICES)
def test_a_disk_that_fills_is_an_alert_until_there_is_room_again(site: Site, device: str) -> None:
    site.free(100, device, LIMIT_MB - 1)
    shown: list[contract.Alert | None] = []
    site.at(180, lambda: shown.append(site.shown(device)))
    site.free(200, device, LIMIT_MB * 1.2)
    site.at(280, lambda: shown.append(site.shown(device)))
    (raised, cleared) = site.told()
    assert raised[:2] == (device, "alert.raised")
    assert raised[2] == {
        "alert": "disk_low", "kind": "disk_low", "severity": "warning", "by": None, "free_mb": LIMIT_MB - 1,
    }  # fmt: skip
    assert cleared[:2] == (device, "alert.cleared")
    assert cleared[2]["by"] == "cause"
    before, after = shown
    assert before is not None
    assert before.data == {"free_mb": LIMIT_MB - 1}
    assert after is None


@pytest.mark.parametrize("device", DEVICES)
def test_enough_is_no_alert(site: Site, device: str) -> None:
    site.free(100, device, LIMIT_MB)
    assert site.told() == []


def test_log_files_that_come_and_go_do_not_raise_and_clear_it_all_day(site: Site) -> None:
    for hour in range(12):
        site.free(100 + hour * 3600, "north", LIMIT_MB - 1)
        site.free(1900 + hour * 3600, "north", LIMIT_MB * 1.19)
    assert [type_ for _, type_, _ in site.told()] == ["alert.raised"]


def test_a_restart_does_not_forget_that_there_is_not_enough_yet(site: Site) -> None:
    site.free(100, "north", LIMIT_MB - 1)
    site.at(300, lambda: site.simulation.devices["north"].power_cut(10))
    site.free(310.5, "north", LIMIT_MB * 1.1)
    assert [type_ for _, type_, _ in site.told()] == ["alert.raised"]


def test_it_is_measured_once_a_minute_at_every_device(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[InlineJournal] = []
    measure = InlineJournal.measure

    def count(journal: InlineJournal, intent: MeasureDisk) -> None:
        measured.append(journal)
        measure(journal, intent)

    monkeypatch.setattr(InlineJournal, "measure", count)
    site.at(3400, lambda: None)
    site.told()
    for device in DEVICES:
        assert measured.count(site.simulation.devices[device].journal) == 60  # type: ignore[arg-type]


# --- on a real disk ---------------------------------------------------------------------------------------


def test_the_real_journal_knows_what_is_free_where_it_lies(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    open_journal().measure(MeasureDisk())
    measured = facts.next()
    assert isinstance(measured, DiskMeasured)
    disk = shutil.disk_usage(path.parent)
    assert 0 < measured.free_bytes < disk.total
    assert measured.free_bytes == pytest.approx(disk.free, rel=0.2)


def test_a_disk_that_hangs_while_it_is_asked_holds_nobody_up(
    open_journal: Callable[..., SqliteJournal], facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, let = threading.Event(), threading.Event()
    disk_usage = shutil.disk_usage

    def hang(directory: Path) -> object:
        asked.set()
        assert let.wait(PATIENCE_S)
        return disk_usage(directory)

    monkeypatch.setattr(shutil, "disk_usage", hang)
    journal = open_journal()
    journal.measure(MeasureDisk())  # comes back although the disk does not
    assert asked.wait(PATIENCE_S)
    assert facts.none_left()
    let.set()
    assert isinstance(facts.next(), DiskMeasured)


def test_a_disk_that_does_not_say_is_asked_again(
    open_journal: Callable[..., SqliteJournal],
    facts: Facts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = threading.Event()

    def refuse(_: Path) -> object:
        refused.set()
        raise OSError(5, "Input/output error")

    journal = open_journal()
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(shutil, "disk_usage", refuse)
        journal.measure(MeasureDisk())
        assert refused.wait(PATIENCE_S)
    journal.measure(MeasureDisk())
    assert isinstance(facts.next(), DiskMeasured)
    assert "the free space is unknown" in caplog.text
