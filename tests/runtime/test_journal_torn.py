"""Power cuts with the real files: of what was not flushed yet, any part may lie on the medium, in any order.

Between two flushes the files go from one content to the next. A power cut there leaves of each sector that
differs the old or the new content, by chance; and whatever of the shared memory file, which is never flushed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from edge.runtime.journal.files import connect
from edge.runtime.journal.rows import encode
from edge.runtime.journal.store import Store, read_journal
from edge.runtime.vocabulary import Commit
from tests.journals import NINE, event

SECTOR = 512
"""What a medium writes whole, at least."""
SUFFIXES = ("", "-wal", "-shm")
CUTS = 4
"""Power cuts between two flushes."""
STEPS = 45
KEPT_S = 20
"""Trimming leaves the events of so many seconds; one a second is written."""


@dataclass(frozen=True)
class Content:
    """What lies on the medium, and what was told of it: the last event, and the first not trimmed."""

    files: dict[str, bytes]
    last_seq: int
    first_seq: int


class Disk:
    """A journal, and all that its files held after each flush."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "journal.db"
        self.store = Store.open(self.path, lambda: "journal-1")
        self._seq = self._trimmed = 0
        self.contents = [self._content()]

    def write(self, events: int) -> None:
        rows = [event(self._seq + number) for number in range(1, events + 1)]
        self._seq += events
        puts = {
            "entries": self._seq,
            f"card/{self._seq % 7}": "x" * (self._seq * 37 % 900),
            f"card/{self._seq % 5}": None,
        }
        self.store.write([encode(Commit(self._seq, tuple(rows), puts))])
        self.contents.append(self._content())

    def trim(self) -> None:
        before = (NINE + timedelta(seconds=self._seq - KEPT_S)).isoformat()
        assert self.store.trim(self._seq - 1, before) is None
        self._trimmed = max(0, self._seq - KEPT_S - 1)
        self.contents.append(self._content())

    def copy_log(self) -> None:
        self.store.checkpoint()
        self.contents.append(self._content())

    def _content(self) -> Content:
        files = {suffix: self.path.with_name(self.path.name + suffix).read_bytes() for suffix in SUFFIXES}
        return Content(files, self._seq, self._trimmed + 1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    chance = random.Random(3)
    for step in range(STEPS):
        if step % 12 == 7:
            disk.trim()
        elif step % 9 == 5:
            disk.copy_log()
        else:
            disk.write(chance.randrange(1, 4))
    yield disk
    disk.store.close()


def torn(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """A file of which some sectors are new. It may have grown already, or not yet."""
    length = chance.choice((len(old), len(new)))
    sides = [side.ljust(length, b"\0")[:length] for side in (old, new)]
    part = chance.random()  # from hardly anything to nearly all
    return b"".join(sides[chance.random() < part][at : at + SECTOR] for at in range(0, length, SECTOR))


def cut(before: Content, after: Content, path: Path, chance: random.Random) -> None:
    """Leave files as a power cut between two flushes does."""
    path.parent.mkdir()
    for suffix in SUFFIXES:
        raw = torn(before.files[suffix], after.files[suffix], chance)
        if suffix != "-shm" or chance.random() < 0.5:
            path.with_name(path.name + suffix).write_bytes(raw)


def test_after_a_power_cut_all_that_was_told_is_there_and_the_rest_wholly_or_not_at_all(
    disk: Disk, tmp_path: Path
) -> None:
    chance = random.Random(17)
    found: set[bool] = set()
    for number, (before, after) in enumerate(zip(disk.contents, disk.contents[1:], strict=False)):
        for attempt in range(CUTS):
            path = tmp_path / f"{number}-{attempt}" / "journal.db"
            cut(before, after, path, chance)
            store = Store.open(path, lambda: "another")
            assert not store.clean
            assert store.id == "journal-1"
            assert store.last_seq in (before.last_seq, after.last_seq)
            assert store.state("entries") == ({"entries": store.last_seq} if store.last_seq else {})
            store.write([encode(Commit(1, (event(store.last_seq + 1),), {}))])  # it can go on
            store.close()
            seqs = [read.seq for read in read_journal(path)]
            assert seqs in [list(range(first, store.last_seq + 2)) for first in (before.first_seq, after.first_seq)]
            with connect(path, "rw") as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            database.close()
            if after.last_seq > before.last_seq:
                found.add(store.last_seq == after.last_seq)
    assert found == {False, True}  # both happen, or nothing was torn
