"""Keys and cards on the same two wires: each is taken for what it is, and no part of one for the other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.wiegand import FORMATS
from drivers.wiegand_keys import PAUSE_S, burst
from edge.gate.vocabulary import CardRead, CodeRead, ReadingRejected
from tests.drivers.wiegand_door import CARD, FOUND, LOW, Door, short

keypads = pytest.mark.parametrize("keypad", [4, 8])


@keypads
@settings(deadline=None, max_examples=30)
@given(code=st.text("0123456789", min_size=1, max_size=12), row=st.sampled_from(FORMATS))
def test_a_code_and_the_card_after_it_come_in_this_order(keypad, code, row):
    door = Door(row=row, keypad=keypad)
    card = "01" * row.size
    assert door.type(code) + door.tap(card) == [CodeRead(code), CardRead(card, "entry")]


@keypads
def test_keys_without_an_end_are_forgotten(keypad):
    door = Door(keypad=keypad)
    door.wires.send(burst("9", keypad))
    assert door.wait(PAUSE_S + 1.0) == []
    assert door.type("4711") == [CodeRead("4711")]


@keypads
def test_a_card_in_the_middle_of_a_code_ends_it(keypad):
    door = Door(keypad=keypad)
    door.wires.send(burst("9", keypad))
    door.wait(0.5)
    assert door.tap() == [CARD]
    assert door.type("4711") == [CodeRead("4711")]


def test_without_a_keypad_a_key_is_a_short_frame():
    door = Door()
    door.wires.send(burst("1", 4))
    assert door.wait(1.0) == [short(1)]


def test_four_bits_that_are_no_key_are_a_short_frame():
    door = Door(keypad=4)
    door.wires.send((True, True, True, True))
    assert door.wait(1.0) == [short(1)]


def test_a_turned_bit_of_eight_spoils_the_code_and_not_the_next():
    door = Door(keypad=8)
    door.wires.send(burst("4", 8))
    assert door.wait(1.0) == []
    door.wires.corrupt = True
    door.wires.send(burst("7", 8))
    assert door.wait(1.0) == [short(1, bits=8)]
    door.wires.corrupt = False
    assert door.type("11") == []
    assert door.type("4711") == [CodeRead("4711")]


@keypads
def test_a_keypad_alone_reads_no_cards(keypad):
    door = Door(keypad=keypad, formats=())
    assert door.type("4711") == [CodeRead("4711")]
    assert door.tap() == [ReadingRejected("entry", f"saw 26 bits, expected a key of {keypad}")]
    door.wires.send((True, False, True))
    assert door.wait(1.0) == [ReadingRejected("entry", f"saw 3 bits, expected a key of {keypad}", 1)]


def test_more_keys_than_a_code_has_are_refused_once():
    door = Door(keypad=4)
    assert door.type("1" * 100) == [ReadingRejected("entry", "more than 64 keys before #")]
    assert door.type("4711") == [CodeRead("4711")]


def test_what_was_typed_before_the_wires_stuck_is_forgotten():
    door = Door(keypad=4)
    door.wires.send(burst("9", 4))
    door.wait(0.1)
    door.wires.stuck = True
    assert door.wait(1.0) == [LOW]
    door.wires.stuck = False
    assert door.wait(1.5) == [FOUND]
    assert door.type("4711") == [CodeRead("4711")]


def test_swapped_wires_show_by_the_cards_whatever_is_typed_between():
    door = Door(keypad=4)
    door.wires.swapped = True
    heard = []
    for _ in range(3):
        heard += door.type("1") + door.tap()
    assert "D0 and D1 are swapped: 3 frames in a row are right only when inverted" in [fact.error for fact in heard]
