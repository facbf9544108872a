"""What systemd is told: ready, alive, stopping (sd_notify(3), without its library).

A watchdog that is fed by a timer of its own proves that a timer runs. Here a loop that turned feeds it:
when one hangs, for whatever cause, systemd hears nothing and ends the process.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass

from edge.runtime.ports import Clock

_log = logging.getLogger(__name__)

FEEDINGS = 3
"""Times that the watchdog is fed in its interval. sd_watchdog_enabled(3) advises two: then one late loop is the end."""


class NotifyError(ValueError):
    """What systemd put into the environment cannot be understood; one line that says what."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """What systemd wants to hear.

    Args:
        address: of its socket, a path or ``@`` and an abstract name; None: nobody listens.
        watchdog_s: it ends a process that is silent for longer, seconds; None: it does not.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def take(cls, environment: MutableMapping[str, str], pid: int) -> Supervision:
        """Take it out of the environment, so that no child speaks for us.

        Args:
            environment: of the process; ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` are removed.
            pid: of the process; a watchdog that is for another is none.

        Raises:
            NotifyError: one of them makes no sense.
        """
        address = environment.pop("NOTIFY_SOCKET", "") or None
        interval, owner = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        if address is not None and (address[0] not in "/@" or len(address) == 1):
            raise NotifyError(f"NOTIFY_SOCKET {address}: expected a path, or @ and a name")
        if owner not in ("", str(pid)) or not interval:
            return cls(address)
        if not (interval.isascii() and interval.isdigit() and int(interval)):
            raise NotifyError(f"WATCHDOG_USEC {interval}: expected microseconds, a whole number above 0")
        return cls(address, int(interval) / 1e6)


class Notifier:
    """Sends to systemd, and never waits for it: a manager that hangs must not hang the lane.

    What it does not take is logged once, and once that it takes it again.

    Args:
        address: of its socket, as in `Supervision`; None: all is said to nobody, and taken.
    """

    def __init__(self, address: str | None) -> None:
        self._address = None if address is None else "\0" + address[1:] if address[0] == "@" else address
        self._refused = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ready(self) -> bool:
        """The start is done. False, here and below: systemd did not take it; say it again."""
        return self._send("READY=1")

    def alive(self) -> bool:
        """Feed the watchdog; `Watchdog` does it at the right time."""
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """The end has begun."""
        return self._send("STOPPING=1")

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _send(self, message: str) -> bool:
        if self._address is None:
            return True
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._refused:
                _log.warning("gatehouse: systemd does not hear: %s", error.strerror or error)
            self._refused = True
            return False
        if self._refused:
            _log.warning("gatehouse: systemd hears again")
        self._refused = False
        return True


class Watchdog:
    """Feeds once all loops have turned since the last feeding, and not more often than needed.

    Any thread may call it. A feeding that was not taken is tried again at the next turn.

    Args:
        loops: names of all that must turn, one at least.
        interval_s: systemd's patience, real seconds.
        clock: real time; the interval begins now.
        feed: tells systemd; False: it did not take it.

    Raises:
        ValueError: nothing has to turn.
    """

    def __init__(self, loops: Collection[str], interval_s: float, clock: Clock, feed: Callable[[], bool]) -> None:
        if not loops:
            raise ValueError("a watchdog without a loop would be fed by nobody")
        self.period_s = interval_s / FEEDINGS
        self._loops = frozenset(loops)
        self._clock = clock
        self._feed = feed
        self._lock = threading.Lock()
        self._missing = set(loops)
        self._fed_s = clock.monotonic()

    def turned(self, loop: str) -> None:
        """A loop turned.

        Raises:
            KeyError: it is none of those that must turn.
        """
        if loop not in self._loops:
            raise KeyError(loop)
        with self._lock:
            self._missing.discard(loop)
            now = self._clock.monotonic()
            if not self._missing and now - self._fed_s >= self.period_s and self._feed():
                self._missing = set(self._loops)
                self._fed_s = now

    def missing(self) -> tuple[str, ...]:
        """The loops that have not turned since the last feeding, by name."""
        with self._lock:
            return tuple(sorted(self._missing))

    def watch(self, loop: str, call_at: Callable[[float, Callable[[], None]], None]) -> None:
        """See to it that a loop turns often enough even when it has nothing to do.

        Args:
            loop: its name.
            call_at: sets a timer on that loop; what the timer calls is the proof that it turned.
        """

        def turn() -> None:
            self.turned(loop)
            call_at(self._clock.monotonic() + self.period_s, turn)

        turn_s = self._clock.monotonic() + self.period_s
        call_at(turn_s, turn)
