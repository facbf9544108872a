"""The file of a journal: whose it is, who has it open, and how it is made.

It is an SQLite database with a write-ahead log. Pages are small (1 KiB): an SD card wears by what is
written, and a visit changes a few hundred bytes. The header carries our application id and, as
``user_version``, the version of the schema, so that a foreign or a newer file is recognised by
reading 100 bytes and is left as it was, to the byte.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO

from edge.runtime.journal.errors import JournalInUseError, JournalOpenError

APPLICATION_ID = 0x47415445
"""Marks our files ("GATE"), where ``file(1)`` and SQLite look for it."""

SCHEMA_VERSION = 1
"""Of the tables below; a file with a higher one was written by a newer program."""

PAGE_BYTES = 1024
CHECKPOINT_PAGES = 1000
"""SQLite copies a log of this length into the file at the next commit, so that it stays near 1 MB. A backstop: the
journal's thread copies it earlier, while nobody waits (`threaded.CHECKPOINT_AFTER`)."""

LOG_BYTES = 32 + CHECKPOINT_PAGES * (24 + PAGE_BYTES)
"""A log of so many pages: its header, and each page behind a header of its own (SQLite file format, section 4)."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE events (seq INTEGER PRIMARY KEY, at TEXT, boot INTEGER, mono_s REAL, type TEXT, data TEXT);
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT);
"""


def locked(side: Path, path: Path) -> IO[str]:
    """Take the side file. Not the database: SQLite's own locks end when anybody closes that file."""
    try:
        lock = os.fdopen(os.open(side, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), "r+")
    except OSError as error:
        raise JournalOpenError(f"{path}: cannot write beside it: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise JournalInUseError(f"{path}: is in use by another process (pid {holder})") from None
    except OSError as error:
        lock.close()
        raise JournalOpenError(f"{path}: cannot be locked: {error.strerror}") from error
    return lock


def sign(lock: IO[str]) -> None:
    """Write into the side file who holds it, for the message that the next one gets."""
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def examine(path: Path) -> None:
    """Judge what is at a path by its first 100 bytes, without letting SQLite touch it. Nothing may be there.

    Raises:
        JournalOpenError: it is no journal of ours, or one that was moved away from its log.
    """
    log = path.with_name(path.name + "-wal")
    if not path.exists():
        if log.exists():
            raise JournalOpenError(
                f"{path}: is missing, but its log {log.name} is there; restore it or move the log away"
            )
        return
    if not path.is_file():
        raise JournalOpenError(f"{path}: is not a file")
    if not os.access(path, os.R_OK | os.W_OK):
        raise JournalOpenError(f"{path}: may not be read and written by this user")
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise JournalOpenError(f"{path}: is not a journal (not an SQLite database)")
    judge(path, int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))


def judge(path: Path, application: int, version: int) -> None:
    """Tell our journal, of a version we know, from others."""
    if application != APPLICATION_ID:
        raise JournalOpenError(f"{path}: belongs to another application (id {application:#x})")
    if version > SCHEMA_VERSION:
        raise JournalOpenError(
            f"{path}: was written by a newer version (schema {version}, this program knows {SCHEMA_VERSION})"
        )


def create(path: Path, ids: Callable[[], str]) -> None:
    """Make a whole journal under another name, then give it its own: there is never half a journal."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    # the first to make the file says who may read it; SQLite gives its side files the same rights
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640))
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as db:
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            fill(db, ids())
            db.execute("PRAGMA journal_mode = WAL")
        new.rename(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def lengthen_log(path: Path) -> None:
    """Give the log its whole length, in zeros that SQLite overwrites and takes for no frames.

    To flush a file that has grown, the file system must write records of its own as well: that takes longer,
    and may wait for whatever else those records belong to.
    """
    log = os.open(path.with_name(path.name + "-wal"), os.O_WRONLY)
    try:
        length = os.fstat(log).st_size
        if length < LOG_BYTES:
            os.pwrite(log, bytes(LOG_BYTES - length), length)
            os.fsync(log)
    finally:
        os.close(log)


def fill(db: sqlite3.Connection, identity: str) -> None:
    """Make the tables of a journal that was never opened."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.executescript(SCHEMA)
    rows = [("journal", identity), ("boot", 0), ("clean", 1), ("trimmed", 0)]
    db.executemany("INSERT INTO meta VALUES (?, ?)", rows)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open an existing database: ``mode`` "rw" to write, "ro" beside a writer, "ro&immutable=1" without one."""
    # the thread that opens is not the one that writes; they take turns
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=1.0
    )
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    db.execute(f"PRAGMA journal_size_limit = {4 * CHECKPOINT_PAGES * PAGE_BYTES}")
    # what is deleted after its retention time is gone from the card, not only from the table
    db.execute("PRAGMA secure_delete = ON")
    return db
