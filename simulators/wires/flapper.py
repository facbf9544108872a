"""What is there and gone, there and gone."""

from __future__ import annotations

from collections.abc import Callable


class Flapper:
    """Turns something off and on again and again.

    Args:
        later: calls back after so many seconds.
        off: turns it off.
        on: turns it on again.
    """

    def __init__(
        self, later: Callable[[float, Callable[[], None]], None], off: Callable[[], None], on: Callable[[], None]
    ) -> None:
        self._call_later = later
        self._turns = (off, on)
        self._number = 0

    def begin(self, up_s: float, down_s: float) -> None:
        """Stay on for ``up_s``, off for ``down_s``, and so on."""
        self._number += 1
        self._later(up_s, down_s, 0)

    def end(self) -> None:
        """Leave it as it is."""
        self._number += 1

    def _later(self, wait_s: float, then_s: float, turn: int) -> None:
        number = self._number

        def due() -> None:
            if number == self._number:
                self._turns[turn]()
                self._later(then_s, wait_s, 1 - turn)

        self._call_later(wait_s, due)
