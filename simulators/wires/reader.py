"""What all fake readers have in common: how a card and a code come to them, and faults as plain attributes."""

from __future__ import annotations


class FakeReader:
    """A reader with its faults, which act at once.

    Attributes:
        corrupt: what it delivers is garbled.
        slow: what it delivers comes bit by bit, or key by key, with long pauses.
    """

    def __init__(self) -> None:
        self.corrupt = False
        self.slow = False
        self._absent = self._stuck = self._intermittent = self._lost_last = False

    # --- what people do

    def present(self, card: str) -> None:
        """Hold a card to it; the number in hex, in the site's form."""
        raise NotImplementedError

    def enter(self, code: str) -> float:
        """Enter a booking code.

        Returns:
            How long that takes, seconds.
        """
        raise NotImplementedError

    # --- faults

    @property
    def absent(self) -> bool:
        """Fault: unplugged."""
        return self._absent

    @absent.setter
    def absent(self, on: bool) -> None:
        if on != self._absent:
            self._absent = on
            self._plugged(not on)

    @property
    def stuck(self) -> bool:
        """Fault: a key, or a wire, stays down."""
        return self._stuck

    @stuck.setter
    def stuck(self, on: bool) -> None:
        if on != self._stuck:
            self._stuck = on
            self._jammed(on)

    @property
    def intermittent(self) -> bool:
        """Fault: every other time nothing comes of a card or a code, the first time first."""
        return self._intermittent

    @intermittent.setter
    def intermittent(self, on: bool) -> None:
        self._intermittent = on
        self._lost_last = False

    def _loses(self) -> bool:
        """Whether nothing comes of what is done now."""
        self._lost_last = self._intermittent and not self._lost_last
        return self._lost_last

    def _plugged(self, there: bool) -> None:
        """It was plugged in again, or unplugged."""
        raise NotImplementedError

    def _jammed(self, on: bool) -> None:
        """Something got stuck, or came free."""
        raise NotImplementedError
