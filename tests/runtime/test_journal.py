"""The journal on disk: what is written comes back, in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from edge.runtime.journal import (
    JournalOrderError,
    SqliteJournal,
    Store,
    read_journal,
)
from edge.runtime.journal.rows import Transaction
from edge.runtime.vocabulary import Commit, CommitFailed, Committed, Event, EventsRead, ReadEvents
from tests.journals import NINE, PATIENCE_S, Facts, event, facts, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


def test_a_new_journal_is_the_first_boot_and_clean(open_journal: Callable[..., SqliteJournal]) -> None:
    journal = open_journal(ids=lambda: "0123456789abcdef")
    assert (journal.id, journal.boot, journal.clean, journal.last_seq) == ("0123456789abcdef", 1, True, 0)
    assert journal.state() == {}


def test_the_next_boot_finds_everything(open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path) -> None:
    first = open_journal()
    first.commit(Commit(1, (event(1), event(2)), {"zone stacks-3": {"entries": 1}, "zone hall": 3, "mode": "normal"}))
    facts.until(1)  # else both may be written as one, and there is nothing to delete
    first.commit(Commit(2, (event(3),), {"mode": None, "zone hall": 4}))
    first.close()
    second = open_journal()
    assert (second.id, second.boot, second.clean, second.last_seq) == (first.id, 2, True, 3)
    assert second.state() == {"zone hall": 4, "zone stacks-3": {"entries": 1}}
    assert second.state("zone s") == {"zone stacks-3": {"entries": 1}}
    assert list(read_journal(path)) == [event(1), event(2), event(3)]


def test_events_come_back_as_they_were(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    journal = open_journal()
    told = (
        Event(1, None, 7, 0.25, "device.started", {"reason": "boot"}),
        Event(
            2, NINE.replace(microsecond=123456), 7, 1.5, "alert.raised", {"text": "体温偏高", "list": [1, None, 2.5]}
        ),
        Event(3, NINE, 7, 2.0, "message.rejected", MappingProxyType({"topic": "half a character \ud800"})),
    )
    journal.commit(Commit(1, told))
    journal.read(ReadEvents(0, 10))
    assert facts.of(EventsRead).events == told


def test_text_lies_on_the_card_as_it_is_written(open_journal: Callable[..., SqliteJournal], path: Path) -> None:
    journal = open_journal()
    journal.commit(Commit(1, (event(1, text="体温偏高"),)))
    journal.close()
    assert '{"text":"体温偏高"}'.encode() in path.read_bytes()  # half the bytes of escapes


def test_a_transaction_is_taken_as_it_is_now(open_journal: Callable[..., SqliteJournal]) -> None:
    journal = open_journal()
    zones = {"stacks-3": 1}
    journal.commit(Commit(1, (event(1, zones=zones),), {"zones": zones}))
    zones["stacks-3"] = 99
    journal.close()
    assert open_journal().state() == {"zones": {"stacks-3": 1}}


def test_the_state_is_that_before_opening(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    journal = open_journal()
    journal.commit(visit(1))
    facts.until(1)
    assert journal.state() == {}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (Commit(2, (event(1),)), JournalOrderError),
        (Commit(2, (event(3), event(3))), JournalOrderError),
        (Commit(2, (event(2, skin_c=float("nan")),)), ValueError),
        (Commit(2, (event(2, card=b"raw"),)), TypeError),
        (Commit(2, (), {"skin_c": float("inf")}), ValueError),
        (Commit(2, (Event(2, datetime(2026, 3, 9), 1, 0.0, "x", {}),)), ValueError),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_stored_is_refused_at_once_and_changes_nothing(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path, wrong: Commit, error: type[Exception]
) -> None:
    journal = open_journal()
    journal.commit(visit(1))
    with pytest.raises(error):
        journal.commit(wrong)
    journal.commit(visit(2))
    journal.close()
    assert list(read_journal(path)) == [event(1), event(2)]


class GatedStore(Store):
    """A disk that writes when it is let."""

    let = threading.Semaphore(0)
    groups: list[list[int]]

    def write(self, batch: Sequence[Transaction]) -> None:
        assert self.let.acquire(timeout=PATIENCE_S)
        super().write(batch)
        self.groups.append([transaction.number for transaction in batch])


@pytest.fixture
def gated() -> Callable[..., Store]:
    GatedStore.let = threading.Semaphore(0)
    GatedStore.groups = []
    return GatedStore.open


def test_what_queues_during_an_fsync_is_written_as_one(
    open_journal: Callable[..., SqliteJournal], facts: Facts, gated: Callable[..., Store]
) -> None:
    journal = open_journal(open_store=gated)
    journal.commit(visit(1))
    GatedStore.let.release()
    assert facts.next() == Committed(1)
    journal.commit(visit(2))  # this one may or may not be picked up alone
    for number in range(3, 8):
        journal.commit(visit(number))
    GatedStore.let.release(6)
    facts.until(7)
    assert [number for group in GatedStore.groups for number in group] == [1, 2, 3, 4, 5, 6, 7]
    assert len(GatedStore.groups) <= 3


def test_nothing_is_told_or_read_before_it_is_on_disk(
    open_journal: Callable[..., SqliteJournal], facts: Facts, gated: Callable[..., Store], path: Path
) -> None:
    journal = open_journal(open_store=gated)
    journal.commit(visit(1))
    assert list(read_journal(path)) == []
    assert facts.none_left()
    GatedStore.let.release()
    assert facts.next() == Committed(1)
    assert list(read_journal(path)) == [event(1)]


def test_a_long_queue_is_written_in_bounded_groups_and_in_order(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path
) -> None:
    journal = open_journal()
    for number in range(1, 1201):
        journal.commit(visit(number))
    told = facts.until(1200)
    numbers = [fact.number for fact in told if isinstance(fact, Committed)]
    assert len(numbers) == len(told)
    assert numbers == sorted(set(numbers))
    assert max(b - a for a, b in zip([0, *numbers], numbers, strict=False)) <= 500
    assert [read.seq for read in read_journal(path)] == list(range(1, 1201))


def test_a_full_queue_refuses_and_goes_on_refusing_until_the_device_starts_again(
    open_journal: Callable[..., SqliteJournal], facts: Facts, gated: Callable[..., Store], path: Path
) -> None:
    reasons: queue.Queue[Exception] = queue.Queue()
    journal = open_journal(open_store=gated, limit=3, failed=reasons.put)
    for number in range(1, 7):
        journal.commit(visit(number))
    refusal = facts.next()
    assert isinstance(refusal, CommitFailed)
    assert refusal.number == 4
    assert "queue full" in refusal.error
    assert reasons.empty()  # the disk is still busy: a start would lose what is queued
    GatedStore.let.release(10)
    facts.until(3)
    assert str(reasons.get(timeout=PATIENCE_S)) == "3 transactions were lost while the disk took none"
    journal.commit(visit(7))  # stands on 4, which is lost: it must not be taken
    journal.close()
    assert facts.none_left()
    assert [read.seq for read in read_journal(path)] == [1, 2, 3]
    assert journal.refused == 4


def test_facts_wait_for_room_in_the_inbox(open_journal: Callable[..., SqliteJournal], facts: Facts) -> None:
    journal = open_journal()
    facts.room = False
    for number in range(1, 4):
        journal.commit(visit(number))
    facts.room = True
    facts.until(3)
