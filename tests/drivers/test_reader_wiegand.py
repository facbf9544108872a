"""A reader on two wires delivers whole cards or a refusal, and no user pays for the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gpiozero import GPIOPinInUse, PinInvalidPin
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reader_wiegand import LATE_S, LOCKOUT_S, SWAPPED_FRAMES, TIMEOUT_S, WiegandReader
from drivers.wiegand import FORMATS, WIEGAND_26, WIEGAND_34, BadFrame, Format, encode, span
from edge.gate.vocabulary import CardRead, ReadingRejected
from simulators.wires.wiegand import FakeWiegand
from tests.drivers.wiegand_door import CARD, D0, D1, PARITY, STORM, Door, short


@pytest.fixture
def door():
    door = Door()
    yield door
    door.reader.close()


def test_a_tap_is_one_card(door):
    assert door.tap() == [CARD]
    assert door.tap("000000") == [CardRead("000000", "entry")]
    assert door.tap("FFFFFF") == [CardRead("FFFFFF", "entry")]


@settings(deadline=None, max_examples=60)
@given(
    row=st.sampled_from(FORMATS),
    order=st.sampled_from(["normal", "reversed"]),
    interval_s=st.floats(0.2e-3, 20e-3),
    pulse_s=st.floats(20e-6, 100e-6),
    data=st.data(),
)
def test_every_card_of_every_format_is_read_at_every_speed(row, order, interval_s, pulse_s, data):
    value = data.draw(st.integers(0, 2 ** len(row.card) - 1))
    card = value.to_bytes(row.size)
    if order == "reversed":  # the first byte is sent last
        card = card[::-1]
    door = Door(row=row, order=order, side="exit")
    door.wires.interval_s, door.wires.pulse_s = interval_s, pulse_s
    assert door.tap(card.hex()) == [CardRead(card.hex().upper(), "exit")]


def test_a_reader_that_sends_several_formats_is_read_in_each():
    door = Door(formats=FORMATS)
    for row in FORMATS:
        door.wires.send(encode(bytes(row.size - 1) + b"\x07", row))
        assert door.wait(1.0) == [CardRead((bytes(row.size - 1) + b"\x07").hex().upper(), "entry")]


def test_the_byte_order_is_the_sites_not_the_readers():
    door = Door(order="reversed")
    door.wires.send(encode(bytes.fromhex("C3B2A1"), WIEGAND_26))
    assert door.wait(1.0) == [CARD]


def test_a_frame_ends_with_the_silence_and_not_before(door):
    sent_s = 25 * door.wires.interval_s
    assert door.tap(for_s=sent_s + TIMEOUT_S - 0.001) == []
    assert door.wait(0.002) == [CARD]


@pytest.mark.parametrize("stall_s", [TIMEOUT_S + LATE_S, 0.1, 2.0])
def test_a_computer_that_stalls_in_a_frame_reads_it_whole(door, stall_s):
    """Who looks for the silence wakes up before the edges that wait."""
    frame = encode(bytes.fromhex("A1B2C3"), WIEGAND_26)
    for bit in frame[:10]:
        door.wires.pulse(bit)
        assert door.wait(0.002) == []
    door.clock.advance_to(door.clock.monotonic() + stall_s)
    while door.loop.turn():
        pass
    for bit in frame[10:]:
        door.wires.pulse(bit)
        assert door.wait(0.002) == []
    assert door.wait(1.0) == [CARD]


def test_a_computer_that_is_always_late_reads_a_frame_all_the_same():
    door = Door()
    late = door.call_later
    door.reader._call_later = lambda after_s, call: late(after_s + 2 * LATE_S, call)
    assert door.tap(for_s=0.2) == [CARD]
    door.reader.close()


def test_the_timeout_can_be_configured():
    door = Door(timeout_s=0.1)
    door.wires.slow = True  # one bit each 50 ms
    assert door.tap(for_s=2.0) == [CARD]


def test_a_short_frame_is_counted_told_and_forgotten(door):
    door.wires.short = True
    assert door.tap() == [short(1)]
    assert door.tap() == [short(2)]
    door.wires.short = False
    assert door.tap() == [CARD]
    door.wires.corrupt = True
    assert door.tap() == [replace(PARITY, short=2)]


def test_a_reader_slower_than_the_timeout_never_delivers_a_part_of_a_card(door):
    door.wires.slow = True
    heard = door.tap(for_s=3.0)
    assert heard == [short(told.short, bits=1) for told in heard]
    assert 1 < len(heard) <= 26 * door.wires.slow_s / LOCKOUT_S + 1
    assert door.reader.short == 26
    door.wires.slow = False
    assert door.tap() == [CARD]


def test_a_turned_bit_is_refused_without_the_number(door):
    door.wires.corrupt = True
    assert door.tap() == [PARITY]
    door.wires.corrupt = False
    assert door.tap() == [CARD]
    assert door.reader.short == 0


def test_two_cards_at_once_are_refused_and_the_next_is_read(door):
    door.wires.present("A1B2C3")
    door.wait(0.06)
    expected = "saw 52 bits, expected 26: check format, shield and ground"
    assert door.tap("000001") == [ReadingRejected("entry", expected)]
    assert door.tap() == [CARD]


def test_a_fast_re_swipe_is_not_heard_and_the_next_user_is(door):
    assert door.tap(for_s=0.1) == [CARD]
    door.wires.short = True
    assert door.tap("000001", for_s=0.05) == []
    door.wires.short = False
    assert door.tap("000002", for_s=0.1) == []  # began within the lockout
    assert door.reader.dropped == 2
    door.wait(0.1)
    assert door.tap("000003") == [CardRead("000003", "entry")]


def test_the_lockout_can_be_configured():
    door = Door(lockout_s=0.0)
    assert [door.tap(for_s=0.1), door.tap(for_s=0.1)] == [[CARD], [CARD]]
    door = Door(lockout_s=10.0)
    assert [door.tap(), door.tap(), door.wait(8.1), door.tap()] == [[CARD], [], [], [CARD]]


def test_a_refused_frame_does_not_shut_out_the_card_that_follows(door):
    door.wires.short = True
    assert door.tap(for_s=0.05) == [short(1)]
    door.wires.short = False
    assert door.tap() == [CARD]


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: str(row.bits))
def test_swapped_wires_are_said_when_they_are_sure(row):
    door = Door(row=row)
    door.wires.swapped = True
    card = bytes(row.size).hex()
    heard = [fact for _ in range(SWAPPED_FRAMES) for fact in door.tap(card)]
    parity = ReadingRejected("entry", f"expected even parity in bit 1 of {row.bits}")
    swapped = ReadingRejected("entry", "D0 and D1 are swapped: 3 frames in a row are right only when inverted")
    assert heard == [parity] * (SWAPPED_FRAMES - 1) + [swapped]
    door.wires.swapped = False
    assert door.tap(card) == [CardRead(card.upper(), "entry")]
    door.wires.swapped = True
    assert door.tap(card) == [parity]


def test_frames_that_are_wrong_both_ways_are_no_swap(door):
    door.wires.swapped = True
    for _ in range(2 * SWAPPED_FRAMES):
        door.wires.corrupt = not door.wires.corrupt
        heard = door.tap()
        assert "swapped" not in heard[0].error, heard


def test_without_parity_a_swap_is_another_card():
    row = Format(8, span("1-8"))
    door = Door(row=row)
    door.wires.swapped = True
    assert [fact for _ in range(4) for fact in door.tap("0F")] == [CardRead("F0", "entry")] * 4


@settings(deadline=None)
@given(
    pulses=st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 1e-4, 2e-3, 0.02, 0.03, 0.3])), max_size=80),
    row=st.sampled_from(FORMATS),
)
def test_after_any_pulses_and_a_pause_the_next_card_is_read_whole(pulses, row):
    door = Door(row=row)
    for bit, after_s in pulses:
        door.wires.pulse(bit)
        for fact in door.wait(after_s):
            assert isinstance(fact, CardRead | ReadingRejected)
    door.wait(LOCKOUT_S + 1.0)
    card = "01" * row.size
    assert door.tap(card) == [CardRead(card, "entry")]


def test_only_falling_edges_are_asked_for(door):
    assert [door.pins.factory.pin(number).edges for number in (D0, D1)] == ["falling", "falling"]
    assert [door.pins.factory.pin(number).pull for number in (D0, D1)] == ["up", "up"]


def test_external_pull_ups_need_none_of_the_pins():
    door = Door(pull_up=False)
    assert [door.pins.factory.pin(number).pull for number in (D0, D1)] == ["floating", "floating"]
    assert door.tap() == [CARD]


def test_a_closed_reader_gives_its_pins_back_and_stays_closed(door):
    door.wires.present("A1B2C3")
    door.wait(0.01)
    door.reader.close()
    assert door.wait(1.0) == []
    assert door.tap() == []
    door.reader.close()
    again = door.open()
    assert door.tap() == [CARD]
    again.close()


def test_a_reader_closed_while_it_is_lost_is_looked_for_no_more(door):
    door.wires.storm = True
    assert door.wait(0.5) == [STORM]
    door.reader.close()
    door.wires.storm = False
    assert door.wait(5.0) == []
    assert door.loop.deadline() is None


def test_a_pin_that_is_in_use_leaves_none_open(door):
    for pins, error in (((7, D0), GPIOPinInUse), ((7, 99), PinInvalidPin), ((7, 7), GPIOPinInUse)):
        with pytest.raises(error):
            WiegandReader(
                *pins,
                door.loop.post,
                clock=door.clock.monotonic,
                call_later=door.later,
                pin_factory=door.pins.factory,
            )
    spare = FakeWiegand(door.pins, 7, 8, door.later)
    reader = WiegandReader(
        7, 8, door.loop.post, clock=door.clock.monotonic, call_later=door.later, pin_factory=door.pins.factory
    )
    spare.present("A1B2C3")
    assert door.wait(1.0) == [CARD]
    reader.close()


def test_a_card_of_another_size_is_refused_and_what_is_no_number_is_not_sent(door):
    assert door.tap("A1B2") == [short(1, bits=16)]
    expected = "saw 32 bits, expected 26: check format, shield and ground"
    assert door.tap("A1B2C3D4") == [ReadingRejected("entry", expected, 1)]
    with pytest.raises(BadFrame):
        door.wires.present("no hex")
    assert Door(row=WIEGAND_34).tap("04A1B2C3") == [CardRead("04A1B2C3", "entry")]
