"""One inbox, one heap of timers, one thread: the loop under every controller, in every mode."""

from __future__ import annotations

import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from math import inf

from edge.runtime.ports import Clock
from edge.runtime.vocabulary import Fact, MessageReceived

_log = logging.getLogger(__name__)

INBOX_LIMIT = 10_000
"""Facts that may wait. A storm of inputs is dropped above it, and the log says so once; never the urgent ones."""

BACKGROUND_LIMIT = 1_000
"""Facts that may wait behind all others. Above it they are refused, and whoever posts them holds back."""

BACKGROUND_BYTES = 8 * 1024 * 1024
"""Payloads that may wait there; a longer one waits alone."""

TURNS_LIMIT = 100
"""Pieces of work that a loop does in a row while others of its thread may have some."""


class Timer:
    """Something to call at a moment, unless it is cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Never call."""
        self.callback = None


class Background:
    """Facts that wait until nothing else does, bounded by number and by bytes; any thread may put, one takes.

    Attributes:
        facts: those that wait, for looking only.
    """

    def __init__(self) -> None:
        self.facts: deque[Fact] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, fact: Fact) -> bool:
        """Let a fact wait. False: there is no room."""
        size = _size(fact)
        with self._lock:
            if self.facts and (len(self.facts) >= BACKGROUND_LIMIT or self._bytes + size > BACKGROUND_BYTES):
                return False
            self.facts.append(fact)
            self._bytes += size
        return True

    def take(self) -> Fact:
        """The fact that waits longest.

        Raises:
            IndexError: none does.
        """
        with self._lock:
            fact = self.facts.popleft()
            self._bytes -= _size(fact)
        return fact

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self.facts.clear()
            self._bytes = 0


def _size(fact: Fact) -> int:
    return len(fact.payload) if isinstance(fact, MessageReceived) else 0


class Loop:
    """Hands facts to a handler, one at a time, urgent ones first, and calls timers when due.

    Args:
        clock: where time comes from.
        handler: takes each fact on the loop's thread.
        urgent: kinds of facts that overtake all others and are never dropped.
        background: kinds of facts that all others overtake, in order among themselves. Above their own
            limits they are refused and not counted: who posts them keeps them and tries again.
        wake: set on each post; loops that share a thread share it.

    Attributes:
        dropped: facts for which there was no room since the inbox was last empty.
        stirred: something came since `run` looked. Set by any thread, taken back before looking.
        due_s: no timer is due before; infinity for never.
    """

    def __init__(
        self,
        clock: Clock,
        handler: Callable[[Fact], None],
        *,
        urgent: tuple[type[Fact], ...] = (),
        background: tuple[type[Fact], ...] = (),
        wake: threading.Event | None = None,
    ) -> None:
        self.clock = clock
        self.wake = wake or threading.Event()
        self.dropped = 0
        self._handler = handler
        self._urgent_kinds = urgent
        self._urgent: deque[Fact] = deque()
        self._inbox: deque[Fact] = deque()
        self._background_kinds = background
        self._background = Background()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self.stirred = True
        self.due_s = inf

    def post(self, fact: Fact) -> bool:
        """Hand over a fact from any thread. False: there is no room for it.

        The fact was dropped then and counted, unless it is of the background.
        """
        if isinstance(fact, self._urgent_kinds):
            self._urgent.append(fact)
        elif isinstance(fact, self._background_kinds):
            if not self._background.put(fact):
                return False
        elif len(self._inbox) >= INBOX_LIMIT:
            if not self.dropped:
                _log.warning("the inbox is full: %s and more are dropped", type(fact).__name__)
            self.dropped += 1
            return False
        else:
            self._inbox.append(fact)
        self.stirred = True
        if not self.wake.is_set():  # else the loop has not looked yet; setting it again would cost as much
            self.wake.set()
        return True

    def call_at(self, deadline: float, callback: Callable[[], None]) -> None:
        """Call back on the loop's thread at ``deadline`` (monotonic seconds); ties in order of asking."""
        self.timer(deadline, callback)

    def timer(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """The same, for what may be cancelled; a cancelled timer wakes nobody."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (deadline, next(self._order), timer))
        self.due_s = min(self.due_s, deadline)
        return timer

    def clear(self) -> None:
        """Forget everything that waits: the computer lost its power."""
        self._urgent.clear()
        self._inbox.clear()
        self._background.clear()
        self._timers.clear()

    def turn(self) -> bool:
        """Do one piece of work, if there is any: an urgent fact, a due timer, a fact, one of the background."""
        timers = self._timers
        if self._urgent:
            self._handler(self._urgent.popleft())
        elif timers and timers[0][0] <= self.clock.monotonic():
            callback = heapq.heappop(timers)[2].callback
            if callback is not None:
                callback()
        elif self._inbox:
            self._handler(self._inbox.popleft())
        elif self._background.facts:
            self._handler(self._background.take())
        else:
            self.dropped = 0
            deadline = self.deadline()
            self.due_s = inf if deadline is None else deadline
            return False
        return True

    def deadline(self) -> float | None:
        """When the next timer is due, in monotonic seconds; None for never."""
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def work(self, until: Callable[[], bool]) -> bool:
        """Do what there is to do, up to a limit; False: told to stop before."""
        self.stirred = False
        for _ in range(TURNS_LIMIT):
            if not self.turn():
                return True
            if until():
                self.stirred = True
                return False
        self.stirred = True  # there may be more
        return True


def run(clock: Clock, loops: Sequence[Loop], until: Callable[[], bool]) -> None:
    """Turn loops that share a thread and a ``wake`` event until told to stop.

    Each loop in turn does all it can, up to its share; only when all are quiet does time pass. In virtual
    time that makes the order of everything a function of the inputs.
    """
    wake = loops[0].wake
    while not until():
        now, nearest_s, quiet = clock.monotonic(), inf, True
        for loop in loops:
            if loop.stirred or loop.due_s <= now:
                quiet = False
                if not loop.work(until):
                    return
            elif loop.due_s < nearest_s:
                nearest_s = loop.due_s
        if quiet:
            clock.wait(wake, None if nearest_s == inf else nearest_s)
