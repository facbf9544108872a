"""Where drivers run: a worker per bus, so that a slow or stuck wire stops nobody else.

A job is one call of a driver; it returns the fact to post. What can go wrong on a wire is a fact too
(`ReaderLost` and its like), so a job that raises is a defect: nothing is posted, and the exception
goes to the supervisor's hook, which decides whether the process goes on.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable

from edge.runtime.ports import Clock, Post
from edge.runtime.vocabulary import Fact

JOBS_LIMIT = 100
"""Jobs that may wait for a bus; it is stuck long before."""

RETRY_S = 0.05
"""When a full inbox is tried again: somebody waits for the answer, and the bus with it."""

CLOSE_S = 2.0
"""How long closing waits for the job that runs."""

Job = Callable[[], Fact | None]
Failed = Callable[[Exception], None]


class Worker:
    """Runs jobs in order on a thread of its own.

    Args:
        name: of the bus, for the thread.
        post: takes the fact of each job, from the worker's thread.
        clock: for `busy_since`.
        failed: the supervisor's hook; takes what a job raised, on the worker's thread. What the hook
            raises ends the worker.
        limit: jobs that may wait.
    """

    def __init__(self, name: str, post: Post, *, clock: Clock, failed: Failed, limit: int = JOBS_LIMIT) -> None:
        self.name = name
        self.refused = 0
        self.busy_since: float | None = None
        """When the running job began, in monotonic seconds; None between jobs. Long ago: the bus is stuck."""
        self._post = post
        self._clock = clock
        self._failed = failed
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"bus {name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> bool:
        """Queue a job. False: the queue is full or the worker closed; the job was refused and counted."""
        with self._changed:
            if self._closing or len(self._jobs) >= self._limit:
                self.refused += 1
                return False
            self._jobs.append(job)
            self._changed.notify()
            return True

    def close(self) -> bool:
        """Forget what is queued and wait for the running job, but not for ever. False: it hangs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closing)
                if self._closing:
                    return
                job = self._jobs.popleft()
            self.busy_since = self._clock.monotonic()
            fact = _attempt(job, self._failed)
            self.busy_since = None
            if fact is not None:
                self._tell(fact)

    def _tell(self, fact: Fact) -> None:
        """Post until it is taken, or the worker closes."""
        while not self._post(fact):
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, RETRY_S):
                    return


class InlineWorker:
    """The same in virtual time: a job runs when the bus is free, its fact comes when it has taken its time.

    Args:
        post: takes the fact of each job.
        clock: virtual time.
        call_at: sets a timer on the thread of the simulation.
        elapsed_s: how long the next job takes; infinity for a bus that hangs from now on.
        failed: the supervisor's hook; takes what a job raised.
        limit: jobs that may wait.
    """

    def __init__(
        self,
        post: Post,
        *,
        clock: Clock,
        call_at: Callable[[float, Callable[[], None]], None],
        elapsed_s: Callable[[], float],
        failed: Failed,
        limit: int = JOBS_LIMIT,
    ) -> None:
        self.refused = 0
        self.busy_since: float | None = None
        """When the running job began, in virtual seconds; None between jobs."""
        self.elapsed_s = elapsed_s
        self._post = post
        self._clock = clock
        self._call_at = call_at
        self._failed = failed
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._closing = False
        self._hangs = False

    def submit(self, job: Job) -> bool:
        """Run a job as soon as the bus is free. False: the queue is full or the worker closed."""
        if self._closing or len(self._jobs) >= self._limit:
            self.refused += 1
            return False
        self._jobs.append(job)
        if self.busy_since is None:
            self._begin()
        return True

    def close(self) -> bool:
        """Forget what is queued; no fact comes any more. False: a job hangs."""
        self._closing = True
        self._jobs.clear()
        return not self._hangs

    def _begin(self) -> None:
        self.busy_since = self._clock.monotonic()
        fact = _attempt(self._jobs.popleft(), self._failed)
        elapsed_s = self.elapsed_s()
        self._hangs = elapsed_s == math.inf
        if not self._hangs:
            self._call_at(self.busy_since + elapsed_s, lambda: self._end(fact))

    def _end(self, fact: Fact | None) -> None:
        if fact is not None and not self._closing and not self._post(fact):
            self._call_at(self._clock.monotonic() + RETRY_S, lambda: self._end(fact))
            return
        self.busy_since = None
        if self._jobs:
            self._begin()


def _attempt(job: Job, failed: Failed) -> Fact | None:
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises belongs to the supervisor
        failed(error)
        return None
