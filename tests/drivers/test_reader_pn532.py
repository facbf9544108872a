"""A PN532 reads whole cards once each, says once that it is gone and back, and never holds its bus up."""

from __future__ import annotations

import random
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c import KernelI2C
from drivers.pn532_chip import ANSWER_S, BadCard, uid_of
from drivers.presence import CARDS_LIMIT, MISSES, Presence
from drivers.reader_pn532 import ATTEMPTS, HEALTH_S, JOB_S, LOOK_S, LYING_S, RETRY_S
from drivers.thermometer_mlx90614 import PARTS
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReadingRejected, TemperatureTaken
from simulators.wires.pn532 import CONFIGURE, FIRMWARE, LIST, unframe
from simulators.wires.smbus import FakeBus
from tests.drivers.pn532_door import CARD, UID, Door

GONE_S = MISSES * LYING_S + 2 * LOOK_S
"""A card that was taken away is forgotten after so long."""

OTHER = "0411223344AA55"
FOUND = ReaderFound("entry")


def lost(why):
    return ReaderLost("entry", f"no PN532 that answers as it should: {why}")


SILENCE = lost("it does not answer")
SILENCE_HALF_WAY = lost("Failed to detect the PN532")
UNPLUGGED = lost("No I2C device at address: 0x24")


@pytest.fixture
def door():
    here = Door()
    assert here.wait(1.0) == []
    return here


# --- cards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uid", ["A1B2C3D4", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6071829", "08FF0102"], ids=["4", "7", "10", "a phone"]
)
@pytest.mark.parametrize("tail", ["", "067577810280B0"], ids=["plain", "with an ATS"])
def test_a_uid_is_kept_whole(door, uid, tail):
    door.chip.tail = bytes.fromhex(tail)
    assert door.tap(uid) == [CardRead(uid, "entry")]


def test_a_card_has_the_side_of_its_reader_and_the_sites_size():
    here = Door(side="exit", size=7)
    assert here.tap() == [CardRead(UID, "exit")]
    assert here.tap("A1B2C3D4") == [ReadingRejected("exit", "expected a UID of 7 bytes, found 4")]


def test_a_tap_is_seen_at_once_with_a_card_before_it_and_without(door):
    door.chip.lay(UID)
    assert door.wait(LOOK_S) == [CARD]
    door.chip.take(UID)
    door.chip.lay(OTHER)
    assert door.wait(LYING_S) == [CardRead(OTHER)]


def test_a_card_that_stays_is_one_card_however_it_flickers(door):
    door.chip.lay(UID)
    assert door.wait(10) == [CARD]
    for flicker in range(1, MISSES):
        door.chip.flicker = flicker
        assert door.wait(60) == []
    door.chip.take(UID)
    door.wait(GONE_S)
    assert door.tap() == [CARD]


def test_a_card_is_gone_after_so_many_misses_and_not_one_earlier():
    here = Door(misses=3)
    here.wait(1.0)
    here.chip.flicker = 2
    here.chip.lay(UID)
    assert here.wait(20) == [CARD]
    here.chip.flicker = 3
    assert here.wait(20).count(CARD) > 10


def test_two_cards_in_one_wallet_are_read_once_each(door):
    door.chip.cards = [bytes.fromhex(UID), bytes.fromhex(OTHER)]
    heard = []
    for _ in range(50):
        door.chip.cards.reverse()
        heard += door.wait(LYING_S)
    assert sorted(fact.uid for fact in heard) == sorted([UID, OTHER])


def test_presence_has_room_for_so_many_cards_and_forgets_the_oldest():
    here = Presence(misses=100)
    cards = [bytes([number]) * 4 for number in range(CARDS_LIMIT + 1)]
    assert all(here.look(card) for card in cards)
    assert not any(here.look(card) for card in cards[1:])
    assert here.look(cards[0])


# --- garbage -------------------------------------------------------------------------------------


ONE = bytes((1, 1, 0, 0x44, 0))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "expected one card, found nothing"),
        (b"\x00", "expected one card, found 0"),
        (b"\x02" + ONE[1:] + b"\x04ABCD", "expected one card, found 2"),
        (ONE, "expected a UID of 4, 7 or 10 bytes, found 0 of 0"),
        (ONE + b"\x00", "expected a UID of 4, 7 or 10 bytes, found 0 of 0"),
        (ONE + b"\x07ABCD", "expected a UID of 4, 7 or 10 bytes, found 4 of 7"),
        (ONE + b"\x05ABCDE", "expected a UID of 4, 7 or 10 bytes, found 5 of 5"),
        (ONE + b"\x04\x88BCD", "expected a whole UID, found the beginning of a longer one"),
    ],
)
def test_an_answer_without_a_whole_uid_is_no_card(answer, why):
    with pytest.raises(BadCard) as raised:
        uid_of(answer)
    assert str(raised.value) == why


def test_what_is_no_card_is_refused_once_while_it_lies_there(door):
    door.chip.lay("A1B2C3D4E5")
    refusal = ReadingRejected("entry", "expected a UID of 4, 7 or 10 bytes, found 5 of 5")
    assert door.wait(20) == [refusal]
    door.chip.take("A1B2C3D4E5")
    door.wait(GONE_S)
    assert door.tap("A1B2C3D4E5") == [refusal]
    assert door.tap() == [CARD]


@pytest.mark.parametrize("fault", ["corrupt", "garbage"])
def test_a_garbled_answer_is_never_a_card(door, fault):
    setattr(door.chip, fault, True)
    door.chip.lay(UID)
    first, *rest = door.wait(30)
    assert first == ReadingRejected("entry", "the chip's answer was garbled")
    assert [type(fact) for fact in rest] == [ReaderLost]
    setattr(door.chip, fault, False)
    assert door.wait(1.0) == [FOUND, CARD]


def test_a_spark_now_and_then_loses_nobody(door):
    for _ in range(2 * ATTEMPTS):
        door.chip.corrupt = True
        door.chip.lay(UID)
        assert door.wait(LOOK_S) == [ReadingRejected("entry", "the chip's answer was garbled")]
        door.chip.corrupt = False
        assert door.wait(30) == [CARD]
        door.chip.take(UID)
        door.wait(GONE_S)


def test_a_card_that_says_too_much_of_itself_is_no_card_and_the_reader_is_not_lost_again_and_again(door):
    door.chip.tail = bytes(60)
    door.chip.lay(UID)
    assert [type(fact) for fact in door.wait(60)] == [ReadingRejected, ReaderLost]
    door.chip.take(UID)
    door.chip.tail = b""
    assert door.wait(1.0) == [FOUND]
    assert door.tap() == [CARD]


@given(noise=st.binary(max_size=90), ready=st.booleans())
def test_no_noise_is_a_card_or_an_error(noise, ready):
    door = Door()
    door.wait(0.1)
    door.chip.lay(UID)
    door.chip.answer = lambda written, length: (bytes([ready]) + noise)[:length].ljust(length, b"\x00")
    facts = door.wait(5.0)
    assert not [fact for fact in facts if isinstance(fact, CardRead)]
    assert len(facts) <= 2


# --- gone and back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "within_s", "why"),
    [
        ("absent", 1.0, UNPLUGGED),
        ("stuck", 3.0, SILENCE),
        ("corrupt", 3.0, lost("Response checksum did not match expected value")),
        ("refuses_every", 2.0, None),
        ("slow", 4.0, SILENCE),
    ],
)
def test_a_chip_that_is_gone_is_lost_once_and_found_once(door, fault, within_s, why):
    setattr(door.chip, fault, 3 if fault == "refuses_every" else True)
    facts = door.wait(within_s)
    assert [type(fact) for fact in facts] == [ReaderLost]
    assert why is None or facts == [why]
    assert door.wait(600) == []
    setattr(door.chip, fault, False)
    assert door.wait(4.0) == [FOUND]
    assert door.tap() == [CARD]


def test_a_chip_that_is_not_there_at_the_start_is_lost_and_found():
    here = Door()
    here.chip.absent = True
    assert here.wait(2.0) == [UNPLUGGED]
    here.chip.absent = False
    assert here.wait(1.0) == [FOUND]
    assert here.tap() == [CARD]


def test_a_card_that_lay_there_before_the_outage_is_read_after_it(door):
    door.chip.lay(UID)
    assert door.wait(1.0) == [CARD]
    door.chip.absent = True
    door.wait(2.0)
    door.chip.absent = False
    assert door.wait(1.0) == [FOUND, CARD]


def test_a_restarted_chip_is_configured_anew_before_anybody_misses_it(door):
    for _ in range(3):
        door.chip.restart()
        door.chip.lay(UID)
        assert door.wait(HEALTH_S + RETRY_S + LOOK_S) == [CARD]
        door.chip.take(UID)
        door.wait(GONE_S)


def test_a_chip_that_does_not_answer_when_it_is_first_configured_gets_a_second_chance(door):
    real, refused = door.chip.answer, []

    def once(written, length):
        if (unframe(written) or b"??")[1] == CONFIGURE and not refused:
            refused.append(written)
            return b""
        return real(written, length)

    door.chip.answer = once
    door.chip.restart()
    assert door.wait(HEALTH_S + 2 * RETRY_S) == []
    assert refused
    assert door.tap() == [CARD]


def test_a_chip_that_refuses_its_address_while_it_is_busy_is_asked_again(door):
    real, busy = door.chip.answer, []

    def answer(written, length):
        busy.append(bool(written))
        return real(written, length)

    door.chip.answer = answer
    door.chip.acknowledges = lambda: not (busy and busy.pop())
    assert door.wait(60) == []
    assert door.tap() == [CARD]


def test_a_chip_that_is_ready_and_then_is_not_is_lost_like_any_other(door):
    ready = cycle([b"\x01", b"\x00"])
    door.chip.answer = lambda written, length: next(ready) if length == 1 else bytes(length)
    assert [type(fact) for fact in door.wait(60)] == [ReaderLost]


def test_a_quiet_chip_is_asked_how_it_is_every_few_seconds_and_one_with_a_card_is_not(door):
    door.chip.asked.clear()
    door.wait(60)
    assert door.chip.asked[FIRMWARE] == pytest.approx(60 / HEALTH_S, abs=2)
    door.chip.lay(UID)
    door.wait(HEALTH_S)
    door.chip.asked.clear()
    door.wait(60)
    assert door.chip.asked[FIRMWARE] == 0
    assert door.chip.asked[LIST] == pytest.approx(60 / LYING_S, rel=0.1)


# --- the bus -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["absent", "stuck", "garbage", "corrupt", "refuses_every"])
def test_no_job_takes_long(door, fault):
    setattr(door.chip, fault, True)
    door.wait(30)
    assert max(door.jobs_s) < JOB_S


def test_a_chip_that_falls_silent_half_way_is_not_waited_for_as_long_as_the_library_would(door):
    say = door.chip._say
    door.chip._say = lambda command, data=b"": command == FIRMWARE or say(command, data)
    assert door.wait(30) == [SILENCE_HALF_WAY]
    assert max(door.jobs_s) < 1.1 * ANSWER_S


@pytest.mark.parametrize("slow_s", [0.01, 0.2, 0.9])
def test_a_slow_bus_holds_a_job_up_for_one_transfer_at_most(door, slow_s):
    door.chip.slow, door.chip.slow_s = True, slow_s
    door.wait(30)
    assert JOB_S / 2 < max(door.jobs_s) < JOB_S + slow_s + 0.01


def test_a_bus_that_another_has_locked_is_not_waited_for(door):
    bus = door.reader._bounds._i2c
    assert bus.try_lock()
    assert [type(fact) for fact in door.wait(4.0)] == [ReaderLost]
    assert max(door.jobs_s) < JOB_S + 0.01
    bus.unlock()
    assert door.wait(1.0) == [FOUND]


def test_over_a_bus_of_the_kernel_it_is_the_same():
    here = Door(bus=lambda wire: KernelI2C(FakeBus(wire)))
    assert here.tap() == [CARD]
    here.chip.absent = True
    assert here.wait(2.0) == [UNPLUGGED]
    here.chip.absent = False
    assert here.wait(1.0) == [FOUND]
    assert here.tap(OTHER) == [CardRead(OTHER)]


@pytest.mark.parametrize("part", ["DAA", "DCI"])
def test_a_thermometer_on_the_same_bus_is_read_on_time_between_taps(door, part):
    rng, taken = random.Random(1), []
    for _ in range(20):
        door.chip.lay(UID)
        heard = door.wait(LOOK_S)
        for _ in range(PARTS[part].samples):
            began_s = door.clock.monotonic()
            door.worker.submit(door.thermometer.measure)
            heard += door.wait(0.0)
            taken.append(door.clock.monotonic() - began_s)
            heard += door.wait(PARTS[part].settle_s)
        assert heard.count(CARD) == 1
        assert sum(isinstance(fact, TemperatureTaken) for fact in heard) == PARTS[part].samples
        door.chip.take(UID)
        door.wait(GONE_S + rng.random())
    assert max(taken) <= 0.01


def test_while_nobody_comes_the_bus_carries_one_byte_a_look(door):
    carried = []
    real = door.wire.transfer
    door.wire.transfer = lambda address, written, length: (
        carried.append((address, len(written) + length)) or real(address, written, length)
    )
    door.wait(HEALTH_S - 1.1)
    assert set(carried) <= {(door.chip.address, 1)}
    assert len(carried) <= (HEALTH_S - 1.1) / LOOK_S + 1


def test_closing_ends_the_polls(door):
    door.paced.close()
    door.reader.close()
    door.chip.lay(UID)
    assert door.wait(10) == []
    assert door.loop.deadline() is None
