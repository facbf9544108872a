"""The NFC chip PN532 on the wires of an I2C bus, with cards before its antenna."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

from drivers.later import CallLater
from simulators.wires.reader import FakeReader

ADDRESS = 0x24
"""Bus address (NXP PN532, user manual 141520)."""

ACK = bytes.fromhex("0000FF00FF00")
ERROR = bytes.fromhex("0000FF01FF7F8100")
"""What the chip says to a command that it does not know."""

HOST, CHIP = 0xD4, 0xD5
"""What a frame begins with, by who sends it."""

FIRMWARE, CONFIGURE, LIST = 0x02, 0x14, 0x4A

PN532_V1_6 = bytes((0x32, 0x01, 0x06, 0x07))
"""What it calls itself."""

HELD_S = 0.3
"""How long people hold a card before it."""

NOISE_BYTES = 80
"""Bytes of noise; no answer is longer."""


def frame(data: bytes) -> bytes:
    """What goes over the wire: preamble, start, length and its complement, data, the complement of their sum."""
    return bytes((0, 0, 0xFF, len(data), -len(data) & 0xFF, *data, -sum(data) & 0xFF, 0))


def unframe(written: bytes) -> bytes | None:
    """The data in a frame; None: it is none."""
    data = written[5 : 5 + written[3]] if len(written) > 7 else b""
    return data if len(data) > 1 and written == frame(data) else None


class FakePn532(FakeReader):
    """The chip, with its faults as plain attributes. Cards are before it between `lay` and `take`.

    Args:
        later: a scheduler, needed for `present` only.

    Attributes:
        cards: UIDs before the antenna, in the order in which they are found.
        flicker: a card is found at the so many-th look after the chip began to listen; 0: at the first.
        tail: what cards say of themselves (their ATS).
        asked: how often each command came.
        garbage: noise in place of answers.
        refuses_every: so many-th transfers are not acknowledged; 0: none.
        slow_s: seconds that each transfer takes while ``slow``; one longer than the kernel waits is errno 110.
        stuck: it acknowledges and is never ready.
    """

    address = ADDRESS

    def __init__(self, later: CallLater | None = None) -> None:
        super().__init__()
        self.cards: list[bytes] = []
        self.flicker = 0
        self.tail = b""
        self.asked: Counter[int] = Counter()
        self.garbage = False
        self.refuses_every = 0
        self.slow_s = 0.8
        self._later = later
        self._noise = random.Random(0)
        self._calls = 0
        self.restart()

    # --- the world's side

    def lay(self, card: str) -> None:
        """Bring a card before the antenna."""
        self.cards.append(bytes.fromhex(card))

    def present(self, card: str) -> None:
        """Hold a card before it for a moment.

        Raises:
            RuntimeError: there is no scheduler.
        """
        if self._later is None:
            raise RuntimeError("a card that is held and taken away needs a scheduler")
        if not self._loses():
            self.lay(card)
            self._later(HELD_S, partial(self.take, card))

    def enter(self, code: str) -> float:
        """No code can be entered here."""
        raise NotImplementedError

    def take(self, card: str) -> None:
        """Take it away."""
        self.cards.remove(bytes.fromhex(card))

    def restart(self) -> None:
        """Its power was cut for a moment: what it was asked and told is forgotten."""
        self._configured = False
        self._listening = False
        self._looks = 0
        self._answers: list[bytes] = []

    # --- the bus's side

    @property
    def hold_s(self) -> float:
        """Seconds for which the next transfer is held up."""
        return self.slow_s if self.slow else 0.0

    def acknowledges(self) -> bool:
        """Whether it answers, this time."""
        self._calls += 1
        return not self._absent and not (self.refuses_every and self._calls % self.refuses_every == 0)

    def answer(self, written: bytes, length: int) -> bytes:
        """Take a frame, or say whether there is something to read, and what."""
        if written:
            self._take(written)
        if not length:
            return b""
        if self._stuck:
            return bytes(length)
        if self.garbage:
            return (b"\x01" + self._noise.randbytes(NOISE_BYTES))[:length]
        if length == 1 and self._listening and not self._answers:
            self._look()
        if not self._answers:
            return bytes(length)
        if length == 1:
            return b"\x01"
        answer = self._answers.pop(0)
        if self.corrupt and answer != ACK:
            answer = answer[:6] + bytes((answer[6] ^ 0x20,)) + answer[7:]
        return (b"\x01" + answer)[:length].ljust(length, b"\x00")

    def _take(self, written: bytes) -> None:
        data = unframe(written)
        if data is None or data[0] != HOST:
            return
        command = data[1]
        self.asked[command] += 1
        self._listening = False  # a new command ends the one before
        self._answers = [ACK]
        if command == FIRMWARE:
            self._say(command, PN532_V1_6)
        elif command == CONFIGURE:
            self._configured = True
            self._say(command)
        elif command == LIST:
            # until it is configured it stays in the mode of little power in which it woke up [practice]
            self._listening, self._looks = self._configured, 0
        else:
            self._answers.append(ERROR)

    def _look(self) -> None:
        self._looks += 1
        cards = self.cards[:1]  # live, people are on another thread
        if cards and self._looks > self.flicker:
            uid = cards[0]
            self._listening = False
            self._say(LIST, bytes((1, 1, 0x00, 0x44, 0x00, len(uid))) + uid + self.tail)

    def _say(self, command: int, data: bytes = b"") -> None:
        self._answers.append(frame(bytes((CHIP, command + 1)) + data))

    def _plugged(self, there: bool) -> None:
        if there:
            self.restart()

    def _jammed(self, on: bool) -> None:
        """It has nothing that has to be freed."""
