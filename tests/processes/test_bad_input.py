"""Bad input ends in the exit code of the contract and one clear line, and changes nothing on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge.runtime.journal import SqliteJournal
from edge.site.contract import TOPICS
from edge.site.history import HistoryStore
from tests.processes.library import ONE_ENTRANCE, Library, Program, card

DEMO = "firmware_config/demo/site.toml"


def disk(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def the_one_line(program: Program, code: int) -> str:
    """What a program said that could not go on."""
    assert program.ended() == code
    assert program.lines.all == []
    (line,) = program.errors.all
    return line


# --- configuration --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--config", "{dir}/no.toml"], "{dir}/no.toml: no such file"),
        (["--config", DEMO], f"--device: {DEMO} has several gates (north, south, west); which one?"),
        (["--config", "{dir}/site.toml", "--set", "policy.speed=3"], "{dir}/site.toml: policy.speed: unknown key"),
        (
            ["--config", "{dir}/site.toml", "--set", "devices.north.lamp_red.pin=17"],
            "{dir}/site.toml: devices.north: lamp_red.pin: BCM 17 is already used by lock",
        ),
        (
            ["--config", "{dir}/site.toml", "--stimuli", "-"],
            "--stimuli, --transcript, --start and --speed need --simulated",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, arguments: list[str], line: str) -> None:
    (tmp_path / "site.toml").write_text(ONE_ENTRANCE.replace("journals", f"{tmp_path}/journals"))
    before = disk(tmp_path)
    program = Program("gate", *[argument.format(dir=tmp_path) for argument in arguments])
    assert the_one_line(program, 2) == line.format(dir=tmp_path)
    assert disk(tmp_path) == before
    assert not (tmp_path / "journals").exists()


# --- the journal ----------------------------------------------------------------------------------------


def text(path: Path) -> str:
    path.write_text("no database\n" * 50)
    return "is not a journal (not an SQLite database)"


def of_tomorrow(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA application_id = 0x47415445; PRAGMA user_version = 99; CREATE TABLE events (seq)")
    return "was written by a newer version (schema 99, this program knows 1)"


def its_log_alone(path: Path) -> str:
    path.with_name(path.name + "-wal").write_bytes(b"\0" * 100)
    return f"is missing, but its log {path.name}-wal is there; restore it or move the log away"


def damaged(path: Path) -> str:
    SqliteJournal(path, lambda _: True, open_store=HistoryStore.open).close()
    path.with_name(path.name + ".lock").unlink()
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + b"\xff" * (len(whole) - 1024))
    return "is damaged or cannot be written: database disk image is malformed"


@pytest.mark.parametrize("make", [text, of_tomorrow, its_log_alone])
def test_a_journal_that_is_none_of_ours(tmp_path: Path, make: Callable[[Path], str]) -> None:
    (tmp_path / "site.toml").write_text(ONE_ENTRANCE.replace("journals", str(tmp_path)))
    complaint = make(tmp_path / "north.db")
    before = disk(tmp_path)
    line = the_one_line(Program("gate", "--config", f"{tmp_path}/site.toml", "--simulated"), 1)
    assert line == f"gatehouse: {tmp_path}/north.db: {complaint}"
    assert disk(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "begun"), [(text, True), (of_tomorrow, True), (its_log_alone, True), (damaged, True), (damaged, False)]
)
def test_a_history_that_is_none_of_ours(tmp_path: Path, make: Callable[[Path], str], begun: bool) -> None:
    """The site's own journal, which is opened beside it, stays as it was."""
    (tmp_path / "site.toml").write_text(ONE_ENTRANCE.replace("journals", str(tmp_path)))
    if begun:
        SqliteJournal(tmp_path / "site.db", lambda _: True).close()
    complaint = make(tmp_path / "history.db")
    before = disk(tmp_path)
    line = the_one_line(Program("site", "--config", f"{tmp_path}/site.toml"), 1)
    assert line == f"gatehouse: {tmp_path}/history.db: {complaint}"
    assert disk(tmp_path) == before


def test_a_site_whose_own_journal_is_none_of_ours_leaves_its_history(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(ONE_ENTRANCE.replace("journals", str(tmp_path)))
    complaint = text(tmp_path / "site.db")
    before = disk(tmp_path)
    assert the_one_line(Program("site", "--config", f"{tmp_path}/site.toml"), 1).endswith(f"site.db: {complaint}")
    assert disk(tmp_path) == before


def test_a_second_process_on_one_journal(library: Library) -> None:
    gate = library.gate().ready()
    library.hears("acks/north")
    file, lock = library.journals / "north.db", library.journals / "north.db.lock"
    before = file.read_bytes(), lock.read_text()
    line = the_one_line(library.gate(), 1)
    assert line == f"gatehouse: {file}: is in use by another process (pid {gate.process.pid})"
    assert (file.read_bytes(), lock.read_text()) == before
    gate.walk_out()


# --- stimuli --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stimulus", "complaint"),
    [
        ("garbage\n", "line 2: not JSON: "),
        ('{"device": "north", "do": "nap"}\n', 'line 2: do: "nap" is unknown; north knows '),
        ('{"device": "east", "do": "leave"}\n', 'line 2: device: "east" is unknown; expected one of '),
    ],
)
def test_a_stimulus_that_is_none(library: Library, stimulus: str, complaint: str) -> None:
    gate = library.gate().ready()
    gate.walk_out()
    gate.write(stimulus)
    assert gate.ended() == 2
    (line,) = gate.errors.all
    assert line.startswith(f"-: {complaint}")
    # it ended in order, and what came before the bad line is kept
    assert "visit.exited" in [event.type for event in library.journal()]
    assert library.gate().ready().tells("device.started")["data"]["reason"] == "boot"


def test_stimuli_that_are_not_text(library: Library) -> None:
    gate = library.gate().ready()
    gate.write(b"\xff\xfe{}\n")
    assert gate.ended() == 2
    (line,) = gate.errors.all
    assert line.startswith("-: ")


# --- messages -------------------------------------------------------------------------------------------


def rejected(library: Library) -> list[str]:
    return [event.data["topic"] for event in library.journal() if event.type == "message.rejected"]


def test_messages_that_break_the_contract(library: Library) -> None:
    gate = library.gate().ready()
    library.open_for(range(3))
    library.hears("lanes/north")
    kept = library.retained()
    topics = {
        "caps": "caps", "bookings": "bookings/2026-03-09/day", "passes": "passes", "readers": "readers/north",
        "acks": "acks/north", "holds": f"holds/{card(1)}", "zones": "zones/hall",
        "grants": "grants/north",
    }  # fmt: skip
    assert topics.keys() <= TOPICS.keys()
    for topic in topics.values():
        library.publish(topic, b"{")
        library.publish(topic, b"\xff\xfe")
        library.publish(topic, b'["a list"]')
        library.publish(topic, b'{"revision": true, "journal": 1, "uid": "no hex", "card": "x"}')
    library.in_step()
    assert rejected(library) == [f"gatehouse/demo/{topic}" for topic in topics.values() for _ in range(4)]
    assert kept["lanes/north"] == library.retained()["lanes/north"]
    assert gate.errors.all == []


def test_a_flood_of_them_does_not_fill_the_disk(library: Library) -> None:
    gate = library.gate().ready()
    library.hears("lanes/north")
    library.publish("caps", b" " * 300_000)
    for _ in range(300):
        library.publish("caps", b"{")
    library.in_step()
    assert len(rejected(library)) == 50
    assert gate.process.poll() is None


def test_more_lists_than_anybody_can_hold(library: Library) -> None:
    gate = library.gate().ready()
    library.open_for(range(3))
    library.hears("lanes/north")
    for days in range(1, 401):
        day = date(2026, 3, 9) + timedelta(days=days)
        library.publish(f"bookings/{day}/day", {"revision": 1, "bookings": []})
    told = gate.tells("message.rejected")
    assert "at most 400" in told["data"]["error"]
    library.in_step()
    assert gate.errors.all == []
