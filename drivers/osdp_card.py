"""Card numbers out of the bits that an OSDP reader sends: a UID as it is, or a Wiegand frame with its parity.

Readers are free to send either, and few say truly which; so the number of bits decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.uid import SIZES, ByteOrder, Size
from drivers.wiegand import FORMATS, Format, WrongLength, decode


def card_number(
    bits: int,
    data: bytes,
    *,
    size: Size | None = None,
    order: ByteOrder = "normal",
    formats: Sequence[Format] = FORMATS,
) -> str:
    """The number in upper-case hex, in the site's card form.

    Args:
        bits: how many were sent.
        data: the bits, the first one highest in the first byte.
        size: bytes expected; None takes any size of a UID.
        order: ``reversed`` where the reader sends the card's last byte first.
        formats: frames that it may send; those that carry another size than expected are none.

    Raises:
        BadFrame: no card, or one in another form; the number is not repeated.
    """
    sizes = SIZES if size is None else (size,)
    rows = [row for row in formats if row.size in sizes]
    if any(row.bits == bits for row in rows):
        number = decode([bool(data[at // 8] >> (7 - at % 8) & 1) for at in range(bits)], rows)
    elif bits in [8 * each for each in sizes]:
        number = data
    else:
        expected = sorted({*(8 * each for each in sizes), *(row.bits for row in rows)})
        raise WrongLength(f"saw {bits} bits, expected {' or '.join(map(str, expected))}: another card form?")
    return (number[::-1] if order == "reversed" else number).hex().upper()
