"""A disk that refuses: nothing is lost, nothing overtakes, and it is said once."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from edge.runtime.journal import (
    JournalError,
    JournalWriteError,
    SqliteJournal,
    Store,
    read_journal,
)
from edge.runtime.journal.rows import Transaction
from edge.runtime.vocabulary import Commit, CommitFailed, Committed, Event, EventsRead, ReadEvents
from tests.journals import PATIENCE_S, Facts, event, facts, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


class FaultyStore(Store):
    """A disk with two faults: broken (every write), or with no room beyond so many pages."""

    broken = False
    pages: int | None = None
    tries = queue.Queue[bool]()

    def write(self, batch: Sequence[Transaction]) -> None:
        self.tries.put(self.broken)
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        self._db.execute(f"PRAGMA max_page_count = {self.pages or 1_000_000}")
        super().write(batch)

    @classmethod
    def await_tries(cls, count: int) -> None:
        for _ in range(count):
            cls.tries.get(timeout=PATIENCE_S)


@pytest.fixture
def faulty() -> Callable[..., Store]:
    FaultyStore.broken, FaultyStore.pages, FaultyStore.tries = False, None, queue.Queue()
    return FaultyStore.open


def test_a_refused_transaction_is_told_once_kept_and_written_in_order(
    open_journal: Callable[..., SqliteJournal], facts: Facts, faulty: Callable[..., Store], path: Path
) -> None:
    journal = open_journal(open_store=faulty)
    for episode in range(2):
        first = 3 * episode + 1
        FaultyStore.broken = True
        journal.commit(visit(first))
        assert facts.next() == CommitFailed(first, "disk I/O error")
        journal.commit(visit(first + 1))
        FaultyStore.await_tries(4)
        FaultyStore.broken = False
        journal.commit(visit(first + 2))
        assert all(isinstance(fact, Committed) for fact in facts.until(first + 2))
    assert [read.seq for read in read_journal(path)] == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_is_told_and_waited_for(
    open_journal: Callable[..., SqliteJournal], facts: Facts, faulty: Callable[..., Store], path: Path
) -> None:
    journal = open_journal(open_store=faulty)
    journal.commit(visit(1))
    facts.until(1)
    FaultyStore.pages = 1
    journal.commit(Commit(2, (event(2, text="x" * 20_000),), {"entries": 2}))
    failed = facts.next()
    assert failed == CommitFailed(2, "database or disk is full")
    FaultyStore.pages = None
    assert facts.next() == Committed(2)
    assert [read.seq for read in read_journal(path)] == [1, 2]


def test_a_half_written_transaction_is_taken_back_before_the_next_try(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    db = journal._store._db
    longest = db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000)
    journal.commit(Commit(1, (event(1), event(2, text="x" * 10_000)), {"entries": 1}))
    assert facts.next() == CommitFailed(1, "string or blob too big")
    assert list(read_journal(path)) == []
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    assert facts.next() == Committed(1)
    assert [read.seq for read in read_journal(path)] == [1, 2]


def test_history_is_readable_while_the_disk_refuses_writes(
    open_journal: Callable[..., SqliteJournal], facts: Facts, faulty: Callable[..., Store]
) -> None:
    journal = open_journal(open_store=faulty)
    journal.commit(visit(1))
    facts.until(1)
    FaultyStore.broken = True
    journal.commit(visit(2))
    facts.of(CommitFailed)
    journal.read(ReadEvents(0, 10))
    assert facts.of(EventsRead).events == (event(1),)
    FaultyStore.broken = False


def test_closing_on_a_broken_disk_says_what_is_lost_and_is_unclean(
    open_journal: Callable[..., SqliteJournal], facts: Facts, faulty: Callable[..., Store], path: Path
) -> None:
    journal = open_journal(open_store=faulty)
    FaultyStore.broken = True
    journal.commit(visit(1))
    journal.commit(visit(2))
    with pytest.raises(JournalWriteError, match=r"^2 transactions could not be written: disk I/O error$"):
        journal.close()
    assert not open_journal().clean


class BlindStore(Store):
    """A disk with a page that cannot be read until it is mended."""

    blind = True
    tries = queue.Queue[None]()

    def read(self, after_seq: int, limit: int) -> tuple[Event, ...]:
        self.tries.put(None)
        if self.blind:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return super().read(after_seq, limit)

    @classmethod
    def await_tries(cls, count: int) -> None:
        for _ in range(count):
            cls.tries.get(timeout=PATIENCE_S)


def test_an_unreadable_history_is_not_an_empty_one(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    BlindStore.blind, BlindStore.tries = True, queue.Queue()
    journal = open_journal(open_store=BlindStore.open)
    journal.commit(visit(1))
    facts.until(1)
    journal.read(ReadEvents(0, 10))
    failed = facts.next()
    assert isinstance(failed, CommitFailed)
    assert failed.error == "the history after event 0 cannot be read: database disk image is malformed"
    BlindStore.await_tries(4)
    journal.commit(visit(2))
    assert facts.next() == Committed(2)
    BlindStore.blind = False
    assert facts.next() == EventsRead((event(1), event(2)))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_thread_is_told(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    class Defect(Store):
        def write(self, batch: Sequence[Transaction]) -> None:
            raise AssertionError("a defect")

    journal = open_journal(open_store=Defect.open)
    journal.commit(visit(1))
    failed = facts.next()
    assert isinstance(failed, CommitFailed)
    assert "a defect" in failed.error
    with pytest.raises(JournalError, match="a defect") as raised:
        journal.close()
    assert not isinstance(raised.value, OSError)  # nobody may take it for a fault of the disk
    assert isinstance(raised.value.__cause__, AssertionError)
    journal._store.close()


def test_closing_does_not_wait_for_ever_for_a_disk_that_hangs(
    open_journal: Callable[..., SqliteJournal], facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    let = threading.Event()

    class Hanging(Store):
        def write(self, batch: Sequence[Transaction]) -> None:
            assert let.wait(PATIENCE_S)
            super().write(batch)

    journal = open_journal(open_store=Hanging.open)
    journal.commit(visit(1))
    with monkeypatch.context() as patched:
        patched.setattr("edge.runtime.journal.threaded.CLOSE_S", 0.01)
        with pytest.raises(JournalWriteError, match=r"^the disk does not answer: 1 transactions wait$"):
            journal.close()
    let.set()
    assert facts.next() == Committed(1)
