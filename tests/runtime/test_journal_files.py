"""Files that are not ours, or not ours alone, are left as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.runtime.journal import (
    JournalError,
    JournalInUseError,
    JournalOpenError,
    SqliteJournal,
    read_journal,
)
from tests.journals import Facts, facts, files, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"card,zone\n" * 40)


def empty(path: Path) -> None:
    path.touch()


def another_applications(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE moz_places (url)")


def newer(path: Path) -> None:
    SqliteJournal(path, lambda _: True).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")


def damaged(path: Path) -> None:
    SqliteJournal(path, lambda _: True).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + b"\xff" * (len(whole) - 1024))


def directory(path: Path) -> None:
    path.mkdir()


def log_without_database(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"a log")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (not_a_database, "is not a journal"),
        (empty, "is not a journal"),
        (another_applications, "another application"),
        (newer, "newer version"),
        (damaged, "is damaged"),
        (directory, "is not a file"),
        (log_without_database, "its log journal.db-wal is there"),
    ],
)
def test_a_file_that_cannot_be_the_journal_is_left_alone(path: Path, make: Callable[[Path], None], says: str) -> None:
    make(path)
    Path(f"{path}.lock").unlink(missing_ok=True)
    entries = sorted(entry.name for entry in path.parent.iterdir())
    before = None if path.is_dir() else files(path.parent)
    with pytest.raises(JournalOpenError) as caught:
        SqliteJournal(path, lambda _: True)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(entry.name for entry in path.parent.iterdir()) == entries
    if before is not None:
        assert files(path.parent) == before


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(JournalOpenError, match="does not exist"):
        SqliteJournal(tmp_path / "missing" / "journal.db", lambda _: True)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_leaves_no_half_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("edge.runtime.journal.files.fill", full)
    with pytest.raises(JournalOpenError, match="disk is full"):
        SqliteJournal(path, lambda _: True)
    assert list(path.parent.iterdir()) == []


def test_a_second_process_is_refused(open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path) -> None:
    journal = open_journal()
    journal.commit(visit(1))
    facts.until(1)
    before = files(path.parent)
    script = f"from pathlib import Path; from edge.runtime.journal import *; SqliteJournal(Path({str(path)!r}), print)"
    second = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "JournalInUseError" in second.stderr.splitlines()[-1]
    assert "is in use by another process (pid " in second.stderr.splitlines()[-1]
    with pytest.raises(JournalInUseError):
        SqliteJournal(path, facts.post)
    assert files(path.parent) == before
    journal.commit(visit(2))
    facts.until(2)


def test_a_closed_journal_says_so(open_journal: Callable[..., SqliteJournal]) -> None:
    journal = open_journal()
    journal.close()
    with pytest.raises(JournalError, match="is closed"):
        journal.commit(visit(1))


def test_tools_refuse_what_is_not_a_journal(path: Path) -> None:
    with pytest.raises(JournalOpenError, match="no such file"):
        list(read_journal(path))
    not_a_database(path)
    with pytest.raises(JournalOpenError, match="not a database"):
        list(read_journal(path))
    path.unlink()
    another_applications(path)
    before = files(path.parent)
    with pytest.raises(JournalOpenError, match="another application"):
        list(read_journal(path))
    assert files(path.parent) == before
