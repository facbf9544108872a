"""When to try again: soon after an accident, ever later while nothing helps, and never in step with others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge.runtime.link.terms import How

STABLE_S = 30.0
"""A connection that held so long was a good one: the next pause is a short one again."""

CONTEST_S = 30.0
CONTEST_ENDS = 3
"""A broker that hangs up so often within that time is not failing: somebody takes our place. MQTT 5 can say
so, but mosquitto 2.0.11 does not."""


class Patience:
    """Counts how connections ended and draws the pause before the next.

    Args:
        least_s: bound of the first pause.
        most_s: bound of the longest.
        chance: a number from 0 to 1; it keeps devices apart that lost the same broker.
    """

    def __init__(self, least_s: float, most_s: float, chance: Callable[[], float]) -> None:
        self._least_s = least_s
        self._most_s = most_s
        self._chance = chance
        self._failures = 0
        self._ends: deque[float] = deque(maxlen=CONTEST_ENDS)
        self.contested = False
        """Another client seems to use our name: each connection throws out the other's."""

    def failed(self) -> None:
        """No connection came about."""
        self._failures += 1

    def ended(self, now: float, up_for_s: float, how: How) -> None:
        """A connection ended after so many seconds."""
        if how is How.HUNG_UP:
            self._ends.append(now)
            if len(self._ends) == CONTEST_ENDS and now - self._ends[0] <= CONTEST_S:
                self.contested = True
        # the rival's pauses are as long as ours: a connection that holds for one of them is no peace yet
        if up_for_s >= (2 * self._most_s if self.contested else STABLE_S):
            self.contested = False
            self._failures = 0
            self._ends.clear()
        else:
            self._failures += 1
        if how is How.TAKEN_OVER:
            self.contested = True

    def pause_s(self) -> float:
        """How long to wait now."""
        doublings = min(max(0, self._failures - 1), 30)
        return min(self._most_s, self._least_s * 2**doublings) * (0.5 + 0.5 * self._chance())
