"""The queue before the disk: what is accepted, what is written next, and what is said about it."""

from __future__ import annotations

import secrets
import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any

from edge.runtime.journal.errors import JournalOrderError, JournalWriteError
from edge.runtime.journal.rows import Transaction, encode
from edge.runtime.journal.store import Store
from edge.runtime.ports import Post
from edge.runtime.vocabulary import Commit, CommitFailed, Committed, Fact

QUEUE_LIMIT = 20_000
"""Transactions that may wait for the disk: half a day of a busy entrance, some 20 MB."""

GROUP_LIMIT = 500
"""Transactions in one group: bounds what one fsync has to write."""

RETRY_S = 0.5
"""After the disk refused, and after the loop's inbox was full."""


def give_up(error: Exception) -> None:
    """Where nobody supervises: let the journal end with it."""
    raise error


def random_id() -> str:
    """Identity of a new journal: 64 random bits in hex."""
    return secrets.token_hex(8)


class Backlog:
    """What both journals share: the queue before the disk, and the facts about it.

    A transaction that finds the queue full is refused, and with it every later one until the device
    starts again: they build on each other, and `Committed` speaks for all numbers below its own. Once the
    disk has taken what was queued, ``failed`` ends the process for that; until then it watches over fire and exits.
    """

    def __init__(self, store: Store, post: Post, limit: int, failed: Callable[[Exception], None]) -> None:
        self._store = store
        self._post = post
        self._limit = limit
        self._failed = failed
        self._queue: deque[Transaction] = deque()
        self._last_seq = store.last_seq
        self._untold: deque[Fact] = deque()
        self._error = ""
        self.refused = 0

    @property
    def id(self) -> str:
        """Random identity born with the database file."""
        return self._store.id

    @property
    def boot(self) -> int:
        """How often this file was opened by a controller, from 1."""
        return self._store.boot

    @property
    def clean(self) -> bool:
        """Whether the last run ended with `close` (or there was none)."""
        return self._store.clean

    @property
    def last_seq(self) -> int:
        """Sequence number of the newest event at opening, even if it was trimmed since; 0 for none."""
        return self._store.last_seq

    def state(self, prefix: str = "") -> dict[str, Any]:
        """The state as last committed before opening: every key with that prefix, in order."""
        return self._store.state(prefix)

    def _accept(self, intent: Commit) -> bool:
        """Queue a transaction as it is now; False when it is refused."""
        last_seq = self._last_seq
        for event in intent.events:
            if event.seq <= last_seq:
                raise JournalOrderError(f"transaction {intent.number}: event {event.seq} comes after {last_seq}")
            last_seq = event.seq
        transaction = encode(intent)
        if self.refused or len(self._queue) >= self._limit:
            self.refused += 1
            if self.refused == 1:
                why = f"queue full: {len(self._queue)} transactions wait for the disk; this and all later ones are lost"
                self._tell(CommitFailed(intent.number, why))
            return False
        self._last_seq = last_seq
        self._queue.append(transaction)
        return True

    def _write(self, count: int) -> bool:
        """Try to write the first so many transactions, and tell how it went."""
        batch = [self._queue[index] for index in range(count)]
        try:
            self._store.write(batch)
        except sqlite3.Error as error:
            if not self._error:
                self._tell(CommitFailed(batch[0].number, str(error)))
            self._error = str(error)
            return False
        self._error = ""
        for _ in batch:
            self._queue.popleft()
        self._tell(Committed(batch[-1].number))
        if self.refused and not self._queue:
            self._failed(JournalWriteError(f"{self.refused} transactions were lost while the disk took none"))
        return True

    def _tell(self, fact: Fact) -> None:
        if isinstance(fact, Committed) and self._untold and isinstance(self._untold[-1], Committed):
            self._untold.pop()  # the new one speaks for it
        self._untold.append(fact)
        self._hand_over()

    def _hand_over(self) -> bool:
        """Post what is to be told; False when the loop's inbox is full and something is left."""
        while self._untold:
            if not self._post(self._untold[0]):
                return False
            self._untold.popleft()
        return True

    def _finish(self) -> None:
        """End the run; what the disk did not take is said, and the run counts as unclean."""
        if self._queue:
            raise JournalWriteError(f"{len(self._queue)} transactions could not be written: {self._error}")
        try:
            self._store.end_run()
        except sqlite3.Error as error:
            raise JournalWriteError(f"the end of the run could not be written: {error}") from error
