"""Card numbers: what a reader types, and the one form in which the site knows them.

A UID has 4, 7 or 10 bytes (ISO/IEC 14443-3, single, double, triple size) and is kept whole:
readers that cut it to 4 bytes make cards collide. Where a site knows its cards by what Wiegand 26, 34 or 37
carries, a number has 3, 4 or 5 bytes. Inside, it is upper-case hex without separators,
first byte first. The text of a rejected card is never repeated in an error: it may be a card number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Text = Literal["hex", "decimal"]
"""How a reader writes a UID."""

ByteOrder = Literal["normal", "reversed"]
"""``normal``: the card's first byte comes first; ``reversed``: last."""

Size = Literal[3, 4, 5, 7, 10]
"""Bytes of a number: 3 of Wiegand 26, 4 of Wiegand 34, 5 of Wiegand 37; 4, 7 or 10 of a UID (ISO/IEC 14443-3)."""

SIZES: tuple[Size, ...] = (4, 7, 10)
"""Those of a UID."""

SEPARATORS = ":- "
"""What may stand between hex digits."""

DECIMAL_DIGITS: Mapping[int, tuple[int, int]] = {3: (8, 10), 4: (10, 10), 5: (11, 13), 7: (11, 17), 10: (11, 25)}
"""Fewest and most decimal digits by bytes. 4 bytes are padded with zeros to the 10 of 2³² - 1, so that a lost
digit is noticed; readers differ about padding the 17 of 2⁵⁶ - 1 and the 25 of 2⁸⁰ - 1, and pad the 8 of 2²⁴ - 1
to 10 where they treat all numbers alike, the 11 of 2³⁵ - 1 (Wiegand 37) to the 13 of 2⁴⁰ - 1."""

_HEX = frozenset("0123456789ABCDEF")
_DECIMAL = frozenset("0123456789")


class BadUid(ValueError):
    """A text is no card number in the site's form; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class CardForm:
    """The form in which a site's readers deliver card numbers. One form for the whole site.

    Attributes:
        text: ``hex`` (default) or ``decimal``.
        order: ``normal`` (default), or ``reversed`` where the reader sends the last byte first.
        size: bytes expected; None (default) takes any size that the digits say, which decimal
            text says for 4 bytes only.
    """

    text: Text = "hex"
    order: ByteOrder = "normal"
    size: Size | None = None

    def parse(self, text: str) -> str:
        """The UID that a reader typed, as upper-case hex without separators.

        Raises:
            BadUid: wrong characters, wrong length, or a number that does not fit its bytes.
        """
        number = self._from_hex(text) if self.text == "hex" else self._from_decimal(text)
        return (number[::-1] if self.order == "reversed" else number).hex().upper()

    def write(self, uid: str) -> str:
        """What a reader of this form types for a UID: the inverse of `parse`.

        Raises:
            BadUid: no UID, or of another size than this form's.
        """
        number = CardForm(size=self.size)._from_hex(uid)
        if self.order == "reversed":
            number = number[::-1]
        if self.text == "hex":
            return number.hex().upper()
        return str(int.from_bytes(number)).zfill(DECIMAL_DIGITS[len(number)][1])

    def _from_hex(self, text: str) -> bytes:
        digits = text.upper().translate(_NO_SEPARATORS)
        _only(digits, _HEX, "hex digits")
        sizes = SIZES if self.size is None else (self.size,)
        if len(digits) not in [2 * size for size in sizes]:
            expected = " or ".join(str(2 * size) for size in sizes)
            raise BadUid(f"expected {expected} hex digits, got {len(digits)}")
        return bytes.fromhex(digits)

    def _from_decimal(self, text: str) -> bytes:
        _only(text, _DECIMAL, "decimal digits")
        size = self.size or 4
        fewest, most = DECIMAL_DIGITS[size]
        if not fewest <= len(text) <= most:
            expected = str(most) if fewest == most else f"{fewest} to {most}"
            hint = "" if self.size else "; longer numbers need the card's size in bytes configured"
            raise BadUid(f"expected {expected} decimal digits, got {len(text)}{hint}")
        try:
            return int(text).to_bytes(size)
        except OverflowError:
            raise BadUid(f"expected a number of {size} bytes, got a larger one") from None


_NO_SEPARATORS = str.maketrans("", "", SEPARATORS)


def _only(text: str, allowed: frozenset[str], expected: str) -> None:
    for place, character in enumerate(text, start=1):
        if character not in allowed:
            raise BadUid(f"expected {expected}, character {place} is none")
