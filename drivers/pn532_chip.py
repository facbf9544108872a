"""The NFC chip NXP PN532 over its library `adafruit_pn532`, some parts of it replaced.

The library waits by sleeping, and for as long as a bus makes it: here it waits by `Bounds.pause`, and no transfer
begins after `Bounds.until_s`. It believes that the chip is configured: here the chip has to say so. Its
`get_passive_target` refuses UIDs of 10 bytes: the answer is taken apart here. Neither its reset pin nor its request
pin is used; with them it sleeps.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, cast

from adafruit_pn532.adafruit_pn532 import BusyError
from adafruit_pn532.i2c import PN532_I2C

from drivers.uid import SIZES

ADDRESS = 0x24
"""Bus address; the chip knows no other (adafruit_pn532, `i2c.py`)."""

LIST_TARGETS = 0x4A
"""The command to look for cards, InListPassiveTarget. The chip tries for ever by itself until one is there or another
command comes: it is made so (adafruit/Adafruit-PN532, `setPassiveActivationRetries`)."""

ANSWER_BYTES = 64
"""Room for an answer to it, as the library has it: 6 bytes, 10 of the longest UID, what a card may say of itself."""

PAUSE_S = 0.001
"""Between two looks whether the chip is ready, seconds; the library's 10 ms would hold up the bus's other users."""

ANSWER_S = 0.03
"""How long an acknowledgement or an answer may take, seconds; it comes within 15 ms or not at all [practice]."""

CASCADE = 0x88
"""The tag that says that more of a UID follows (ISO/IEC 14443-3): no UID of 4 bytes begins with it."""

READY = 0x01
"""The byte that comes before all that is read, when there is something to read."""

CONFIGURE, NORMAL_MODE = 0x14, bytes((0x01, 0x14, 0x01))
"""The command SAMConfiguration, and what the library says with it: work without a security chip."""

GARBLED = (RuntimeError, IndexError)
"""What the library raises where an answer is none; it counts on whole frames. The first also where none comes."""

FAULTS = (OSError, ValueError, BusyError, *GARBLED)
"""All that it raises; also: the bus failed; nobody acknowledges the address; ready, and then not."""


class BadCard(ValueError):
    """The chip found something that is no card with a whole UID; the message says what."""


class Bounds:
    """A CircuitPython bus on which no transfer begins after a deadline.

    Args:
        i2c: the bus.
        now_s: monotonic seconds.
        pause: lets so many seconds pass.

    Attributes:
        until_s: the deadline, in the seconds of `now_s`.
    """

    def __init__(self, i2c: Any, now_s: Callable[[], float], pause: Callable[[float], None]) -> None:
        self.until_s = 0.0
        self.now_s = now_s
        self.pause = pause
        self._i2c = i2c

    def try_lock(self) -> bool:
        """Take the bus; where another thread has it for good, the deadline ends the wait.

        Raises:
            OSError: ETIMEDOUT: too late.
        """
        self._check()
        if self._i2c.try_lock():
            return True
        self.pause(PAUSE_S)
        return False

    def unlock(self) -> None:
        """Give the bus back."""
        self._i2c.unlock()

    def writeto(self, address: int, buffer: bytes | bytearray, **part: int) -> None:
        """Write (a part of) a buffer.

        Raises:
            OSError: the bus failed; ETIMEDOUT also: too late.
        """
        self._check()
        self._i2c.writeto(address, buffer, **part)

    def readfrom_into(self, address: int, buffer: bytearray, **part: int) -> None:
        """Read into (a part of) a buffer.

        Raises:
            OSError: the bus failed; ETIMEDOUT also: too late.
        """
        self._check()
        self._i2c.readfrom_into(address, buffer, **part)

    def _check(self) -> None:
        if self.now_s() >= self.until_s:
            raise OSError(errno.ETIMEDOUT, "the bus takes too long")


class Pn532(PN532_I2C):
    """The chip, asked who it is and configured, as the library does when its object is made.

    Raises:
        ValueError: nobody acknowledges the address.
        OSError: the bus failed.
        RuntimeError: no answer, or one that is none.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        super().__init__(bounds, ADDRESS)

    def listen(self) -> None:
        """Have the chip look for a card.

        Raises:
            OSError: the bus failed.
            RuntimeError: it does not acknowledge.
        """
        if not self.listen_for_passive_target(timeout=ANSWER_S):
            raise RuntimeError("it does not answer")

    def found(self) -> bytes | None:
        """The card that was found, once: it listens no more. None: it listens still. One look, no wait.

        Raises:
            BadCard: it found something else.
            OSError: the bus failed.
            RuntimeError: the answer is garbled.
        """
        answer = self.process_response(LIST_TARGETS, response_length=ANSWER_BYTES, timeout=0)
        return None if answer is None else uid_of(bytes(answer))

    def _wakeup(self) -> None:
        """Configure it. The library does not look whether that was answered: after a restart the first time is not."""
        self.low_power = False
        call = cast(Callable[..., bytearray | None], cast(Any, self).call_function)  # its types are not whole
        if call(CONFIGURE, params=NORMAL_MODE, timeout=ANSWER_S) is None:
            raise RuntimeError("it does not answer")

    def _wait_ready(self, timeout: float = 1) -> bool:
        """Look whether the chip is ready until it is, or the time is over; once at least.

        A busy chip may refuse its address, so the library looks again after that, and so do we.
        """
        bounds, status = self._bounds, bytearray(1)
        until_s = bounds.now_s() + min(timeout, ANSWER_S)
        while True:
            try:
                with self._i2c as i2c:
                    cast(Any, i2c).readinto(status)
            except OSError:
                if bounds.now_s() >= until_s:
                    raise
            if status[0] == READY:
                return True
            if bounds.now_s() >= until_s:
                return False
            bounds.pause(PAUSE_S)


def uid_of(answer: bytes) -> bytes:
    """The whole UID in an answer to `LIST_TARGETS`: number of cards, number, 2 bytes, 1 byte, length, UID, the rest.

    Raises:
        BadCard: none, several, or cut short.
    """
    if not answer or answer[0] != 1:
        raise BadCard(f"expected one card, found {answer[0] if answer else 'nothing'}")
    size = answer[5] if len(answer) > 5 else 0
    uid = answer[6 : 6 + size]
    if size not in SIZES or len(uid) != size:
        raise BadCard(f"expected a UID of 4, 7 or 10 bytes, found {len(uid)} of {size}")
    if size == SIZES[0] and uid[0] == CASCADE:
        raise BadCard("expected a whole UID, found the beginning of a longer one")
    return uid
