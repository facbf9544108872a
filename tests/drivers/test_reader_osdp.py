"""An OSDP reader is heard in a secure channel with the site's key only, and is never left alone for long.

Real time: libosdp knows no other. Nothing here depends on how fast the machine is; what must happen is waited for,
and nobody is lost by silence but where the test is about that.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC

import pytest

from drivers.wiegand import FORMATS, WIEGAND_26, encode
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReaderTampered, ReadingRejected
from edge.runtime.clock import WallClock
from simulators.wires.osdp import FakeOsdpReader
from tests.drivers.osdp_desk import CARD, KEY, OTHER, PATIENCE_S, UID, Desk
from tests.drivers.osdp_time import SystemClock
from tests.drivers.test_osdp_card import packed

SILENT = ReaderLost("entry", "no reply from address 3: check power, A and B, address and baud")
LED, BUZZER = 2, 3


@pytest.fixture
def desk(tmp_path):
    """Opens desks, and closes them."""
    opened = []

    def make(*fakes, **more):
        opened.append(Desk(tmp_path, *fakes, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


# --- who is heard --------------------------------------------------------------------------------


def test_a_reader_with_the_sites_key_is_heard(desk):
    assert desk().tap() == CARD


def test_every_card_is_heard_though_others_are_read_meanwhile(desk):
    here = desk(FakeOsdpReader(0, KEY), FakeOsdpReader(126, KEY))
    sides = dict(zip(here.fakes, ("entry", "exit"), strict=True))
    for fake in here.fakes:
        for number in range(3):
            fake.present(bytes([number]) * 4)
    heard = [here.next() for _ in range(6)]
    for side in sides.values():
        assert [fact.uid for fact in heard if fact.reader == side] == ["00000000", "01010101", "02020202"]
    for fake, side in sides.items():
        assert here.tap(fake) == CardRead(CARD.uid, side)
    assert here.driver.panels == 1


@pytest.mark.parametrize(
    ("fake", "why"),
    [
        ({"key": OTHER}, "refused: the reader has another key, or none yet"),
        ({"key": None}, "refused: the reader has another key, or none yet"),
        ({"plain": True}, "refused: the reader speaks in plain text only"),
        ({"address": 4}, SILENT.error),
    ],
    ids=["another key", "the default key", "plain text", "another address"],
)
def test_nobody_else_is_heard_or_given_the_key(desk, fake, why):
    here = desk(FakeOsdpReader(**{"address": 3, "key": KEY} | fake), at=(3,), lost_s=0.5)
    here.fake.present(UID)
    assert here.next() == ReaderLost("entry", why)
    here.asked(2 if here.fake.address == 4 else 6)
    assert here.heard() == []
    assert here.fake.commands.empty()
    assert here.fake.asked == 0


def test_a_reader_that_gets_the_right_key_is_found(desk):
    here = desk(FakeOsdpReader(3, OTHER), lost_s=0.5)
    assert here.next() == ReaderLost("entry", "refused: the reader has another key, or none yet")
    here.fake.key = KEY
    here.fake.restart()
    assert here.next() == ReaderFound("entry")


# --- what is heard -------------------------------------------------------------------------------


def test_bits_are_a_card_in_the_sites_form_or_refused(desk):
    here = desk(size=3, order="reversed", formats=FORMATS)
    frame = encode(bytes.fromhex("C3B2A1"), WIEGAND_26)
    here.fake.present(packed(frame), 26)
    assert here.next() == CardRead("A1B2C3", "entry")
    here.fake.present(packed([not frame[0], *frame[1:]]), 26)
    assert here.next() == ReadingRejected("entry", "expected even parity in bit 1 of 26")
    here.fake.present(UID)
    assert here.next() == ReadingRejected("entry", "saw 56 bits, expected 24 or 26: another card form?")


def test_an_opened_case_is_told_once_and_so_is_a_closed_one(desk):
    here = desk()
    for on in (True, False):
        here.fake.tamper(on)
        here.fake.tamper(on)
        assert here.next() == ReaderTampered("entry", on)
        assert here.tap() == CARD


def test_each_new_channel_begins_with_the_question_whether_the_case_is_open(desk):
    here = desk()
    for channel in (1, 2):
        assert here.tap() == CARD
        here.until(lambda channel=channel: here.fake.asked == channel)
        here.fake.restart()
    assert here.tap() == CARD


# --- lines as they are ---------------------------------------------------------------------------


def test_a_line_of_9600_baud_is_fast_enough(desk):
    here = desk(FakeOsdpReader(3, KEY), FakeOsdpReader(4, KEY), byte_s=10 / 9600)
    assert here.tap() == CARD
    assert here.tap(here.fakes[1]) == CardRead(CARD.uid, "exit")


def test_noise_between_the_replies_costs_no_card(desk):
    here = desk()
    here.far.noise = b"\x00\xff\x53\x83\x20\x00\x0e\x53\xff"  # what looks like a message, longer than it is
    here.far.say(os.urandom(300))
    assert here.tap() == CARD
    here.far.say(b"\x53" * 100)
    assert here.tap() == CARD


def test_an_adapter_that_hears_itself_does_no_harm(desk):
    assert desk(echo=True).tap() == CARD


# --- who is gone ---------------------------------------------------------------------------------


def test_an_unplugged_line_is_lost_once_and_found_once_under_another_descriptor(desk):
    here = desk(FakeOsdpReader(3, KEY), FakeOsdpReader(4, KEY))
    exit_card = CardRead(CARD.uid, "exit")
    assert [here.tap(), here.tap(here.fakes[1])] == [CARD, exit_card]
    before = os.readlink(here.far.path)
    taken = os.open(os.devnull, os.O_RDONLY)
    here.far.unplug()
    lost = [here.next(), here.next()]
    assert [(type(fact), fact.reader) for fact in lost] == [(ReaderLost, "entry"), (ReaderLost, "exit")]
    assert {fact.error.partition(":")[0] for fact in lost} == {"the line is gone"}
    other = os.openpty()  # takes the number of the terminal that is gone
    here.far.plug()
    assert os.readlink(here.far.path) != before
    assert sorted([here.next().reader, here.next().reader]) == ["entry", "exit"]
    assert [here.tap(), here.tap(here.fakes[1])] == [CARD, exit_card]
    assert here.heard() == []
    for descriptor in (taken, *other):
        os.close(descriptor)


def test_a_silent_reader_is_lost_once_and_found_once(desk):
    here = desk(lost_s=1.5)
    assert here.tap() == CARD
    here.fake.power = False
    assert here.next() == SILENT
    here.asked(2)
    here.fake.restart()
    here.fake.power = True
    assert here.next() == ReaderFound("entry")
    assert here.tap() == CARD
    assert here.heard() == []


def test_a_restarted_reader_is_taken_up_again_though_libosdp_would_wait_for_minutes(desk):
    here = desk()
    for _ in range(3):
        assert here.tap() == CARD
        here.fake.restart()
    assert here.tap() == CARD
    assert here.driver.panels == 1


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_makes_a_new_panel(desk, step_s):
    system = SystemClock()
    try:
        here = desk(system_s=system.now_s)
        assert here.tap() == CARD
        system.ahead_s = step_s
        here.until(lambda: here.driver.panels == 2)
        assert [here.tap(), here.tap()] == [CARD, CARD]
        assert (here.driver.panels, here.heard()) == (2, [])
        assert system.asked > 0
    finally:
        system.close()


class Leaping(WallClock):
    """A clock on which the driver's thread seems to have been stopped for a while."""

    ahead_s = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead_s


def test_a_machine_that_stood_still_makes_nobody_lost(desk):
    clock = Leaping(UTC)
    here = desk(clock=clock, system_s=lambda: time.time() + clock.ahead_s, lost_s=30.0)
    for _ in range(10):
        assert here.tap() == CARD
        clock.ahead_s += 60.0


# --- what is shown -------------------------------------------------------------------------------


def shown(command):
    keys = {LED: ("on_color", "on_count", "off_count", "timer_count"), BUZZER: ("on_count", "off_count", "rep_count")}
    return tuple(command[key] for key in keys[command["command"]])


def test_signs_arrive_as_lamp_and_buzzer(desk):
    here = desk()
    told = here.fake.commands
    assert here.tap() == CARD
    reader = here.readers[0]
    reader.accepted(5.0)
    assert [shown(told.get(timeout=PATIENCE_S)) for _ in range(2)] == [(2, 1, 0, 50), (2, 0, 1)]
    for _ in range(2):
        reader.refused(2.0)
        assert [shown(told.get(timeout=PATIENCE_S)) for _ in range(2)] == [(1, 2, 2, 20), (1, 1, 3)]
    reader.accepted(0.0)  # that was over already: it must not end the refusal
    reader.waiting(60.0)
    assert shown(told.get(timeout=PATIENCE_S)) == (3, 5, 5, 255)
    reader.waiting(0.0)
    ended = told.get(timeout=PATIENCE_S)
    assert (ended["command"], ended["control_code"]) == (LED, 1)
    assert here.tap() == CARD
    assert told.empty()


def test_a_reader_without_a_lamp_is_told_nothing(desk):
    here = desk(FakeOsdpReader(3, KEY, lamps=0))
    assert here.tap() == CARD
    here.readers[0].accepted(5.0)
    assert [here.tap(), here.tap()] == [CARD, CARD]
    assert here.readers[0].declined == set()
    assert here.fake.asked == 1  # it takes what it cannot do for an error, and libosdp an error for its end


def test_a_reader_that_refuses_signs_and_questions_is_asked_once_and_heard_all_the_same(desk):
    here = desk(FakeOsdpReader(3, KEY, grudging=True))
    for refused in (1, 2, 3):
        here.until(lambda refused=refused: len(here.readers[0].declined) == refused)
        assert here.tap() == CARD
        here.readers[0].refused(5.0)
    assert here.tap() == CARD
    assert [here.fake.commands.get()["command"] for _ in range(2)] == [LED, BUZZER]
    assert here.fake.commands.empty()
    assert here.fake.asked == 1


# --- the thread ----------------------------------------------------------------------------------


def test_closing_ends_the_thread_and_gives_the_line_back(desk):
    here = desk()
    assert here.driver.alive
    here.driver.close()
    here.driver.close()
    assert not here.driver.alive
    os.close(os.open(here.far.path, os.O_RDWR | os.O_NOCTTY))


def test_a_driver_that_breaks_is_seen(desk, monkeypatch):
    caught = []
    monkeypatch.setattr(threading, "excepthook", caught.append)
    here = desk()
    monkeypatch.setattr(here.readers[0], "_post", None)
    here.fake.present(UID)
    here.until(lambda: not here.driver.alive)
    assert [died.exc_type for died in caught] == [TypeError]


def test_a_line_that_is_not_there_is_an_error_at_the_start(tmp_path, desk):
    here = desk()
    here.driver.close()
    here.far.unplug()
    with pytest.raises(OSError, match="No such file"):
        type(here.driver)("x", here.driver._open_line, 9600, (), clock=WallClock(UTC), system_s=time.time)
