"""A gate as a process: how soon it is ready with a long history, and what it holds in memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.rig import SITE
from edge.runtime.journal import SqliteJournal
from edge.runtime.vocabulary import Commit, Committed, Event, Fact


@contextmanager
def gate(directory: Path, *options: str, device: str = "north") -> Generator[subprocess.Popen[str]]:
    """A simulated gate of the demo site as a process of its own; ready when this begins."""
    command = [sys.executable, "-m", "edge.cli", "gate", "--config", str(SITE), "--device", device, "--simulated"]
    settings = ["--set", f'storage.directory="{directory}"', "--stimuli", "-", *options]
    process = subprocess.Popen(
        [*command, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if process.stdout is None or "ready" not in process.stdout.readline():
            raise RuntimeError("the gate did not start")
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def fill(path: Path, count: int) -> None:
    """A journal with so many events."""
    done = 0

    def post(fact: Fact) -> bool:
        nonlocal done
        if isinstance(fact, Committed):
            done = fact.number
        return True

    journal = SqliteJournal(path, post)
    now = datetime(2026, 3, 9, tzinfo=UTC)
    data = {"visit": "0123456789ab", "lane": "north"}
    for number, first in enumerate(range(1, count + 1, 500), start=1):
        events = tuple(
            Event(seq, now, 1, 0.0, "visit.passed", data) for seq in range(first, min(first + 500, count + 1))
        )
        journal.commit(Commit(number, events))
    journal.close()


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def run(directory: Path, scale: float) -> list[Figure]:
    """Median of five starts; memory after the last one."""
    fill(directory / "north.db", max(500, round(100_000 * scale)))
    starts: list[float] = []
    memory = 0.0
    for _ in range(5 if scale >= 1 else 1):
        began_s = time.perf_counter()
        with gate(directory, "--set", 'broker.addresses=["127.0.0.1:1"]') as process:
            starts.append(time.perf_counter() - began_s)
            memory = resident_mb(process.pid)
    start_s = median(starts)
    return [
        Figure(
            "process start → ready, 100,000 events in the journal",
            "≤ 1.5 s",
            f"{start_s:.2f} s (median of {len(starts)})",
            start_s <= 1.5,
            {"start_s": start_s},
        ),
        Figure("resident memory of a gate", "≤ 60 MB", f"{memory:.0f} MB", memory <= 60, {"resident_mb": memory}),
    ]
