"""Wiegand frames: a table of formats, and card numbers out of bits and back.

Nothing here knows a pin or a clock. Bits are numbered from 1, in the order in which they are sent, as the tables of
card makers number them; True is a pulse on D1. The number of a rejected frame is never repeated in an error: it may
be a card number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 128
"""Bits of a frame at most, well above the 75 of the longest format in common use (PIV cards)."""


class BadFormat(ValueError):
    """A row of a format table contradicts itself; the message says what was expected."""


class BadFrame(ValueError):
    """Bits that are no card; the message is one line and without the number."""


class WrongLength(BadFrame):
    """More or fewer bits than any format has."""


class WrongParity(BadFrame):
    """A parity bit says that a bit was lost or turned."""


def span(text: str) -> tuple[int, ...]:
    """Bits as a row of a table names them: ``"2-13"``, ``"2,3,5-7"``.

    Raises:
        BadFormat: not of that form, or outside 1 to `LONGEST`.
    """
    bits: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and len(end) <= 3 for end in ends):
            raise BadFormat(f"expected bits such as 2-13 or 2,3,5-7, got {text[:40]!r}")
        low, high = int(ends[0]), int(ends[1])
        if not 1 <= low <= high <= LONGEST:
            raise BadFormat(f"expected bits from 1 to {LONGEST} in rising order, got {text[:40]!r}")
        bits.extend(range(low, high + 1))
    return tuple(bits)


@dataclass(frozen=True, slots=True)
class Parity:
    """One parity bit.

    Attributes:
        at: its place in the frame, from 1.
        covers: the other bits that it counts.
        odd: whether the ones among all of these, itself included, are odd in number; else even.
    """

    at: int
    covers: tuple[int, ...]
    odd: bool

    def holds(self, bits: Sequence[bool]) -> bool:
        """Whether a frame of the right length agrees."""
        return (sum(bits[place - 1] for place in self.covers) + bits[self.at - 1]) % 2 == self.odd

    def __str__(self) -> str:
        """What is expected, in words."""
        return f"{'odd' if self.odd else 'even'} parity in bit {self.at}"


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table.

    Attributes:
        bits: length of a frame.
        card: the bits of the number, most significant first: facility and card together, nothing cut.
        parities: in the order in which a reader computes them; one may cover those before it.

    Raises:
        BadFormat: a bit outside the frame, twice in the number or both number and parity, or no number at all.
    """

    bits: int
    card: tuple[int, ...]
    parities: tuple[Parity, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= LONGEST:
            raise BadFormat(f"expected 1 to {LONGEST} bits, got {self.bits}")
        if not self.card:
            raise BadFormat("expected bits of the card number, got none")
        known: list[int] = [*self.card]
        for parity in self.parities:
            unknown = set(parity.covers) - set(known)
            if unknown or not parity.covers or len(set(parity.covers)) != len(parity.covers):
                raise BadFormat(f"bit {parity.at}: expected to cover bits of the number or earlier parity bits, once")
            known.append(parity.at)
        if len(set(known)) != len(known) or not all(1 <= place <= self.bits for place in known):
            raise BadFormat(f"expected each bit once, from 1 to {self.bits}")

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return (len(self.card) + 7) // 8

    @property
    def sees_swap(self) -> bool:
        """Whether D0 and D1 swapped show: all bits inverted change a parity that counts an odd number of bits."""
        return any(len(parity.covers) % 2 == 0 for parity in self.parities)


def _ends(bits: int, first: str, second: str) -> Format:
    """A frame with an even parity bit before the number and an odd one after it."""
    parities = Parity(1, span(first), odd=False), Parity(bits, span(second), odd=True)
    return Format(bits, tuple(range(2, bits)), parities)


FORMATS = (
    _ends(26, "2-13", "14-25"),  # field notes 2: facility 8, card 16
    _ends(34, "2-17", "18-33"),  # field notes 2: facility 16, card 16
    _ends(37, "2-19", "19-36"),  # HID H10304 (facility 16, card 19) and H10302 (card 35); bit 19 counts in both
)
"""The usual formats. A site may have rows of its own instead."""

WIEGAND_26, WIEGAND_34, WIEGAND_37 = FORMATS


def decode(bits: Sequence[bool], formats: Sequence[Format] = FORMATS) -> bytes:
    """The whole number in a frame, most significant byte first, zeros before it where it fills no byte.

    Args:
        bits: one frame as sent.
        formats: those that are expected, at least one; of two of the same length the first that agrees.

    Raises:
        WrongLength: no format has so many bits.
        WrongParity: no format of that length agrees.
    """
    wrong: Parity | None = None
    for row in formats:
        if row.bits == len(bits):
            wrong = next((parity for parity in row.parities if not parity.holds(bits)), None)
            if wrong is None:
                return _number(bits, row)
    if wrong is not None:
        raise WrongParity(f"expected {wrong} of {len(bits)}")
    lengths = " or ".join(str(length) for length in sorted({row.bits for row in formats}))
    if len(bits) > max(row.bits for row in formats):
        raise WrongLength(f"saw {len(bits)} bits, expected {lengths}: check format, shield and ground")
    raise WrongLength(f"saw {len(bits)} of {lengths} bits: check pull-ups and cable")


def encode(number: bytes, row: Format) -> tuple[bool, ...]:
    """The frame that a reader sends for a number: the inverse of `decode`.

    Raises:
        BadFrame: the number has another size than the format's.
    """
    value = int.from_bytes(number)
    if len(number) != row.size or value >> len(row.card):
        raise BadFrame(f"expected a number of {len(row.card)} bits in {row.size} bytes")
    bits = [False] * row.bits
    for shift, place in enumerate(reversed(row.card)):
        bits[place - 1] = bool(value >> shift & 1)
    for parity in row.parities:
        bits[parity.at - 1] = not parity.holds(bits)
    return tuple(bits)


def inverted(bits: Sequence[bool], formats: Sequence[Format] = FORMATS) -> bool:
    """Whether a frame agrees with a format only if each bit is turned: D0 and D1 look swapped."""
    turned = [not bit for bit in bits]
    rows = [row for row in formats if row.bits == len(bits)]
    return not any(_agrees(bits, row) for row in rows) and any(_agrees(turned, row) for row in rows)


def _agrees(bits: Sequence[bool], row: Format) -> bool:
    return all(parity.holds(bits) for parity in row.parities)


def _number(bits: Sequence[bool], row: Format) -> bytes:
    value = 0
    for place in row.card:
        value = value << 1 | bits[place - 1]
    return value.to_bytes(row.size)
