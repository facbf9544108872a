"""Reading back, forgetting what is past its time, and the size of it all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge.runtime.journal import (
    SqliteJournal,
    read_journal,
)
from edge.runtime.journal.threaded import CHECKPOINT_AFTER
from edge.runtime.vocabulary import Commit, Event, EventsRead, ReadEvents, TrimEvents
from tests.journals import NINE, Facts, event, facts, files, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


def test_reading_goes_on_from_a_number_and_ends(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    journal = open_journal()
    for number in range(1, 6):
        journal.commit(visit(number))
    facts.until(5)
    journal.read(ReadEvents(1, 3))
    journal.read(ReadEvents(4, 3))
    journal.read(ReadEvents(5, 3))
    assert [[read.seq for read in facts.of(EventsRead).events] for _ in range(3)] == [[2, 3, 4], [5], []]


def test_a_tool_reads_a_whole_journal_in_steps(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    journal.commit(Commit(1, tuple(event(seq) for seq in range(1, 1101))))
    facts.until(1)
    reading = read_journal(path, after_seq=50)
    assert next(reading).seq == 51
    journal.commit(Commit(2, (event(1101),)))
    facts.until(2)
    assert [read.seq for read in reading] == list(range(52, 1102))
    journal.close()
    names = sorted(files(path.parent))
    assert len(list(read_journal(path))) == 1101
    assert sorted(files(path.parent)) == names == ["journal.db", "journal.db.lock"]


def test_only_acknowledged_and_old_events_are_deleted(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    at: list[datetime | None] = [
        None,  # 1: before the clock was set, on an old day
        NINE,
        NINE + timedelta(days=400),  # 3: stamped while the clock was wrong
        None,
        NINE + timedelta(hours=1),
        NINE + timedelta(days=1),  # 6: younger
        None,
        NINE + timedelta(days=1),
        NINE,  # 9: not acknowledged
    ]
    journal.commit(Commit(1, tuple(Event(seq, at[seq - 1], 1, 0.0, "x", {}) for seq in range(1, 10))))
    # the same moment, told in another time zone
    before = (NINE + timedelta(hours=2)).astimezone(timezone(timedelta(hours=-5)))
    journal.trim(TrimEvents(8, before))
    journal.read(ReadEvents(0, 10))
    journal.read(ReadEvents(0, 10))  # answered after one more turn, in which all was trimmed
    facts.of(EventsRead)
    assert [read.seq for read in facts.of(EventsRead).events] == [3, 6, 7, 8, 9]


def test_numbers_go_on_although_all_events_were_trimmed(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    for number in range(1, 4):
        journal.commit(Commit(number, tuple(event(seq) for seq in range(1000 * number - 999, 1000 * number + 1))))
    facts.until(3)
    journal.trim(TrimEvents(3000, NINE + timedelta(days=30)))
    events: tuple[Event, ...] = (event(1),)
    while events:
        journal.read(ReadEvents(0, 1))
        events = facts.of(EventsRead).events
    journal.close()
    assert list(read_journal(path)) == []
    assert open_journal().last_seq == 3000


def test_what_was_deleted_is_gone_from_the_card(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    journal.commit(Commit(1, tuple(event(seq, card="mfrggzdfmztwq2lknnwg23tpoa") for seq in range(1, 200))))
    facts.until(1)
    journal.close()
    assert b"mfrggzdfmztwq2lknnwg23tpoa" in path.read_bytes()
    journal = open_journal()
    journal.trim(TrimEvents(199, NINE + timedelta(days=30)))
    journal.read(ReadEvents(0, 10))
    journal.read(ReadEvents(0, 10))
    facts.of(EventsRead)
    assert facts.of(EventsRead).events == ()
    journal.close()
    assert b"mfrggzdfmztwq2lknnwg23tpoa" not in path.read_bytes()


def test_the_log_does_not_grow_without_end(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    for number in range(1, 401):
        journal.commit(Commit(number, (), {"trace": f"{number:05}" * 2_000}))
        facts.until(number)
    assert Path(f"{path}-wal").stat().st_size < 2_000_000


def test_the_log_has_its_length_from_the_beginning(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    """A flush of a file that grows would write records of the file system, too."""
    journal = open_journal()
    length = Path(f"{path}-wal").stat().st_size
    for number in range(1, 3 * CHECKPOINT_AFTER):
        journal.commit(visit(number))
        facts.until(number)
        assert Path(f"{path}-wal").stat().st_size == length
    journal.close()
    assert [read.seq for read in read_journal(path)] == list(range(1, 3 * CHECKPOINT_AFTER))


def test_a_quiet_journal_copies_its_log_before_a_commit_has_to(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    for number in range(1, CHECKPOINT_AFTER + 1):
        journal.commit(visit(number))
        facts.until(number)
    for _ in range(2):  # when the second is answered the thread has come round
        journal.read(ReadEvents(0, 1))
        facts.of(EventsRead)
    alone = path.with_name("without its log.db")
    shutil.copy(path, alone)
    assert [read.seq for read in read_journal(alone)] == list(range(1, CHECKPOINT_AFTER + 1))
