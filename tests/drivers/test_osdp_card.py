"""An OSDP reader's bits become the card number in the site's form, or a refusal that does not repeat it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.osdp_card import card_number
from drivers.uid import SIZES
from drivers.wiegand import FORMATS, WIEGAND_26, WIEGAND_34, WIEGAND_37, BadFrame, encode


def packed(bits):
    """Bits as OSDP packs them: the first one highest in the first byte."""
    whole = [*bits, *[False] * (-len(bits) % 8)]
    return bytes(sum(bit << 7 - at for at, bit in enumerate(whole[i : i + 8])) for i in range(0, len(whole), 8))


@given(st.sampled_from(SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_a_uid_is_taken_whole_in_either_order(uid):
    assert card_number(8 * len(uid), uid) == uid.hex().upper()
    assert card_number(8 * len(uid), uid[::-1], order="reversed") == uid.hex().upper()


@given(st.binary(min_size=3, max_size=3), st.binary(min_size=4, max_size=4))
def test_a_wiegand_frame_carries_the_sites_number(short, long):
    assert card_number(26, packed(encode(short, WIEGAND_26)), size=3) == short.hex().upper()
    assert card_number(34, packed(encode(long, WIEGAND_34))) == long.hex().upper()
    assert card_number(34, packed(encode(long[::-1], WIEGAND_34)), size=4, order="reversed") == long.hex().upper()
    assert card_number(37, packed(encode(b"\x05" + long, WIEGAND_37)), size=5) == "05" + long.hex().upper()
    assert card_number(24, short, size=3) == short.hex().upper()


@pytest.mark.parametrize("turned", range(26))
def test_a_turned_bit_is_refused(turned):
    bits = list(encode(bytes.fromhex("A1B2C3"), WIEGAND_26))
    bits[turned] = not bits[turned]
    with pytest.raises(BadFrame, match=r"^expected (even|odd) parity in bit (1|26) of 26$"):
        card_number(26, packed(bits), size=3)


@pytest.mark.parametrize(
    ("bits", "size", "expected"),
    [
        (26, None, "32 or 34 or 56 or 80"),
        (37, None, "32 or 34 or 56 or 80"),
        (0, None, "32 or 34 or 56 or 80"),
        (56, 4, "32 or 34"),
        (32, 7, "56"),
        (34, 3, "24 or 26"),
        (34, 5, "37 or 40"),
        (512, 3, "24 or 26"),
    ],
)
def test_another_form_is_refused(bits, size, expected):
    with pytest.raises(BadFrame) as refused:
        card_number(bits, bytes((bits + 7) // 8), size=size)
    assert str(refused.value) == f"saw {bits} bits, expected {expected}: another card form?"


@given(bits=st.integers(0, 600), data=st.data(), size=st.sampled_from([None, 3, 5, *SIZES]))
def test_any_bits_are_a_number_of_the_sites_size_or_refused(bits, data, size):
    raw = data.draw(st.binary(min_size=(bits + 7) // 8, max_size=(bits + 7) // 8))
    try:
        number = card_number(bits, raw, size=size, formats=FORMATS)
    except BadFrame:
        return
    assert len(number) in [2 * each for each in (SIZES if size is None else (size,))]
