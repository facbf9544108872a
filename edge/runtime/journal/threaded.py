"""The journal of a device on its disk, written by a thread of its own.

An SD card can stall for a second, and a fire input must not wait for it. All that is queued when the
disk becomes free is written as one (group commit): under load there are more transactions to an
fsync, not a longer queue.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edge.runtime.journal.backlog import GROUP_LIMIT, QUEUE_LIMIT, RETRY_S, Backlog, give_up, random_id
from edge.runtime.journal.errors import JournalError, JournalWriteError
from edge.runtime.journal.store import Store
from edge.runtime.ports import Post
from edge.runtime.vocabulary import (
    Commit,
    CommitFailed,
    DiskMeasured,
    EventsRead,
    Fact,
    MeasureDisk,
    ReadEvents,
    TrimEvents,
)

READS_LIMIT = 100
"""Reads that may wait; of more, the newest are answered."""

CHECKPOINT_AFTER = 64
"""Transactions after which the log is copied into the file while nobody waits. Some ten pages each: SQLite, which
copies a log of 1,000 pages at the next commit, then never has to."""

CLOSE_TRIES = 3
"""How often a refusing disk is tried once the journal is being closed."""

CLOSE_S = 10.0
"""How long closing waits for a disk that does not answer at all."""

_log = logging.getLogger(__name__)


class SqliteJournal(Backlog):
    """The journal of a device on its disk, written by a thread of its own.

    Args:
        path: the database file; made if it is missing, its directory must exist.
        post: takes `Committed`, `CommitFailed`, `EventsRead` and `DiskMeasured`, from the journal's thread.
        ids: gives a new journal its identity.
        limit: transactions that may wait for the disk.
        limit_bytes: length of the file at which the disk counts as full; None: as long as there is room.
        failed: the supervisor's hook: transactions were lost, and the device must start again.
        retry_s: pause after the disk refused.
        open_store: opens the file.

    Raises:
        JournalOpenError: the file cannot be this device's journal; nothing was changed.
        JournalInUseError: another process has it open.
    """

    def __init__(
        self,
        path: Path,
        post: Post,
        *,
        ids: Callable[[], str] = random_id,
        limit: int = QUEUE_LIMIT,
        limit_bytes: int | None = None,
        failed: Callable[[Exception], None] = give_up,
        retry_s: float = RETRY_S,
        open_store: Callable[[Path, Callable[[], str]], Store] = Store.open,
    ) -> None:
        super().__init__(open_store(path, ids), post, limit, failed)
        if limit_bytes is not None:
            self._store.limit(limit_bytes)
        self._retry_s = retry_s
        self._reads: deque[ReadEvents] = deque(maxlen=READS_LIMIT)
        self._trim: TrimEvents | None = None
        self._trim_from = 0
        self._directory = path.parent
        self._measuring = False
        self._in_log = 0
        self._read_error = ""
        self._closing_tries = 0
        self._closing = False
        self._ending: JournalError | None = None
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def commit(self, intent: Commit) -> None:
        """Queue a transaction; posts `Committed` once it is on disk, `CommitFailed` once a failure.

        Raises:
            JournalOrderError: an event's number was used before.
            TypeError, ValueError: something in it is not what JSON can hold.
            JournalError: the journal is closed.
        """
        with self._changed:
            if self._closing:
                raise JournalError(f"transaction {intent.number}: the journal is closed")
            if self._accept(intent):
                self._changed.notify()

    def read(self, intent: ReadEvents) -> None:
        """Posts `EventsRead`; it shows only what is on disk."""
        with self._changed:
            self._reads.append(intent)
            self._changed.notify()

    def trim(self, intent: TrimEvents) -> None:
        """Delete acknowledged events past their retention, a stretch at a time between the commits."""
        with self._changed:
            self._trim, self._trim_from = intent, 0
            self._changed.notify()

    def measure(self, _: MeasureDisk, /) -> None:
        """Posts `DiskMeasured`: what is free for this process, where the file lies, and below its limit."""
        with self._changed:
            self._measuring = True
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued, mark the run as cleanly ended, copy the log into the file.

        Raises:
            JournalWriteError: the disk refused or does not answer; the run counts as unclean.
            JournalError: a defect had ended the thread; it is the cause.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            raise JournalWriteError(f"the disk does not answer: {len(self._queue)} transactions wait")
        ending, self._ending = self._ending, None
        if ending is not None:
            raise ending

    def _tell(self, fact: Fact) -> None:
        with self._changed:  # the loop's thread tells of refused transactions
            super()._tell(fact)

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    ailing = self._error or self._read_error or self._untold
                    self._changed.wait_for(self._has_work, self._retry_s if ailing else None)
                if self._closing and (not self._queue or self._closing_tries == CLOSE_TRIES):
                    break
                self._turn()
            try:
                self._finish()
            except JournalWriteError as error:
                self._ending = error  # raised to whoever closes
            self._store.close()
        except BaseException as error:
            # a defect, not the disk: say so before the thread ends, then let it end the process
            self._ending = JournalError(f"the journal's thread ended early: {error!r}")
            self._ending.__cause__ = error
            self._tell(CommitFailed(self._queue[0].number if self._queue else 0, str(self._ending)))
            raise

    def _has_work(self) -> bool:
        """Whether to go on at once; what failed last waits for its time."""
        return (
            self._trim is not None
            or self._measuring
            or bool((self._queue or self._closing) and not self._error)
            or bool(self._reads and not self._read_error)
        )

    def _turn(self) -> None:
        with self._changed:
            self._hand_over()
        group = min(len(self._queue), GROUP_LIMIT)
        if group and self._write(group):
            self._in_log += group
        elif group:
            self._closing_tries += self._closing
        if self._reads:
            self._read_once()
        if self._trim is not None:
            self._trim_once()
        if self._measuring:
            self._measure_once()
        if self._in_log >= CHECKPOINT_AFTER and not self._queue:
            self._checkpoint()

    def _read_once(self) -> None:
        asked = self._reads[0]
        try:
            events = self._store.read(asked.after_seq, asked.limit)
        except (sqlite3.Error, ValueError) as error:
            # "no events" would be a lie and would lose them; it is asked again, and said once
            if not self._read_error:
                self._tell(CommitFailed(0, f"the history after event {asked.after_seq} cannot be read: {error}"))
            self._read_error = str(error)
            return
        self._read_error = ""
        self._reads.popleft()
        self._tell(EventsRead(events))

    def _measure_once(self) -> None:
        self._measuring = False
        try:
            free_bytes = min(shutil.disk_usage(self._directory).free, self._store.room())
        except (OSError, sqlite3.Error) as error:
            _log.warning("the free space is unknown, the next measuring will try again: %s", error)
        else:
            self._tell(DiskMeasured(free_bytes))

    def _checkpoint(self) -> None:
        self._in_log = 0
        try:
            self._store.checkpoint()
        except sqlite3.Error as error:
            _log.warning("the log was not copied into the file, a later commit will try again: %s", error)

    def _trim_once(self) -> None:
        with self._changed:
            asked, from_seq = self._trim, self._trim_from
        if asked is None:
            return
        try:
            then = self._store.trim(asked.acked_seq, asked.before.isoformat(), from_seq)
        except sqlite3.Error as error:
            _log.warning("old events were not deleted, the next trimming will try again: %s", error)
            then = None
        with self._changed:
            if self._trim is asked and self._trim_from == from_seq:  # else a newer request starts from the beginning
                self._trim, self._trim_from = (None, 0) if then is None else (asked, then)
