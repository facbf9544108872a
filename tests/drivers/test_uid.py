"""A card number survives every way of writing it whole, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.uid import DECIMAL_DIGITS, SIZES, BadUid, CardForm

ORDERS = ("normal", "reversed")


def uids(size):
    return st.binary(min_size=size, max_size=size).map(lambda uid: uid.hex().upper())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("text", ["hex", "decimal"])
@pytest.mark.parametrize("size", [3, 5, *SIZES])
@given(data=st.data())
def test_what_a_reader_writes_is_read_back(size, text, order, data):
    form = CardForm(text=text, order=order, size=size)
    uid = data.draw(uids(size))
    assert form.parse(form.write(uid)) == uid


@given(data=st.data(), size=st.sampled_from(SIZES), order=st.sampled_from(ORDERS))
def test_hex_needs_no_size_and_bears_case_and_separators(data, size, order):
    form = CardForm(order=order)
    uid = data.draw(uids(size))
    written = form.write(uid)
    pairs = [written[at : at + 2] for at in range(0, len(written), 2)]
    separator = data.draw(st.sampled_from([":", "-", " ", ""]))
    assert form.parse(separator.join(pairs).lower()) == uid


@pytest.mark.parametrize(
    ("form", "text", "uid"),
    [
        (CardForm(), "04a1b2c3", "04A1B2C3"),
        (CardForm(order="reversed"), "C3B2A104", "04A1B2C3"),
        (CardForm("decimal"), "0077705923", "04A1B2C3"),
        (CardForm("decimal", "reversed"), "3283263748", "04A1B2C3"),
        (CardForm(size=3), "A1B2C3", "A1B2C3"),
        (CardForm("decimal", size=3), "10597059", "A1B2C3"),
        (CardForm("decimal", size=3), "0010597059", "A1B2C3"),
        (CardForm("decimal", "reversed", size=3), "12825249", "A1B2C3"),
        (CardForm("decimal", size=5), "34359738367", "07FFFFFFFF"),
        (CardForm("decimal", size=5), "0034359738367", "07FFFFFFFF"),
        (CardForm("decimal", size=7), "1305339650922242", "04A33312345702"),
        (CardForm("decimal", size=7), "01305339650922242", "04A33312345702"),
    ],
)
def test_known_cards(form, text, uid):
    assert form.parse(text) == uid


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (CardForm(), "04A1B2C", "expected 8 or 14 or 20 hex digits, got 7"),
        (CardForm(size=7), "04A1B2C3", "expected 14 hex digits, got 8"),
        (CardForm(), "04A1B2G3", "expected hex digits, character 7 is none"),
        (CardForm(), "", "expected 8 or 14 or 20 hex digits, got 0"),
        (CardForm("decimal"), "077705923", "expected 10 decimal digits, got 9; longer numbers need the card's"),
        (CardForm("decimal", size=4), "00777059230", "expected 10 decimal digits, got 11"),
        (CardForm("decimal", size=4), "4294967296", "expected a number of 4 bytes, got a larger one"),
        (CardForm("decimal", size=7), "0077705923", "expected 11 to 17 decimal digits, got 10"),
        (CardForm("decimal"), "04A1B2C3D4", "expected decimal digits, character 3 is none"),
        (CardForm("decimal"), "٠٠٧٧٧٠٥٩٢٣", "expected decimal digits, character 1 is none"),
    ],
)
def test_a_text_in_another_form_gets_one_clear_line(form, text, expected):
    with pytest.raises(BadUid) as error:
        form.parse(text)
    message = str(error.value)
    assert message.startswith(expected)
    assert "\n" not in message
    assert not text or text not in message  # it may be somebody's card number


@given(
    text=st.text(max_size=40),
    form=st.builds(
        CardForm, st.sampled_from(["hex", "decimal"]), st.sampled_from(ORDERS), st.sampled_from([None, *SIZES])
    ),
)
def test_whatever_is_typed_the_answer_is_a_whole_uid_or_a_refusal(text, form):
    try:
        uid = form.parse(text)
    except BadUid:
        return
    assert len(uid) in [2 * size for size in ((form.size,) if form.size else SIZES)]
    assert set(uid) <= set("0123456789ABCDEF")


@given(data=st.data())
def test_a_lost_digit_of_a_four_byte_card_is_noticed(data):
    uid = data.draw(uids(4))
    for form in (CardForm(), CardForm("decimal")):
        written = form.write(uid)
        lost = data.draw(st.integers(0, len(written) - 1))
        with pytest.raises(BadUid):
            form.parse(written[:lost] + written[lost + 1 :])


def test_the_longest_numbers_have_the_digits_expected():
    for size in (5, *SIZES):
        assert DECIMAL_DIGITS[size][1] == len(str(2 ** (8 * size) - 1))
