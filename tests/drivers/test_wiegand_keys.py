"""Every key of a keypad is one burst and no other, and a code is what was typed up to the #, or nothing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wiegand import BadFrame
from drivers.wiegand_keys import CLEAR, END, KEYS, LONGEST, PAUSE_S, Keypad, burst, key_of

SIZES = (4, 8)
codes = st.text("0123456789", min_size=1, max_size=LONGEST)


def typed(keypad, keys, *, start_s=100.0, every_s=1.0):
    """What came of each key."""
    return [keypad.press(key, start_s + place * every_s) for place, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("key", "four", "eight"),
    [("0", "0000", "11110000"), ("1", "0001", "11100001"), ("9", "1001", "01101001"), ("*", "1010", "01011010"),
     ("#", "1011", "01001011")],
)  # fmt: skip
def test_keys_as_the_makers_tables_have_them(key, four, eight):
    assert [burst(key, size) for size in SIZES] == [tuple(bit == "1" for bit in row) for row in (four, eight)]


@pytest.mark.parametrize("size", SIZES)
def test_each_key_comes_back_and_nothing_else_is_a_key(size):
    keys = {burst(key, size): key for key in KEYS}
    assert len(keys) == len(KEYS) == 12
    for bits in product((False, True), repeat=size):
        assert key_of(bits, size) == keys.get(bits)


@pytest.mark.parametrize("size", SIZES)
@given(bits=st.lists(st.booleans(), max_size=40))
def test_a_burst_of_another_length_is_no_key(size, bits):
    assert len(bits) == size or key_of(bits, size) is None
    assert key_of(bits, None) is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("place", range(8))
def test_a_turned_bit_of_eight_is_no_key(key, place):
    bits = list(burst(key, 8))
    bits[place] = not bits[place]
    assert key_of(bits, 8) is None


@pytest.mark.parametrize("key", ["", "a", "12", "０"])
def test_a_key_that_is_not_there_sends_nothing(key):
    with pytest.raises(BadFrame, match=r"^expected one of 0 to 9, \* and #$"):
        burst(key, 4)


@given(code=codes)
def test_a_code_is_what_was_typed_up_to_the_end(code):
    keypad = Keypad(4)
    for _ in range(2):
        assert typed(keypad, code + END) == [None] * len(code) + [code]


def test_the_end_alone_is_no_code():
    assert typed(Keypad(4), END + END) == [None, None]


@given(code=codes, before=codes)
def test_clear_begins_anew(code, before):
    assert typed(Keypad(4), before + CLEAR + code + END)[-1] == code


@pytest.mark.parametrize(("pause_s", "code"), [(PAUSE_S, "1234"), (PAUSE_S + 0.001, "34")])
def test_who_pauses_too_long_begins_anew(pause_s, code):
    keypad = Keypad(4)
    typed(keypad, "12", start_s=0.0)
    assert typed(keypad, "34" + END, start_s=1.0 + pause_s)[-1] == code


def test_a_code_with_a_broken_burst_in_it_is_none_and_the_next_one_is():
    keypad = Keypad(4)
    typed(keypad, "12", start_s=0.0)
    keypad.spoil()
    assert typed(keypad, "4" + END, start_s=2.0) == [None, None]
    assert typed(keypad, "4711" + END, start_s=4.0)[-1] == "4711"


def test_what_breaks_before_a_code_does_not_spoil_it():
    keypad = Keypad(4)
    keypad.spoil()
    assert typed(keypad, "4711" + END)[-1] == "4711"


def test_more_keys_than_a_code_has_are_refused_and_fill_no_memory():
    keypad = Keypad(4)
    typed(keypad, "1" * 10_000, every_s=0.1)
    assert len(keypad._typed) == LONGEST + 1
    with pytest.raises(BadFrame, match=r"^more than 64 keys before #$"):
        keypad.press(END, 1_100.0)
    assert typed(keypad, "4711" + END, start_s=1_101.0)[-1] == "4711"
