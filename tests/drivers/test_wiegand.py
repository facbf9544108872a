"""Whatever a format's row says, a number goes through it whole, and what its parities cover is watched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wiegand import (
    FORMATS,
    LONGEST,
    WIEGAND_26,
    WIEGAND_34,
    WIEGAND_37,
    BadFormat,
    BadFrame,
    Format,
    Parity,
    WrongLength,
    WrongParity,
    decode,
    encode,
    inverted,
    span,
)

STEPPED = Format(
    35,
    span("3-34"),
    (
        Parity(2, span("3,4,6,7,9,10,12,13,15,16,18,19,21,22,24,25,27,28,30,31,33,34"), odd=False),
        Parity(35, span("2,3,5,6,8,9,11,12,14,15,17,18,20,21,23,24,26,27,29,30,32,33"), odd=True),
        Parity(1, (*span("2-34"), 35), odd=True),
    ),
)
"""Parities with gaps, and parities over parities: what a site's own row may look like."""

BARE = Format(32, span("1-32"))
ROWS = [*FORMATS, STEPPED, BARE]

rows = st.sampled_from(ROWS)


@st.composite
def cards(draw, among=rows):
    row = draw(among)
    return row, draw(st.integers(0, 2 ** len(row.card) - 1)).to_bytes(row.size)


@st.composite
def any_rows(draw):
    """A row that nobody has thought of."""
    places = draw(st.permutations(range(1, draw(st.integers(2, LONGEST)) + 1)))
    known = list(places[: draw(st.integers(1, len(places)))])
    card, parities = tuple(known), []
    for at in places[len(known) :][:4]:
        covers = draw(st.lists(st.sampled_from(known), min_size=1, unique=True))
        parities.append(Parity(at, tuple(covers), draw(st.booleans())))
        known.append(at)
    return Format(len(places), card, tuple(parities))


def bits_of(text):
    return tuple(digit == "1" for digit in text.replace(" ", ""))


@pytest.mark.parametrize(
    ("row", "frame", "number"),
    [
        (WIEGAND_26, "0 10100001 1011 0010 11000011 0", "A1B2C3"),
        (WIEGAND_26, "0 00000000 0000 0000 00000000 1", "000000"),
        (WIEGAND_26, "0 11111111 1111 1111 11111111 1", "FFFFFF"),
        (WIEGAND_34, "0 00000100 10100001 10110010 11000011 1", "04A1B2C3"),
        (WIEGAND_37, "0 00000000000000000 0 00000000000000001 0", "0000000001"),
        (WIEGAND_37, "1 00000000000000000 1 00000000000000000 0", "0000020000"),
    ],
)
def test_frames_counted_out_by_hand(row, frame, number):
    bits = bits_of(frame)
    assert len(bits) == row.bits
    assert decode(bits, [row]).hex().upper() == number
    assert encode(bytes.fromhex(number), row) == bits


def test_the_usual_formats_carry_3_4_and_5_bytes():
    assert [(row.bits, len(row.card), row.size) for row in FORMATS] == [(26, 24, 3), (34, 32, 4), (37, 35, 5)]


@given(card=cards())
def test_every_number_comes_back_whole(card):
    row, number = card
    assert decode(encode(number, row), [row]) == number
    assert decode(encode(number, row), ROWS) == number


@given(row=any_rows(), data=st.data())
def test_a_row_of_any_shape_carries_every_number(row, data):
    number = data.draw(st.integers(0, 2 ** len(row.card) - 1)).to_bytes(row.size)
    assert decode(encode(number, row), [row]) == number


@given(card=cards())
def test_each_turned_bit_is_seen_where_a_parity_covers_it(card):
    row, number = card
    frame = encode(number, row)
    watched = {place for parity in row.parities for place in (parity.at, *parity.covers)}
    assert watched == (set() if row is BARE else set(range(1, row.bits + 1)))
    for place in range(1, row.bits + 1):
        turned = tuple(bit != (place == here) for here, bit in enumerate(frame, start=1))
        if place in watched:
            with pytest.raises(WrongParity, match=rf"^expected (even|odd) parity in bit \d+ of {row.bits}$"):
                decode(turned, [row])
        else:
            assert decode(turned, [row]) != number


@given(card=cards())
def test_swapped_wires_show_wherever_a_parity_counts_an_odd_number_of_bits(card):
    row, number = card
    frame = encode(number, row)
    swapped = tuple(not bit for bit in frame)
    assert not inverted(frame, [row])
    assert inverted(swapped, [row]) == row.sees_swap
    assert row.sees_swap == (row is not BARE)
    if row.sees_swap:
        with pytest.raises(WrongParity):
            decode(swapped, [row])


def test_a_row_whose_parities_count_an_even_number_of_bits_cannot_see_a_swap():
    row = Format(4, span("2-4"), (Parity(1, span("2-4"), odd=False),))
    swapped = tuple(not bit for bit in encode(b"\x05", row))
    assert not row.sees_swap
    assert decode(swapped, [row]) == b"\x02"
    assert not inverted(swapped, [row])


def test_of_two_formats_of_one_length_the_one_that_agrees_is_taken():
    other = Format(26, span("2-25"), (Parity(1, span("2-13"), odd=True), Parity(26, span("14-25"), odd=False)))
    for row in (WIEGAND_26, other):
        assert decode(encode(b"\xa1\xb2\xc3", row), [WIEGAND_26, other]) == b"\xa1\xb2\xc3"
        assert not inverted(encode(b"\xa1\xb2\xc3", row), [WIEGAND_26, other])


@given(bits=st.lists(st.booleans(), max_size=LONGEST + 4))
def test_any_bits_are_a_number_of_the_rows_size_or_one_line_without_the_number(bits):
    sizes = {26: 3, 34: 4, 37: 5}
    number, bad = attempt(bits)
    assert (number is None) != (bad is None)
    if number is not None:
        assert len(number) == sizes[len(bits)]
    if bad is not None:
        assert isinstance(bad, WrongLength) == (len(bits) not in sizes)
        assert "\n" not in str(bad)
        assert {int(digits) for digits in re.findall(r"\d+", str(bad))} <= {len(bits), 1, *sizes}


def attempt(bits):
    try:
        return decode(bits), None
    except BadFrame as bad:
        return None, bad


@pytest.mark.parametrize(
    ("length", "among", "error"),
    [
        (4, [WIEGAND_26], "saw 4 of 26 bits: check pull-ups and cable"),
        (0, [WIEGAND_26], "saw 0 of 26 bits: check pull-ups and cable"),
        (30, [WIEGAND_34, WIEGAND_26], "saw 30 of 26 or 34 bits: check pull-ups and cable"),
        (52, [WIEGAND_26], "saw 52 bits, expected 26: check format, shield and ground"),
    ],
)
def test_a_wrong_length_says_what_came_and_what_to_look_at(length, among, error):
    with pytest.raises(WrongLength) as caught:
        decode([False] * length, among)
    assert str(caught.value) == error


@pytest.mark.parametrize("number", [b"", b"\x01\x02", b"\x01\x02\x03\x04"])
def test_a_number_of_another_size_is_not_sent(number):
    with pytest.raises(BadFrame, match=r"^expected a number of 24 bits in 3 bytes$"):
        encode(number, WIEGAND_26)
    with pytest.raises(BadFrame, match=r"^expected a number of 35 bits in 5 bytes$"):
        encode(b"\x08\x00\x00\x00\x00", WIEGAND_37)


def test_a_span_lists_bits_as_a_table_does():
    assert span("2-5") == (2, 3, 4, 5)
    assert span("9, 1,3-4") == (9, 1, 3, 4)


@pytest.mark.parametrize("text", ["", "a", "2-", "-2", "1,,2", "2-3-4", "٢", "1.5", "0", "5-2", "129", "1-999999999"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(BadFormat, match=r"^expected bits "):
        span(text)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Format(0, (1,)), "expected 1 to 128 bits, got 0"),
        (lambda: Format(129, (1,)), "expected 1 to 128 bits, got 129"),
        (lambda: Format(26, ()), "expected bits of the card number, got none"),
        (lambda: Format(26, (2, 2)), "expected each bit once, from 1 to 26"),
        (lambda: Format(26, (2, 27)), "expected each bit once, from 1 to 26"),
        (lambda: Format(26, (0, 2)), "expected each bit once, from 1 to 26"),
        (lambda: Format(26, (2, 3), (Parity(2, (3,), odd=True),)), "expected each bit once, from 1 to 26"),
        (lambda: Format(26, (2,), (Parity(1, (2,), True), Parity(1, (2,), True))), "expected each bit once, from 1 to"),
        (
            lambda: Format(26, (2,), (Parity(1, (), odd=True),)),
            "bit 1: expected to cover bits of the number or",
        ),
        (lambda: Format(26, (2,), (Parity(1, (2, 2), odd=True),)), "bit 1: expected to cover bits of the number or"),
        (lambda: Format(26, (2,), (Parity(1, (26,), True), Parity(26, (2,), True))), "bit 1: expected to cover bits"),
        (lambda: Format(26, (2,), (Parity(1, (1, 2), odd=True),)), "bit 1: expected to cover bits of the number or"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(make, error):
    with pytest.raises(BadFormat, match=f"^{error}"):
        make()
