"""How often a card may try a booking code here, so that nobody finds one by trying."""

from __future__ import annotations

MAX_CARDS = 1_000
"""Cards whose tries are counted; above it the one that tried longest ago is forgotten."""


class CodeTries:
    """Wrong codes by card, at one lane. Forgotten when the lane restarts: nobody switches it off to try again.

    Args:
        tries: wrong codes in a row, after which a card has to wait.
        pause_s: for so long, seconds since the last of them; as long after it earlier ones are forgotten.
    """

    def __init__(self, tries: int, pause_s: float) -> None:
        self._tries = tries
        self._pause_s = pause_s
        self._wrong: dict[str, tuple[int, float]] = {}

    def used_up(self, card: str, now_s: float) -> bool:
        """Whether no code of this card is looked at now, right or wrong."""
        return self._count(card, now_s) >= self._tries

    def wrong(self, card: str, now_s: float) -> None:
        """A code was looked at, and was another one."""
        count = self._count(card, now_s) + 1
        self._wrong.pop(card, None)
        self._wrong[card] = (count, now_s)
        if len(self._wrong) > MAX_CARDS:
            del self._wrong[next(iter(self._wrong))]

    def right(self, card: str) -> None:
        """It was the right one."""
        self._wrong.pop(card, None)

    def _count(self, card: str, now_s: float) -> int:
        count, last_s = self._wrong.get(card, (0, now_s))
        return count if now_s - last_s < self._pause_s else 0
