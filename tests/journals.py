"""What the tests of the journal share: transactions, and a loop that remembers what it was told."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.runtime.journal import SqliteJournal
from edge.runtime.vocabulary import Commit, Committed, Event, Fact

SHANGHAI = timezone(timedelta(hours=8))
NINE = datetime(2026, 3, 9, 9, 0, tzinfo=SHANGHAI)
PATIENCE_S = 20.0

F = TypeVar("F", bound=Fact)


class Facts:
    """What a journal posted, in order."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Fact] = queue.Queue()
        self.room = True

    def post(self, fact: Fact) -> bool:
        if self.room:
            self._queue.put(fact)
        return self.room

    def next(self) -> Fact:
        return self._queue.get(timeout=PATIENCE_S)

    def until(self, number: int) -> list[Fact]:
        """Everything up to the fact that says so many transactions are on disk."""
        facts = [self.next()]
        while facts[-1] != Committed(number):
            facts.append(self.next())
        return facts

    def of(self, kind: type[F]) -> F:
        fact = self.next()
        while not isinstance(fact, kind):
            fact = self.next()
        return fact

    def none_left(self) -> bool:
        return self._queue.empty()


def event(seq: int, **data: Any) -> Event:
    return Event(seq, NINE + timedelta(seconds=seq), 1, float(seq), "visit.passed", data or {"visit": f"v{seq}"})


def visit(number: int) -> Commit:
    """The n-th transaction: one event, one counter."""
    return Commit(number, (event(number),), {"entries": number})


def files(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def open_journal(path: Path, facts: Facts) -> Iterator[Callable[..., SqliteJournal]]:
    opened: list[SqliteJournal] = []

    def open_it(**options: Any) -> SqliteJournal:
        opened.append(SqliteJournal(path, facts.post, retry_s=0.01, **options))
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()
