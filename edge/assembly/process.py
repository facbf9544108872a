"""What every process of a site has: an end, a word for systemd, a line for the log when the broker goes or comes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from edge.runtime.config import ConfigError
from edge.runtime.loop import Loop
from edge.runtime.notify import Notifier, NotifyError, Supervision, Watchdog
from edge.runtime.ports import Clock, Post
from edge.runtime.vocabulary import Fact, LinkDown, LinkSynced

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STEADY_S = 60.0
"""A connection that held so long was a good one: its end is news again, whatever was said before."""

READY_AGAIN_S = 1.0
"""Until systemd is told once more that the start is done; the units give it 60 s (TimeoutStartSec)."""


class ThreadDied(RuntimeError):
    """A thread ended by a defect, which is the cause; what it did, nobody does any more."""


class Stop:
    """Ends the loops on SIGTERM, SIGINT, or when something broke that a restart may mend.

    So does a defect that ends any thread of the process: a gate that lives on without its readers or its
    journal would look well and serve nobody.

    A thread of its own takes the signals. A handler would run in the middle of the loop's waiting and
    set an event whose lock that very thread may hold: the process would hang instead of ending. So
    this comes first in a process: threads started later leave the signals alone as well. A signal that
    was blocked before is somebody else's.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.asked = False
        self.error: BaseException | None = None
        self._wake = wake
        self._signals = frozenset(SIGNALS) - signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        threading.excepthook = self._thread_died
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def __call__(self) -> bool:
        """Whether to end."""
        return self.asked

    def because(self, error: BaseException) -> None:
        """End with an error."""
        self.error = self.error or error
        self.asked = True
        self._wake.set()

    def raise_error(self) -> None:
        """Raise what ended the loops, if it was an error; `KeyboardInterrupt` for SIGINT."""
        if self.error is not None:
            raise self.error

    def _thread_died(self, died: threading.ExceptHookArgs) -> None:
        name = "unknown" if died.thread is None else died.thread.name
        error = ThreadDied(f"the thread {name!r} ended by a defect")
        error.__cause__ = died.exc_value
        self.because(error)

    def _listen(self) -> None:
        if signal.sigwait(self._signals) == signal.SIGINT:
            self.because(KeyboardInterrupt())
        self.asked = True
        self._wake.set()


@contextmanager
def supervised(name: str, loop: Loop) -> Generator[None]:
    """Tell whoever started the process that it is ready, that its loop turns, and that it ends.

    Raises:
        ConfigError: what systemd put into the environment makes no sense.
    """
    try:
        supervision = Supervision.take(os.environ, os.getpid())
    except NotifyError as error:
        raise ConfigError([str(error)]) from None
    notifier = Notifier(supervision.address)
    try:
        if supervision.watchdog_s is not None:
            Watchdog((name,), supervision.watchdog_s, loop.clock, notifier.alive).watch(name, loop.call_at)
        print(f"gatehouse: {name} is ready", flush=True)
        _say_ready(notifier, loop)
        yield
    finally:
        notifier.stopping()
        notifier.close()


def _say_ready(notifier: Notifier, loop: Loop) -> None:
    """Until systemd has taken it: a start of which it never hears is one that it undoes."""
    if not notifier.ready():
        loop.call_at(loop.clock.monotonic() + READY_AGAIN_S, lambda: _say_ready(notifier, loop))


class BrokerNews:
    """Says on standard error, once each, that the broker is away and that it is back.

    Stands between the link and the loop. A link that flaps for one and the same reason is said to do
    so once; after a steady connection everything is news again.

    Args:
        name: of the device.
        post: takes the facts.
        clock: tells a steady connection from another.
    """

    def __init__(self, name: str, post: Post, clock: Clock) -> None:
        self._name = name
        self._post = post
        self._clock = clock
        self._said: str | None = None
        self._away = False
        self._up_s: float | None = None

    def __call__(self, fact: Fact) -> bool:
        """Post a fact of the link."""
        taken = self._post(fact)
        if taken and isinstance(fact, LinkSynced):
            self._back()
        elif taken and isinstance(fact, LinkDown):
            self._gone(fact.error)
        return taken

    def _back(self) -> None:
        self._up_s = self._clock.monotonic()
        if self._away:
            self._away = False
            self._say("the broker is back")

    def _gone(self, error: str) -> None:
        steady = self._up_s is not None and self._clock.monotonic() - self._up_s >= STEADY_S
        self._up_s = None
        if steady or error != self._said:
            self._said, self._away = error, True
            self._say(f"the broker is away: {error}")

    def _say(self, what: str) -> None:
        # nobody may be reading any more (a closed terminal, a log whose disk is full): the link is needed all the same
        with suppress(OSError):
            print(f"gatehouse: {self._name}: {what}", file=sys.stderr, flush=True)
