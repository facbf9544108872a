"""``formats`` of a Wiegand reader: a site's own rows of the table of frames."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from edge.runtime.config import Settings
from edge.settings.shared import FORM_BYTES

LONGEST: Final = 128
"""Bits of a frame at most; the longest in common use has 75."""

Place: TypeAlias = Annotated[int, Field(ge=1, le=LONGEST)]


def places(text: str) -> tuple[int, ...]:
    """Bits as a table of formats names them: ``"2-13"``, ``"2,3,5-7"``.

    Raises:
        ValueError: not of that form, or outside 1 to `LONGEST`.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and len(end) <= 3 for end in ends):
            raise ValueError(f"expected bits such as 2-13 or 2,3,5-7, found {text[:40]!r}")
        low, high = int(ends[0]), int(ends[1])
        if not 1 <= low <= high <= LONGEST:
            raise ValueError(f"expected bits from 1 to {LONGEST} in rising order, found {text[:40]!r}")
        found.extend(range(low, high + 1))
    return tuple(found)


def _readable(text: str) -> str:
    places(text)
    return text


Span: TypeAlias = Annotated[str, AfterValidator(_readable)]


class WiegandParity(Settings):
    """One parity bit of a frame."""

    at: Place
    """Its bit, counted from 1 in the order in which they are sent."""
    kind: Literal["even", "odd"]
    """Whether the ones among it and the bits that it covers are even or odd in number."""
    covers: Span
    """The bits that it counts, such as `2-13` or `2,3,5-7`: of the number, or parity bits before it in the list."""


class WiegandFormat(Settings):
    """One kind of frame, where it is none of the usual ones of 26, 34 and 37 bits."""

    bits: Place
    """Length of a frame."""
    facility: Span | None = None
    """Bits of the facility code, such as `2-9`; it stands before the card's own number."""
    card: Span
    """Bits of the card's own number, such as `10-25`."""
    parities: list[WiegandParity] = []
    """Its parity bits, in the order in which the reader computes them."""

    @property
    def number(self) -> tuple[int, ...]:
        """Bits of the whole number, the first one most significant."""
        return (*(() if self.facility is None else places(self.facility)), *places(self.card))

    @property
    def number_bytes(self) -> int:
        """Bytes that the whole number fills."""
        return (len(self.number) + 7) // 8

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = list(self.number)
        for index, parity in enumerate(self.parities):
            covered = places(parity.covers)
            if not set(covered) <= set(known) or len(set(covered)) != len(covered):
                raise ValueError(f"parities.{index}.covers: expected bits of the number or parity bits before, once")
            known.append(parity.at)
        if len(set(known)) != len(known) or max(known) > self.bits:
            raise ValueError(f"expected each bit once in facility, card and parities, from 1 to {self.bits}")
        possible = FORM_BYTES["wiegand"]
        if self.number_bytes not in possible:
            raise ValueError(f"expected a number of {possible[0]} to {possible[-1]} bytes, found {self.number_bytes}")
        return self
