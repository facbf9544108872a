"""Facts on their way to the loop: in order, and none lost when the inbox is full for a while."""

from __future__ import annotations

from collections import deque

from edge.runtime.ports import Post
from edge.runtime.vocabulary import Fact

UNTOLD_S = 0.05
"""When a full inbox is tried again."""


class Outlet:
    """Posts facts and keeps those that found no room. Whoever fills it stops when it is `full`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._untold: deque[Fact] = deque()

    @property
    def full(self) -> bool:
        """Facts wait for room in the inbox."""
        return bool(self._untold)

    def tell(self, fact: Fact) -> None:
        """Post a fact, after all those told before."""
        self._untold.append(fact)
        self.flush()

    def flush(self) -> None:
        """Post what waits, as far as there is room."""
        while self._untold and self._post(self._untold[0]):
            self._untold.popleft()
