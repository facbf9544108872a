"""The limit of a journal: at it the disk counts as full, and what is deleted below it makes room again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

from edge.assembly import live
from edge.assembly.process import Stop
from edge.runtime.config import load
from edge.runtime.journal import SqliteJournal, read_journal
from edge.runtime.vocabulary import Commit, CommitFailed, Committed, DiskMeasured, MeasureDisk, TrimEvents
from edge.settings import Building
from tests.journals import NINE, Facts, event, facts, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]

LIMIT_BYTES = 100_000
DEMO = Path(__file__).parents[2] / "firmware_config" / "demo" / "site.toml"


def long(number: int) -> Commit:
    return Commit(number, (event(number, text="x" * 5_000),), {"entries": number})


def room(journal: SqliteJournal, facts: Facts) -> int:
    journal.measure(MeasureDisk())
    return facts.of(DiskMeasured).free_bytes


def test_at_the_limit_nothing_is_written_nor_dropped_until_there_is_room(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal(limit_bytes=LIMIT_BYTES)
    before = room(journal, facts)
    assert 0.8 * LIMIT_BYTES < before <= LIMIT_BYTES
    last, failed = 0, None
    while failed is None:
        last += 1
        journal.commit(long(last))
        fact = facts.next()
        failed = fact if isinstance(fact, CommitFailed) else None
    assert failed == CommitFailed(last, "database or disk is full")
    assert room(journal, facts) < 6_000
    journal.trim(TrimEvents(last - 5, NINE + timedelta(days=1)))
    assert facts.of(Committed) == Committed(last)
    assert room(journal, facts) > 0.5 * before
    assert path.stat().st_size <= LIMIT_BYTES
    assert [read.seq for read in read_journal(path)] == list(range(last - 4, last + 1))


def test_a_journal_that_is_longer_than_its_new_limit_keeps_what_it_has(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    for number in range(1, 41):
        journal.commit(long(number))
        facts.until(number)
    journal.close()
    again = open_journal(limit_bytes=LIMIT_BYTES)
    assert room(again, facts) < 6_000
    assert [read.seq for read in read_journal(path)] == list(range(1, 41))


def test_a_gates_journal_has_the_limit_of_the_sites_file(tmp_path: Path, facts: Facts) -> None:
    building = load(DEMO, Building, [f"storage.directory={tmp_path}", "storage.journal_mb=10"])
    journal = live.open_journal(building, "north", facts.post, cast(Stop, Never()))
    assert 9_000_000 < room(journal, facts) <= 10_000_000
    journal.commit(visit(1))
    facts.until(1)
    journal.close()


class Never:
    """Nothing is lost here, so nobody is stopped."""

    def because(self, error: BaseException) -> None:
        raise error
