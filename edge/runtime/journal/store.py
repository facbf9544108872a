"""The tables of a journal: what is written, read and deleted, and nothing about threads or waiting."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, ClassVar, Self

from edge.runtime.journal import files
from edge.runtime.journal.errors import JournalError, JournalOpenError
from edge.runtime.journal.rows import Transaction, decode_event, decode_value
from edge.runtime.vocabulary import Event

TRIM_ROWS = 1000
"""Sequence numbers looked at in one transaction of trimming: others wait no longer than for that."""

READ_ROWS = 500
"""Events that a tool reads at a time, so that it never keeps the writer's log from starting again."""

Ids = Callable[[], str]

_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM state WHERE key = ?"
_PUT = "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
"""Not REPLACE: that would give the row a new place and touch the index as well."""


class Store:
    """The tables of one journal. Not thread-safe: one thread at a time.

    Args:
        connection: an open database with our tables.
        lock: the locked side file, for a database on disk.

    Attributes:
        expires: an SQL condition on events: which of them go when they are old.
    """

    expires: ClassVar[str] = "TRUE"

    def __init__(self, connection: sqlite3.Connection, lock: IO[str] | None = None) -> None:
        self._db = connection
        self._lock = lock
        self.id = ""
        self.boot = 0
        self.clean = True
        self.last_seq = 0
        self._state: dict[str, str] = {}

    # --- opening ------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, ids: Ids) -> Self:
        """Open the journal at ``path`` for one process alone; make it if there is none.

        Raises:
            JournalOpenError: in one line, why not; the disk is as it was.
        """
        if not path.parent.is_dir():
            raise JournalOpenError(f"{path}: the directory {path.parent} does not exist")
        side = path.with_name(path.name + ".lock")
        had_side = side.exists()
        lock = files.locked(side, path)
        database = None
        try:
            files.examine(path)
            if not path.exists():
                files.create(path, ids)
            database = files.connect(path, "rw")
            files.sign(lock)
            store = cls(database, lock)
            store.begin_run()
            files.lengthen_log(path)
        except BaseException as error:
            if database is not None:
                database.close()
            if not had_side:
                side.unlink()
            lock.close()
            if isinstance(error, (sqlite3.Error, KeyError, TypeError)):
                raise JournalOpenError(f"{path}: is damaged or cannot be written: {error}") from error
            if isinstance(error, OSError) and not isinstance(error, JournalError):
                raise JournalOpenError(f"{path}: {error.strerror}") from error
            raise
        return store

    @classmethod
    def in_memory(cls, ids: Ids) -> Store:
        """A disk for virtual time; `begin_run` is called for each run on it."""
        database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        files.fill(database, ids())
        return cls(database)

    def begin_run(self) -> None:
        """Count one more boot, on disk, and read what the last run left."""
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        newest = self._db.execute("SELECT max(seq) FROM events").fetchone()[0]
        self.id = meta["journal"]
        self.boot = meta["boot"] + 1
        self.clean = bool(meta["clean"])
        self.last_seq = max(newest or 0, meta["trimmed"])
        self._state = dict(self._db.execute("SELECT key, value FROM state ORDER BY key"))
        with self._transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'boot'", (self.boot,))
            self._db.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")

    def state(self, prefix: str = "") -> dict[str, Any]:
        """The state when this run began; later transactions do not show."""
        return {key: decode_value(text) for key, text in self._state.items() if key.startswith(prefix)}

    # --- running ------------------------------------------------------------------------------

    def write(self, batch: Sequence[Transaction]) -> None:
        """Write transactions as one; when this returns they are on disk.

        Raises:
            sqlite3.Error: the disk refused; nothing of the batch was written.
        """
        events = [row for transaction in batch for row in transaction.events]
        puts = {key: value for transaction in batch for key, value in transaction.puts}  # the last word on each holds
        kept = [(key, value) for key, value in puts.items() if value is not None]
        gone = [(key,) for key, value in puts.items() if value is None]
        with self._transaction():
            for sql, rows in ((_EVENT, events), (_PUT, kept), (_DELETE, gone)):
                if rows:
                    self._db.executemany(sql, rows)

    def read(self, after_seq: int, limit: int) -> tuple[Event, ...]:
        """Committed events above ``after_seq``, in order."""
        return tuple(_events(self._db, after_seq, limit))

    def checkpoint(self) -> None:
        """Copy the log into the file, so that the next transactions start it again.

        Raises:
            sqlite3.Error: the disk refused; the log goes on.
        """
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def trim(self, acked_seq: int, before: str, from_seq: int = 0) -> int | None:
        """Delete acknowledged events older than ``before`` (ISO 8601), a stretch at a time.

        An event without a time is as old as the next one that has a time. Each event is judged by its
        own time, so a clock that was wrong for a while costs no others.

        Returns:
            Where to go on with ``from_seq``; None when done.
        """
        row = self._db.execute("SELECT min(seq) FROM events WHERE seq >= ?", (from_seq,)).fetchone()
        if row[0] is None or row[0] > acked_seq:
            return None
        until = min(acked_seq, row[0] + TRIM_ROWS - 1)
        with self._transaction():
            deleted = self._db.execute(
                f"DELETE FROM events WHERE seq BETWEEN ? AND ? AND {self.expires} AND julianday(coalesce(at,"
                " (SELECT later.at FROM events later WHERE later.seq > events.seq AND later.at IS NOT NULL"
                " ORDER BY later.seq LIMIT 1))) < julianday(?) RETURNING seq",
                (row[0], until, before),
            ).fetchall()
            if deleted:
                # the newest number must outlive its event, or the next boot would count from 1 again
                self._db.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'trimmed'", (max(deleted)[0],))
        return until + 1 if until < acked_seq else None

    def limit(self, limit_bytes: int) -> None:
        """Have SQLite take the disk for full once the file has so many bytes, or as many as it has already."""
        self._db.execute(f"PRAGMA max_page_count = {limit_bytes // self._pragma('page_size')}")

    def room(self) -> int:
        """Bytes that can still be written below the limit, those of deleted rows included."""
        pages = self._pragma("max_page_count") - self._pragma("page_count") + self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def refuse(self, on: bool) -> None:
        """Have SQLite itself refuse every write from now on, or take them again: a fault, for simulation only."""
        self._db.execute(f"PRAGMA query_only = {on:d}")

    # --- closing ------------------------------------------------------------------------------

    def end_run(self) -> None:
        """Record that this run ended cleanly."""
        with self._transaction():
            self._db.execute("UPDATE meta SET value = 1 WHERE key = 'clean'")

    def close(self) -> None:
        """Copy the log into the file, close it and let others open it."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """BEGIN … COMMIT, or ROLLBACK; the connection's own context manager does not begin."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            # a COMMIT that the disk refused leaves the transaction open; some errors end it by themselves
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def read_journal(path: Path, after_seq: int = 0) -> Iterator[Event]:
    """All committed events of a journal, in order, for tools; also while a controller has it open.

    Raises:
        JournalOpenError: there is no journal of ours that can be read.
    """
    if not path.is_file():
        raise JournalOpenError(f"{path}: there is no such file")
    try:
        while events := _read_some(path, after_seq):
            yield from events
            after_seq = events[-1].seq
    except sqlite3.Error as error:
        raise JournalOpenError(f"{path}: cannot be read: {error}") from error


def _read_some(path: Path, after_seq: int) -> list[Event]:
    # without a log nobody has the journal open; "immutable" then keeps SQLite from leaving a log of its own
    mode = "ro" if path.with_name(path.name + "-wal").exists() else "ro&immutable=1"
    with closing(files.connect(path, mode)) as db:
        # by SQL, not by opening the file: closing it would drop the locks of a journal in this process
        application, version = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        files.judge(path, application, version)
        return list(_events(db, after_seq, READ_ROWS))


def _events(db: sqlite3.Connection, after_seq: int, limit: int) -> Iterator[Event]:
    sql = "SELECT seq, at, boot, mono_s, type, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
    return map(decode_event, db.execute(sql, (after_seq, limit)).fetchall())
