"""Which cards lie on an antenna: each is news once, however it flickers."""

from __future__ import annotations

MISSES = 5
"""A card that was not seen so many times in a row is gone. Cards that lie still are missed every other time by some
chips (adafruit/Adafruit-PN532#52, esphome#9875), and a hand that comes closer makes it worse: 5 leave room for both."""

CARDS_LIMIT = 8
"""Cards remembered; more do not fit before an antenna. The one missed for longest makes room."""


class Presence:
    """The cards before one antenna.

    Args:
        misses: not seen so often in a row, a card is gone.
    """

    def __init__(self, misses: int = MISSES) -> None:
        self._limit = misses
        self._missed: dict[bytes, int] = {}

    def __bool__(self) -> bool:
        """Whether a card is there, as far as we know."""
        return bool(self._missed)

    def look(self, seen: bytes | None) -> bool:
        """Take what one look saw: a card, or none. True: that card was not there before.

        A card counts its misses while another is seen as well: two in one wallet, seen in turn, are news once each.
        """
        news = seen is not None and seen not in self._missed
        self._missed = {
            card: missed + 1 for card, missed in self._missed.items() if card != seen and missed + 1 < self._limit
        }
        if seen is not None:
            if len(self._missed) >= CARDS_LIMIT:
                del self._missed[max(self._missed, key=self._missed.__getitem__)]
            self._missed[seen] = 0
        return news

    def forget(self) -> None:
        """Nothing is known any more: the next card is news."""
        self._missed.clear()
