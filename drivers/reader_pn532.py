"""A PN532 on an I2C bus, which may be the thermometer's, as a card reader.

`Pn532Reader.poll` is one short job for the bus's worker: it never waits for a card. The chip looks for cards by
itself; while none is there a job is one byte read (2 bytes on the wire, 0.2 ms at 100 kHz), 20 times a second: 0.4 %
of the time. A job with a card is some 100 bytes (10 ms), `LYING_S` apart. So a reading of the thermometer comes late
by 10 ms at most while the chip is well, by `JOB_S` and one transfer when it is not, and nothing here is addressed to
the thermometer: it is not read, so what its data sheet says of reading (8.4.9) is between readings as it was.

A tap is seen within `LOOK_S`, the chip's own round of some 30 ms [practice] and the job: 90 ms; where another card
was there just before, within 140 ms; while the chip is asked how it is (`HEALTH_S`), 30 ms later.

Phones show another UID, beginning with 08, each time they come; it is passed on as it is. A card that says more of
itself than 48 bytes (its ATS) is read as garbled: the library takes no longer answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.presence import MISSES, Presence
from drivers.uid import Size
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReadingRejected, Side
from edge.runtime.ports import Post

if TYPE_CHECKING:
    from drivers.pn532_chip import Pn532

LOOK_S = 0.05
"""Between two looks while no card is there, seconds: with the rest below the 150 ms at which a reader feels slow."""

LYING_S = 0.1
"""Between two looks while a card is there, seconds: the bus is another's as well. `MISSES` of them and it is gone."""

HEALTH_S = 2.0
"""The chip is asked for its firmware, configured and set to look anew after so long without an answer, seconds: one
that was restarted knows nothing of it and would stay silent. With `ATTEMPTS` it is known as lost, or hears again,
within 3 s, as other readers do."""

RETRY_S = 0.4
"""From one attempt to have the chip listen to the next, seconds."""

ATTEMPTS = 3
"""So many that failed in a row make it lost: one is a spark."""

NO_CARD = b""
"""What lies before the antenna and is no card: news once as well."""

JOB_S = 0.15
"""No transfer of a job begins later, seconds; the kernel ends one after a second."""


class Pn532Reader:
    """One chip on one bus.

    Nothing happens before the first `poll`; a chip that is not there then is lost like one that goes later.

    Args:
        i2c: a CircuitPython bus; it stays its opener's to close.
        post: takes the facts, from the bus's thread.
        now_s: monotonic seconds; in a simulation with the time that the wires have cost.
        pause: lets so many seconds pass: milliseconds, while the chip makes up its answer.
        side: the direction that the reader serves.
        size: bytes of a card number; None takes any size of a UID.
        misses: not seen so often in a row, a card is gone.

    Attributes:
        lost: whether it was told to be lost.

    Raises:
        ModuleNotFoundError: the library is not installed; it comes with the extra ``pn532``.
    """

    def __init__(
        self,
        i2c: object,
        post: Post,
        *,
        now_s: Callable[[], float],
        pause: Callable[[float], None],
        side: Side = "entry",
        size: Size | None = None,
        misses: int = MISSES,
    ) -> None:
        from drivers import pn532_chip

        self.lost = False
        self._library = pn532_chip
        self._bounds = pn532_chip.Bounds(i2c, now_s, pause)
        self._post = post
        self._side: Side = side
        self._size: Size | None = size
        self._present = Presence(misses)
        self._chip: Pn532 | None = None
        self._failed = 0
        self._answered_s = 0.0

    def poll(self) -> float:
        """Look once whether a card is there, or try once to have the chip listen.

        Returns:
            In how many seconds to look next.
        """
        now_s = self._bounds.now_s()
        self._bounds.until_s = now_s + JOB_S
        try:
            if self._chip is None or now_s - self._answered_s >= HEALTH_S:
                self._begin(now_s)
            else:
                self._look(self._chip, now_s)
        except self._library.FAULTS as fault:
            return self._fail(fault)
        return LYING_S if self._present else LOOK_S

    def close(self) -> None:
        """Forget the chip; the bus belongs to who opened it."""
        self._chip = None

    def _begin(self, now_s: float) -> None:
        """Whatever the chip is at: ask who it is, configure it, have it listen."""
        self._chip = None  # until this has succeeded
        chip = self._library.Pn532(self._bounds)
        chip.listen()
        self._chip, self._answered_s = chip, now_s

    def _look(self, chip: Pn532, now_s: float) -> None:
        error = ""
        try:
            uid = chip.found()
        except self._library.BadCard as bad:
            uid, error = NO_CARD, str(bad)
        except self._library.GARBLED:
            if self._present.look(NO_CARD) and not self.lost:
                self._post(ReadingRejected(self._side, "the chip's answer was garbled"))
            raise
        self._well()
        news = self._present.look(uid)
        if uid is None:
            return
        if news:
            self._post(ReadingRejected(self._side, error) if error else self._read(uid))
        chip.listen()
        self._answered_s = now_s

    def _read(self, uid: bytes) -> CardRead | ReadingRejected:
        if self._size not in (None, len(uid)):
            return ReadingRejected(self._side, f"expected a UID of {self._size} bytes, found {len(uid)}")
        return CardRead(uid.hex().upper(), self._side)

    def _well(self) -> None:
        """It answered as it should."""
        self._failed = 0
        if self.lost:
            self.lost = False
            self._post(ReaderFound(self._side))

    def _fail(self, fault: Exception) -> float:
        self._chip = None
        self._failed += 1
        if self._failed >= ATTEMPTS and not self.lost:
            self.lost = True
            self._present.forget()
            self._post(ReaderLost(self._side, f"no PN532 that answers as it should: {_words(fault)}"))
        return RETRY_S


def _words(fault: Exception) -> str:
    """What a library's error says, without the numbers of a frame."""
    if isinstance(fault, OSError):
        return f"bus error {fault.errno}: check power, SDA and SCL"
    return str(fault.args[0]).rstrip(": ") if fault.args else type(fault).__name__
