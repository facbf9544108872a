"""Two clocks behind one protocol: real time (scaled, if asked) and virtual time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta, tzinfo

EARLIEST_BELIEVABLE = 1_577_836_800.0
"""2020-01-01T00:00:00Z: a system clock before this was never set (a clock chip with an empty battery)."""

ASK_S = 1.0
"""How often it is asked whether the clock is set, while it is not; `WallClock.wall` is called for every fact."""


def system_s() -> float:
    """Seconds since 1970 on the system's clock, right or wrong: for what lives on that clock and must follow it."""
    return time.time()


class WallClock:
    """Real time. With ``start`` it shows a simulated date that runs ``speed`` times as fast as real time.

    Args:
        zone: time zone of the site.
        speed: simulated seconds a real second; 1.0 on hardware.
        start: the simulated wall time at ``origin_s``; None shows the system's clock.
        origin_s: system time (seconds since 1970) at which ``start`` was shown, so that several
            processes agree; None means now.
        synchronised: tells whether the system's clock is set; None takes any date since 2020 for one
            that somebody set. Asked until it says so, and then never again: a time server that is lost
            later leaves a clock that is right for days.
    """

    def __init__(
        self,
        zone: tzinfo,
        *,
        speed: float = 1.0,
        start: datetime | None = None,
        origin_s: float | None = None,
        synchronised: Callable[[], bool] | None = None,
    ) -> None:
        self._zone = zone
        self._speed = speed
        self._start = start
        self._synchronised = synchronised or (lambda: time.time() >= EARLIEST_BELIEVABLE)
        elapsed_s = 0.0 if origin_s is None else time.time() - origin_s
        self._zero = time.monotonic() - elapsed_s if start is not None else 0.0
        self._known = start is not None
        self._ask_again_s = -math.inf
        self._step = timedelta()
        self._unset = False

    def monotonic(self) -> float:
        """Seconds; simulated seconds where ``speed`` is not 1."""
        return (time.monotonic() - self._zero) * self._speed

    def wall(self) -> datetime | None:
        """Local time of the site, or None while the clock is not set."""
        if self._unset:
            return None
        if self._start is not None:
            return self._start + timedelta(seconds=self.monotonic()) + self._step
        return datetime.now(self._zone) + self._step if self._known or self._ask() else None

    def follower(self) -> WallClock:
        """Another device's clock: the same passing of time, a wall clock of its own."""
        return copy(self)

    def step(self, seconds: float) -> None:
        """Simulation only: move the wall clock; monotonic time goes on."""
        self._step += timedelta(seconds=seconds)

    def set(self, known: bool) -> None:
        """Simulation only: make the wall clock known or unknown."""
        self._unset = not known

    def wait(self, wake: threading.Event, deadline: float | None) -> None:
        """Sleep until woken or due."""
        if deadline is None:
            wake.wait()
        else:
            delay_s = (deadline - self.monotonic()) / self._speed
            if delay_s > 0:
                wake.wait(delay_s)
        wake.clear()

    def _ask(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._ask_again_s:
            self._ask_again_s = now_s + ASK_S
            self._known = self._synchronised()
        return self._known


class VirtualClock:
    """Time that jumps: waiting moves it to the deadline at once. For simulations and tests."""

    def __init__(self, start: datetime, *, origin: VirtualClock | None = None) -> None:
        self._start = start
        self._now = [0.0] if origin is None else origin._now  # one moment, shared by all followers
        self._shown_at, self._shown = 0.0, start  # most facts come several at one moment
        self._unset = False

    def monotonic(self) -> float:
        """Virtual seconds since the start."""
        return self._now[0]

    def wall(self) -> datetime | None:
        """Start plus virtual time plus all steps."""
        if self._unset:
            return None
        now = self._now[0]
        if now != self._shown_at:
            self._shown_at, self._shown = now, self._start + timedelta(0, now)
        return self._shown

    def follower(self) -> VirtualClock:
        """Another device's clock: the same passing of time, a wall clock of its own."""
        return VirtualClock(self._start, origin=self)

    def step(self, seconds: float) -> None:
        """Move the wall clock; virtual time goes on."""
        self._start += timedelta(seconds=seconds)
        self._shown_at = math.nan

    def set(self, known: bool) -> None:
        """Make the wall clock known or unknown."""
        self._unset = not known

    def advance_to(self, moment: float) -> None:
        """Jump forward; never back."""
        self._now[0] = max(self._now[0], moment)

    def wait(self, wake: threading.Event, deadline: float | None) -> None:
        """Jump to the deadline. Everybody waits, so nobody can wake us: ``wake`` stays as it is.

        Raises:
            RuntimeError: nothing is due, ever: the simulation would stand still.
        """
        if deadline is None:
            raise RuntimeError("virtual time stands still: no deadline and nobody to wake us")
        self.advance_to(deadline)
