"""Start of the process → ready for the first tap, with the 100,000 events of a busy year in the journal.

Ready is when the gate says so: wires open, journal read, its loop about to turn. The journal was left by
a crash, and nothing of it has been acknowledged. The files of Python and of the program lie in the
system's memory, as they do when a process is started again; after a boot the card has to read them first.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.process import gate
from benchmarks.rig import START
from edge.runtime.journal import Store, random_id
from edge.runtime.journal.rows import encode
from edge.runtime.vocabulary import Commit, Event

NOBODY = 1
"""A port without a broker."""
BATCH = 1000


def fill(path: Path, events: int) -> None:
    """A journal of so many events whose run never ended."""
    store = Store.open(path, random_id)
    at = datetime.fromisoformat(START)
    data = {"visit": "0123456789abcdef", "lane": "north"}
    for first in range(1, events + 1, BATCH):
        numbers = range(first, min(first + BATCH, events + 1))
        passed = tuple(Event(seq, at, 1, float(seq), "visit.passed", data) for seq in numbers)
        store.write([encode(Commit(first, passed))])
    store.close()


def run(directory: Path, scale: float) -> list[Figure]:
    """Median of so many starts."""
    events = max(100, round(100_000 * scale))
    fill(directory / "north.db", events)
    starts: list[float] = []
    for _ in range(max(1, round(9 * scale))):
        with gate(directory, NOBODY) as opened:
            starts.append(opened.start_s)
    start_s = median(starts)
    return [
        Figure(
            f"process start → ready, {events:,} events in the journal",
            "≤ 1.5 s",
            f"{start_s:.2f} s (median of {len(starts)}, worst {max(starts):.2f})",
            start_s <= 1.5,
            {"start_s": start_s, "worst_s": max(starts), "events": events},
        )
    ]
