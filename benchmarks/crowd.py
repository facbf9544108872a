"""Readers who come to a gate one after the other, their cards read over the broker, and strangers among them."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

from benchmarks.process import Gate
from benchmarks.rig import token, uid
from benchmarks.server import Heard, Server

SPEED = 10.0
"""Of the gate's clock, so that thermometer, beam and people keep up with ten readers a second."""
READERS_PER_S = 10.0
FACE_S = 0.045
"""From standing before the thermometer to the card: it has seen enough by then."""
FOLLOWS_S = 0.02
"""From one reader in the beam to the next before the thermometer."""
INSIDE = 100
"""So many readers are inside; then one leaves for each who comes."""
STRANGER = 1_000_000
"""Number of the first card without a booking."""


class Crowd:
    """Comes when made; over when everybody was heard of, or nothing more is heard.

    Args:
        lane: where they come.
        server: publishes their cards and hears what becomes of them.
        readers: their numbers. The next one steps up when the one before has walked through.
        strangers_per_s: cards without a booking, meanwhile and at a fixed rate.

    Attributes:
        sent_s: when each card was published (`time.perf_counter`), by its token.
        heard: what was heard of each.
    """

    def __init__(self, lane: Gate, server: Server, readers: range, strangers_per_s: float = 0.0) -> None:
        self.sent_s: dict[str, float] = {}
        self.heard: dict[str, list[Heard]] = {}
        self._lane = lane
        self._server = server
        self._first = readers.start
        self._numbers = {token(number): number for number in readers}
        self._coming = deque(self._numbers.items())
        self._served: str | None = None
        self._came_s = 0.0
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        strangers = range(STRANGER, STRANGER + round(strangers_per_s * len(readers) / READERS_PER_S))
        cards = [token(number) for number in strangers]
        server.heard = self._hear
        began_s = time.perf_counter()
        self._at(began_s, self._step_up)
        for place, (card, number) in enumerate(zip(cards, strangers, strict=True)):
            self._at(began_s + place / strangers_per_s, partial(self._read, card, number))
        self._run()

    @property
    def unheard(self) -> int:
        """Cards of which nothing was heard."""
        return len(self.sent_s.keys() - self.heard.keys())

    @property
    def doubled(self) -> int:
        """Cards of which more was heard than once."""
        return sum(len(events) > 1 for events in self.heard.values())

    def took_s(self, type_: str) -> list[float]:
        """From card to event, for one type of events."""
        return [events[0].at_s - self.sent_s[card] for card, events in self.heard.items() if events[0].type == type_]

    def _run(self) -> None:
        with suppress(TimeoutError):  # what is missing then is lost, and will be counted
            while self._plan or self._coming or self._served is not None:
                while self._plan and self._plan[0][0] <= time.perf_counter():
                    heapq.heappop(self._plan)[2]()
                if self._plan:
                    self._server.turn_until(self._plan[0][0])
                else:
                    self._server.turn_while(lambda: not self._plan and self._served is not None)
            self._server.turn_while(lambda: self.unheard > 0)
        self._server.turn_until(time.perf_counter() + 0.5)  # what comes twice

    def _at(self, moment_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (moment_s, next(self._order), act))

    def _step_up(self) -> None:
        self._came_s = time.perf_counter()
        self._served, number = self._coming.popleft()
        self._lane.step_up()
        self._at(self._came_s + FACE_S, partial(self._read, self._served, number))

    def _read(self, card: str, number: int) -> None:
        self.sent_s[card] = time.perf_counter()
        self._server.say("readers/north", {"uid": uid(number)})

    def _hear(self, event: Heard) -> None:
        card = event.data.get("card")
        if card in self.sent_s and event.type in ("visit.admitted", "visit.denied"):
            self.heard.setdefault(card, []).append(event)
            if card == self._served and event.type == "visit.admitted":
                self._lane.walk_in()
                if self._numbers[card] >= self._first + INSIDE:
                    self._lane.walk_out(uid(self._numbers[card] - INSIDE))
            elif card == self._served:
                self._next()
        elif event.type in ("visit.passed", "visit.abandoned"):
            self._next()

    def _next(self) -> None:
        self._served = None
        if self._coming:
            follows_s = max(self._came_s + 1 / READERS_PER_S, time.perf_counter() + FOLLOWS_S)
            self._at(follows_s, self._step_up)
