"""Whether this computer keeps up with the speed that was asked for: a pause of it is so many times as long there."""

from __future__ import annotations

LATE_S = 5.0
"""Simulated seconds: a lane stays open so long. Whoever is later than that finds it shut."""
BELIEVED = 3
"""So many late pictures are no chance."""
CALM = 0.5
"""The speed that is advised leaves so much of `LATE_S` unused."""


class Pace:
    """Judges how late pictures come, and says once that the demo is too fast.

    Args:
        speed: simulated seconds a second.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._late: list[float] = []

    def seen(self, late_s: float) -> str | None:
        """A picture came so many simulated seconds late; the advice, the moment that it is due."""
        if late_s <= LATE_S or len(self._late) == BELIEVED:
            return None
        self._late.append(late_s)
        if len(self._late) < BELIEVED:
            return None
        speed = max(1, int(self._speed * CALM * LATE_S / max(self._late)))
        return f"This computer is too busy for {self._speed:g}×: readers find lanes shut. Better: --speed {speed}"
