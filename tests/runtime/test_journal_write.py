"""What is written together is one transaction: all of it is on disk, or nothing, whichever statement fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.runtime.journal import Store, read_journal
from edge.runtime.journal.rows import Transaction, decode_value, encode
from edge.runtime.vocabulary import Commit, Event
from tests.journals import event, path

__all__ = ["path"]


def group(*puts: dict[str, Any], seq: int = 1) -> list[Transaction]:
    """Transactions that are written together, an event in each."""
    return [encode(Commit(seq + n, (event(seq + n),), more)) for n, more in enumerate(puts)]


class Disk:
    """A store, and what anybody else finds on its disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store.open(path, lambda: "0123456789abcdef")

    def found(self) -> tuple[dict[str, Any], list[Event]]:
        with closing(sqlite3.connect(self.path)) as db:
            state = {key: decode_value(text) for key, text in db.execute("SELECT key, value FROM state ORDER BY key")}
        return state, list(read_journal(self.path))

    def sql(self, statements: str) -> None:
        for statement in statements.splitlines():
            self.store._db.execute(statement)


@pytest.fixture
def disk(path: Path) -> Iterator[Disk]:
    opened = Disk(path)
    yield opened
    opened.store.close()


def test_events_values_and_deletions_are_each_on_disk(disk: Disk) -> None:
    disk.store.write(group({"kept": 1, "changed": 1, "gone": 1}))
    assert disk.found() == ({"changed": 1, "gone": 1, "kept": 1}, [event(1)])
    disk.store.write(group({"gone": None, "changed": 2, "new": 2}, seq=2))
    assert disk.found() == ({"changed": 2, "kept": 1, "new": 2}, [event(1), event(2)])


@pytest.mark.parametrize("before", [{}, {"key": 0}])
def test_of_several_words_in_one_group_the_last_holds(disk: Disk, before: dict[str, Any]) -> None:
    disk.store.write(group(before))
    disk.store.write(group({"key": 1}, {"key": None}, {"key": 3}, seq=2))
    assert disk.found() == ({"key": 3}, [event(n) for n in range(1, 5)])
    disk.store.write(group({"key": 4}, {"key": None}, seq=5))
    assert disk.found() == ({}, [event(n) for n in range(1, 7)])


FAIL = "BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
"""Takes nothing back: what the statement did before it stays, and so do the statements before it."""
DANGLING = """\
PRAGMA foreign_keys = ON
CREATE TABLE beside (key REFERENCES state DEFERRABLE INITIALLY DEFERRED)
CREATE TRIGGER fault AFTER INSERT ON events BEGIN INSERT INTO beside VALUES ('nowhere'); END"""
"""Found at the end only, and the transaction stays open."""
FAULTS = {
    "the second event": f"CREATE TRIGGER fault BEFORE INSERT ON events WHEN new.seq = 4 {FAIL}",
    "the second value": f"CREATE TRIGGER fault BEFORE INSERT ON state WHEN new.key = 'newer' {FAIL}",
    "a changed value": f"CREATE TRIGGER fault BEFORE UPDATE ON state WHEN new.key = 'changed' {FAIL}",
    "the second deletion": f"CREATE TRIGGER fault BEFORE DELETE ON state WHEN old.key = 'gone too' {FAIL}",
    "the commit": DANGLING,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whichever_statement_fails_nothing_is_written_and_the_next_try_is_a_new_one(disk: Disk, fault: str) -> None:
    before = {"changed": 1, "gone": 1, "gone too": 1}
    disk.store.write(group(before, {}))
    disk.sql(fault)
    more = group({"new": 2, "newer": 2, "gone": None}, {"changed": 2, "gone too": None}, seq=3)
    with pytest.raises(sqlite3.Error, match=r"disk I/O error|FOREIGN KEY"):
        disk.store.write(more)
    assert disk.found() == (before, [event(1), event(2)])
    disk.sql("DROP TRIGGER fault")
    disk.store.write(more)
    assert disk.found() == ({"changed": 2, "new": 2, "newer": 2}, [event(n) for n in range(1, 5)])


def test_a_number_that_is_taken_is_refused_with_all_that_came_with_it(disk: Disk) -> None:
    """Neither the old event nor the new one may be lost without a word."""
    disk.store.write(group({"key": 1}))
    with pytest.raises(sqlite3.IntegrityError):
        disk.store.write([encode(Commit(2, (event(1, visit="another"), event(2)), {"key": 2}))])
    assert disk.found() == ({"key": 1}, [event(1)])


def test_a_group_costs_one_commit(disk: Disk) -> None:
    """Each is an fsync, and an SD card may take a second for it."""
    said: list[str] = []
    disk.store._db.set_trace_callback(said.append)
    disk.store.write(group({"key": 1}, {"key": None, "other": 2}, {}, {"other": 3}))
    assert said.count("COMMIT") == 1


KEYS = st.sampled_from(("a", "b", "c"))


@settings(max_examples=60)
@given(st.lists(st.lists(st.dictionaries(KEYS, st.none() | st.integers(0, 9)), max_size=4), max_size=6))
def test_however_words_are_grouped_the_state_is_what_they_said_in_turn(groups: list[list[dict[str, Any]]]) -> None:
    store, said, seq = Store.in_memory(lambda: "0123456789abcdef"), dict[str, Any](), 1
    for puts in groups:
        store.write(group(*puts, seq=seq))
        seq += len(puts)
        for words in puts:
            said.update(words)
    store.begin_run()
    assert store.state() == {key: value for key, value in said.items() if value is not None}
    assert store.read(0, 100) == tuple(event(n) for n in range(1, seq))
    store.close()
