"""The write-ahead memory of a device: append-only events, the state derived from them, and the way back.

The order is the law: transactions reach the disk in the order of their numbers, and `Committed` with
a number means that it and all before it are on disk, fsync included. A transaction that the disk
refuses stays first in the queue and is tried again; nothing overtakes it.

``threaded`` is the journal of hardware, ``inline`` the same in virtual time. Both stand on ``backlog``
(the queue and what is said about it), ``store`` (the tables) and ``files`` (the file and its owner).
"""

from edge.runtime.journal.backlog import random_id
from edge.runtime.journal.errors import (
    JournalError,
    JournalInUseError,
    JournalOpenError,
    JournalOrderError,
    JournalWriteError,
)
from edge.runtime.journal.files import examine
from edge.runtime.journal.inline import InlineJournal
from edge.runtime.journal.store import Store, read_journal
from edge.runtime.journal.threaded import SqliteJournal

__all__ = [
    "InlineJournal",
    "JournalError",
    "JournalInUseError",
    "JournalOpenError",
    "JournalOrderError",
    "JournalWriteError",
    "SqliteJournal",
    "Store",
    "examine",
    "random_id",
    "read_journal",
]
