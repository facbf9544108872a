"""What is reported committed is there, whatever happens to the process and to its log."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edge.runtime.journal import (
    SqliteJournal,
    read_journal,
)
from tests.journals import Facts, facts, open_journal, path, visit

__all__ = ["facts", "open_journal", "path"]


WRITER = """
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from edge.runtime.journal import SqliteJournal
from edge.runtime.vocabulary import Commit, Committed, Event

committed = 0
room = threading.Semaphore(10)

def post(fact):
    global committed
    assert isinstance(fact, Committed)
    print(fact.number, flush=True)
    room.release(fact.number - committed)
    committed = fact.number
    return True

journal = SqliteJournal(Path(sys.argv[1]), post)
start = journal.last_seq
at = datetime(2026, 3, 9, tzinfo=timezone(timedelta(hours=8)))
print("from", start, journal.boot, journal.clean, flush=True)
for number in range(1, 50_000):
    room.acquire()
    seq = start + number
    journal.commit(Commit(number, (Event(seq, at, journal.boot, 0.0, "visit.passed", {}),), {"entries": seq}))
"""


def test_kill_at_any_moment_loses_nothing_that_was_told(path: Path) -> None:
    chance = random.Random(11)
    writing = [sys.executable, "-c", WRITER, str(path)]
    told = 0
    for boot in range(1, 7):
        with subprocess.Popen(writing, stdout=subprocess.PIPE, text=True) as writer:
            try:
                assert writer.stdout is not None
                start, its_boot, clean = writer.stdout.readline().split()[1:]
                assert int(start) >= told
                assert (int(its_boot), clean) == (boot, str(boot == 1))
                for _ in range(chance.randrange(1, 60)):
                    told = int(start) + int(writer.stdout.readline())
            finally:
                writer.kill()
            for line in writer.stdout.read().splitlines()[:-1]:  # told before it died; the last may be torn
                told = int(start) + int(line)
        events = [read.seq for read in read_journal(path)]
        assert events == list(range(1, len(events) + 1))
        assert len(events) >= told
    journal = SqliteJournal(path, lambda _: True)
    assert journal.state() == {"entries": journal.last_seq}
    assert not journal.clean
    journal.close()


def test_a_log_torn_anywhere_gives_a_whole_beginning(
    open_journal: Callable[..., SqliteJournal], facts: Facts, path: Path, tmp_path: Path
) -> None:
    journal = open_journal()
    for number in range(1, 31):
        journal.commit(visit(number))
        facts.until(number)
    log = Path(f"{path}-wal").read_bytes().rstrip(b"\0")  # its rest lies there for later
    chance = random.Random(5)
    seen: set[int] = set()
    for attempt in range(40):
        torn = tmp_path / str(attempt)
        torn.mkdir()
        shutil.copy(path, torn / "journal.db")
        (torn / "journal.db-wal").write_bytes(log[: chance.randrange(len(log))])
        after = SqliteJournal(torn / "journal.db", lambda _: True)
        assert after.state() == ({"entries": after.last_seq} if after.last_seq else {})
        after.close()
        assert [read.seq for read in read_journal(torn / "journal.db")] == list(range(1, after.last_seq + 1))
        seen.add(after.last_seq)
    assert len(seen) > 10


def test_every_commit_is_flushed_to_the_medium(open_journal: Callable[..., SqliteJournal]) -> None:
    db = open_journal()._store._db
    full = 2
    assert db.execute("PRAGMA synchronous").fetchone() == (full,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA page_size").fetchone() == (1024,)
