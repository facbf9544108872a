"""The journal in virtual time: the same SQL and the same rules, no thread."""

from __future__ import annotations

from collections.abc import Callable

from edge.runtime.journal.backlog import GROUP_LIMIT, QUEUE_LIMIT, RETRY_S, Backlog, give_up
from edge.runtime.journal.errors import JournalError
from edge.runtime.journal.store import Store
from edge.runtime.ports import Clock, Post
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

PLENTY_BYTES = 16_000_000_000
"""What is free, unless a test says otherwise."""


class InlineJournal(Backlog):
    """The journal in virtual time: the same SQL and the same rules, no thread.

    A group is on disk, and told, a latency after the disk was free; what is queued meanwhile forms the
    next group. Faults are plain attributes: ``failing`` makes the disk refuse, ``latency_s`` may be
    replaced by a slower one, ``free_bytes`` is what is left of it.

    Args:
        store: the disk. It survives a `power_cut` and can be given to the next run.
        post: takes `Committed`, `CommitFailed`, `EventsRead` and `DiskMeasured`.
        clock: virtual time.
        call_at: sets a timer on the thread of the simulation.
        latency_s: how long the next write takes.
        limit: transactions that may wait for the disk.
        failed: the supervisor's hook: transactions were lost, and the device must start again.
    """

    def __init__(
        self,
        store: Store,
        post: Post,
        *,
        clock: Clock,
        call_at: Callable[[float, Callable[[], None]], None],
        latency_s: Callable[[], float],
        limit: int = QUEUE_LIMIT,
        failed: Callable[[Exception], None] = give_up,
    ) -> None:
        store.begin_run()
        super().__init__(store, post, limit, failed)
        self._clock = clock
        self._call_at = call_at
        self._writing = 0
        self._dead = False
        self.latency_s = latency_s
        self.failing = False
        self.free_bytes = PLENTY_BYTES

    def commit(self, intent: Commit) -> None:
        """Queue a transaction; posts `Committed` after the latency of the disk."""
        if self._dead:
            raise JournalError(f"transaction {intent.number}: the journal is closed")
        if self._accept(intent) and not self._writing:
            self._begin()

    def read(self, intent: ReadEvents) -> None:
        """Posts `EventsRead`; it shows only what is on disk."""

        def answer() -> None:
            if not self._dead:
                self._tell(EventsRead(self._store.read(intent.after_seq, intent.limit)))

        self._call_at(self._clock.monotonic(), answer)

    def trim(self, intent: TrimEvents) -> None:
        """Delete acknowledged events past their retention, at once."""
        then: int | None = 0
        while then is not None:
            then = self._store.trim(intent.acked_seq, intent.before.isoformat(), then)

    def measure(self, _: MeasureDisk, /) -> None:
        """Posts `DiskMeasured`."""
        self._tell(DiskMeasured(min(self.free_bytes, self._store.room())))

    def close(self) -> None:
        """Write what is queued, mark the run as cleanly ended. The store stays open: it is the disk.

        Raises:
            JournalWriteError: the disk refused; the run counts as unclean.
        """
        if self._dead:
            return
        self._dead = True
        if self._queue and not self._refuses():
            self._write(len(self._queue))
        self._finish()

    def power_cut(self, *, lucky: bool = False) -> Store:
        """End the run as a power cut does: what is not on disk is gone, no fact comes any more.

        Args:
            lucky: the group being written reached the disk, though nobody heard of it.

        Returns:
            The disk, for the next run.
        """
        if lucky and not self._dead and not self.failing:
            self._store.write([self._queue[index] for index in range(self._writing)])
        self._dead = True
        return self._store

    def _begin(self) -> None:
        self._writing = min(len(self._queue), GROUP_LIMIT)
        self._call_at(self._clock.monotonic() + self.latency_s(), self._end)

    def _end(self) -> None:
        if self._dead:
            return
        if self._refuses() or not self._write(self._writing):
            self._call_at(self._clock.monotonic() + RETRY_S, self._end)
        elif self._queue:
            self._begin()
        else:
            self._writing = 0

    def _refuses(self) -> bool:
        """Whether the simulated disk is faulty now; says so once a failure."""
        if self.failing:
            if not self._error:
                self._tell(CommitFailed(self._queue[0].number, "simulated disk failure"))
            self._error = "simulated disk failure"
        return self.failing

    def _tell(self, fact: Fact) -> None:
        waiting = bool(self._untold)
        super()._tell(fact)
        if self._untold and not waiting:
            self._call_at(self._clock.monotonic() + RETRY_S, self._tell_again)

    def _tell_again(self) -> None:
        if not self._dead and not self._hand_over():
            self._call_at(self._clock.monotonic() + RETRY_S, self._tell_again)
