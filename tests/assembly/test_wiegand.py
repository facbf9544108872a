"""Whatever row a site's file may hold, the driver takes it, and every number goes through it whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.uid import SIZES
from drivers.wiegand import FORMATS, LONGEST, BadFormat, BadFrame, Format, decode, encode, inverted, span
from edge.assembly.wiegand import USUAL, format_of, formats_of, pins_of
from edge.gate.vocabulary import CardRead
from edge.settings import wiegand
from edge.settings.lane import Reader
from edge.settings.shared import FORM_BYTES
from edge.settings.wiegand import WiegandFormat, places
from tests.drivers.test_wiegand import any_rows
from tests.drivers.wiegand_door import Door


def text(bits):
    """Bits as a table names them, runs drawn together."""
    runs = []
    for bit in bits:
        if runs and bit == runs[-1][1] + 1:
            runs[-1][1] = bit
        else:
            runs.append([bit, bit])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def written(row, facility=0):
    """A driver's row as a site's file has it, the first bits of the number as its facility code."""
    parities = [
        {"at": parity.at, "kind": "odd" if parity.odd else "even", "covers": text(parity.covers)}
        for parity in row.parities
    ]
    more = {"facility": text(row.card[:facility])} if facility else {}
    return {"bits": row.bits, "card": text(row.card[facility:]), "parities": parities, **more}


@st.composite
def site_rows(draw):
    """A row of a site's file that carries a number of 2 to 16 bytes, and the driver's."""
    row = draw(any_rows())
    assume(row.size in FORM_BYTES["wiegand"])
    return WiegandFormat.model_validate(written(row, draw(st.integers(0, len(row.card) - 1)))), row


@given(rows=site_rows())
def test_a_row_of_the_file_is_the_drivers_row(rows):
    mine, row = rows
    assert format_of(mine) == row
    assert mine.number_bytes == row.size


@given(rows=site_rows(), data=st.data())
def test_every_number_goes_whole_through_every_row_of_a_file(rows, data):
    row = format_of(rows[0])
    number = data.draw(st.integers(0, 2 ** len(row.card) - 1)).to_bytes(row.size)
    frame = encode(number, row)
    assert decode(frame, [row]) == number
    for place in data.draw(st.lists(st.integers(1, row.bits), max_size=1)):
        turned = tuple(bit != (place == here) for here, bit in enumerate(frame, start=1))
        covered = sum(place in (parity.at, *parity.covers) for parity in row.parities)
        if covered:
            with pytest.raises(BadFrame):
                decode(turned, [row])
    swapped = tuple(not bit for bit in frame)
    assert inverted(swapped, [row]) == row.sees_swap


@limits(deadline=None, max_examples=40)
@given(rows=site_rows(), order=st.sampled_from(["normal", "reversed"]), data=st.data())
def test_every_number_is_read_off_the_wires_in_every_row_of_a_file(rows, order, data):
    row = format_of(rows[0])
    number = data.draw(st.integers(0, 2 ** len(row.card) - 1)).to_bytes(row.size)
    card = number[::-1] if order == "reversed" else number
    assert Door(row=row, order=order).tap(card.hex(), for_s=2.0) == [CardRead(card.hex().upper(), "entry")]


wild_spans = st.one_of(
    st.lists(st.integers(1, 40), min_size=1, max_size=4).map(text),
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    st.text("0123456789-, x", max_size=6),
)


@given(wild=wild_spans)
def test_bits_are_named_to_the_file_as_to_the_driver(wild):
    def attempt(read, error):
        try:
            return read(wild)
        except error:
            return None

    assert attempt(places, ValueError) == attempt(span, BadFormat)


@given(
    rows=site_rows(), where=st.sampled_from(["nothing", "bits", "at", "covers", "card"]), place=st.integers(1, LONGEST)
)
def test_the_file_takes_what_the_driver_takes_and_nothing_else(rows, where, place):
    """A row that is right, or wrong by one thing."""
    row = rows[1]
    bits, card, parities = row.bits, row.card, list(row.parities)
    match where:
        case "bits":
            bits = place
        case "card":
            card = (*card[:-1], place)
        case "at" if parities:
            parities[0] = replace(parities[0], at=place)
        case "covers" if parities:
            parities[-1] = replace(parities[-1], covers=(*parities[-1].covers, place))
        case _:
            pass
    raw = {
        "bits": bits,
        "card": text(card),
        "parities": [
            {"at": parity.at, "covers": text(parity.covers), "kind": "odd" if parity.odd else "even"}
            for parity in parities
        ],
    }
    try:
        wanted = Format(bits, card, tuple(parities))
    except BadFormat:
        with pytest.raises(ValidationError):
            WiegandFormat.model_validate(raw)
    else:
        assert format_of(WiegandFormat.model_validate(raw)) == wanted


def test_limits_are_the_drivers():
    assert wiegand.LONGEST == LONGEST
    assert FORM_BYTES["uid"] == SIZES


@pytest.mark.parametrize("form", FORM_BYTES)
def test_the_usual_rows_carry_the_bytes_of_their_form(form):
    assert {row.size for row in USUAL[form]} <= set(FORM_BYTES[form])
    assert {row for rows in USUAL.values() for row in rows} == set(FORMATS)


def test_what_a_reader_sends_is_its_own_rows_or_the_usual_one():
    (usual,) = formats_of(Reader(kind="wiegand", d0=12, d1=13, form="wiegand26"))
    assert usual == FORMATS[0]
    rows = [WiegandFormat.model_validate(written(usual, 8)), WiegandFormat(bits=24, card="1-24")]
    own = Reader(kind="wiegand", d0=12, d1=13, form="wiegand26", formats=rows)
    assert formats_of(own) == (usual, Format(24, tuple(range(1, 25))))
    assert formats_of(Reader(kind="wiegand", d0=12, d1=13, role="code", keypad=4)) == ()


def test_a_reader_of_another_kind_has_no_data_wires():
    with pytest.raises(ValueError, match=r"^a reader of kind hid has no data wires$"):
        pins_of(Reader(path="/dev/x"))
