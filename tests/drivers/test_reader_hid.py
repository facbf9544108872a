"""A reader that types delivers whole cards or a refusal, and no user pays for the one before."""

from __future__ import annotations

import errno
import fcntl
import struct
import time

import evdev
import pytest
from evdev import InputEvent, ecodes
from hypothesis import given
from hypothesis import strategies as st

from drivers import keyboard
from drivers.reader_hid import EVENTS_AT_ONCE, HELD_LIMIT, HidReader, open_hid
from drivers.uid import SIZES, CardForm
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReadingRejected
from simulators.wires.evdev import FakeKeyboard

CARD = CardRead("04A1B2C3", "entry")


class Desk:
    """A reader plugged in, a clock, and what was heard so far."""

    def __init__(self, **options):
        self.now_s = 100.0
        self.facts = []
        self.late = []
        self.keyboard = FakeKeyboard(
            lambda: self.now_s, later=lambda after_s, call: self.late.append((self.now_s + after_s, call))
        )
        self.reader = HidReader(self.keyboard.open(), self.post, reopen=self.keyboard.open, **options)
        self.keyboard.readable = self.reader.poll
        self.keyboard.plugged = self.reader.reopen

    def post(self, fact):
        self.facts.append(fact)
        return True

    def heard(self):
        facts, self.facts = self.facts, []
        return facts

    def tap(self, text="04A1B2C3\n", *, after_s=2.0):
        self.now_s += after_s
        self.keyboard.type(text)
        for at_s, call in self.late:
            self.now_s = at_s
            call()
        self.late.clear()
        return self.heard()


@pytest.fixture
def desk():
    return Desk()


def rejected(error):
    return [ReadingRejected("entry", error)]


def test_the_layout_is_the_input_systems():
    names = {"-": "MINUS", "=": "EQUAL", "[": "LEFTBRACE", "]": "RIGHTBRACE", ";": "SEMICOLON", "'": "APOSTROPHE"}
    names |= {"`": "GRAVE", "\\": "BACKSLASH", ",": "COMMA", ".": "DOT", "/": "SLASH", " ": "SPACE"}
    keypad = {"*": "KPASTERISK", "-": "KPMINUS", "+": "KPPLUS", ".": "KPDOT", "/": "KPSLASH"}
    for code, character in keyboard.PLAIN.items():
        main = names.get(character, character.upper())
        known = {f"KEY_{main}", f"KEY_{keypad.get(character, 'KP' + character)}"}
        actual = ecodes.KEY[code]
        assert known & ({actual} if isinstance(actual, str) else set(actual)), (code, character)
    for name in ("TAB", "ENTER", "KPENTER", "LEFTSHIFT", "RIGHTSHIFT", "CAPSLOCK", "NUMLOCK", "SCROLLLOCK"):
        assert getattr(keyboard, f"KEY_{name}") == getattr(ecodes, f"KEY_{name}")
    assert (keyboard.EV_SYN, keyboard.EV_KEY) == (ecodes.EV_SYN, ecodes.EV_KEY)
    assert (keyboard.SYN_REPORT, keyboard.SYN_DROPPED) == (ecodes.SYN_REPORT, ecodes.SYN_DROPPED)


@pytest.mark.parametrize("ending", ["\n", "\t", "\n\n", "\n\t"])
def test_a_tap_is_one_card(desk, ending):
    assert desk.tap("04a1B2c3" + ending) == [CARD]
    assert desk.tap("04:A1:B2:C3" + ending) == [CARD]


def test_the_keypads_keys_and_lock_keys_read_the_same(desk):
    digits = {"0": 82, "1": 79, "2": 80, "3": 81, "4": 75, "5": 76, "6": 77, "7": 71, "8": 72, "9": 73}
    codes = [ecodes.KEY_NUMLOCK, *(digits[digit] for digit in "0123456789123456"), ecodes.KEY_KPENTER]
    feed(desk, [(ecodes.EV_KEY, code, value) for code in codes[:9] for value in (1, 0)])
    feed(desk, [(ecodes.EV_KEY, ecodes.KEY_KPENTER, 1)])
    assert desk.heard() == [CardRead("01234567", "entry")]


def feed(desk, events):
    for kind, code, value in events:
        second, rest = divmod(desk.now_s, 1)
        desk.keyboard._events.append(InputEvent(int(second), int(rest * 1e6), kind, code, value))
    desk.reader.poll()


@given(
    size=st.sampled_from(SIZES),
    text=st.sampled_from(["hex", "decimal"]),
    order=st.sampled_from(["normal", "reversed"]),
    data=st.data(),
)
def test_every_card_of_every_form_is_read(size, text, order, data):
    uid = data.draw(st.binary(min_size=size, max_size=size))
    form = CardForm(text, order, size)
    desk = Desk(form=form, side="exit")
    assert desk.tap(form.write(uid.hex()) + "\n") == [CardRead(uid.hex().upper(), "exit")]


def test_a_code_reader_delivers_what_was_typed():
    desk = Desk(role="code")
    assert desk.tap("B-1001/am:Unlocked\n") == [CodeRead("B-1001/am:Unlocked")]
    feed(desk, [(ecodes.EV_KEY, ecodes.KEY_F1, 1), (ecodes.EV_KEY, ecodes.KEY_ENTER, 1)])
    assert desk.heard() == rejected("expected letters, digits and punctuation only")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("04A1B2C\n", "expected 8 or 14 or 20 hex digits, got 7"),
        ("04A1B2C3D4\n", "expected 8 or 14 or 20 hex digits, got 10"),
        ("04A1?2C3\n", "expected hex digits, character 5 is none"),
        ("4" * 65, "more than 64 characters without Enter or Tab"),
        ("4" * 500 + "\n", "more than 64 characters without Enter or Tab"),
    ],
)
def test_what_is_no_card_is_refused_once_and_the_next_card_is_read(desk, text, error):
    assert desk.tap(text) == rejected(error)
    assert desk.tap() == [CARD]


def test_a_number_in_another_form_is_refused_not_cut():
    desk = Desk(form=CardForm("decimal"))
    assert desk.tap("04A1B2C3D4E5F6\n") == rejected("expected decimal digits, character 3 is none")
    assert desk.tap("1305339650922242\n") == rejected(
        "expected 10 decimal digits, got 16; longer numbers need the card's size in bytes configured"
    )


def test_an_unfinished_frame_does_not_spoil_the_next_user(desk):
    assert desk.tap("04A1") == []
    assert desk.tap(after_s=1.5) == [CARD]
    assert desk.reader.dropped == 1


def test_an_unfinished_frame_within_the_timeout_does(desk):
    assert desk.tap("04A1") == []
    assert desk.tap("B2C3\n", after_s=0.5) == [CARD]
    assert desk.reader.dropped == 0


def test_a_clock_set_back_does_not_keep_an_unfinished_frame(desk):
    desk.tap("04A1")
    assert desk.tap(after_s=-3600.0) == [CARD]


def test_a_shift_whose_release_was_lost_lasts_no_longer_than_the_frame(desk):
    feed(desk, [(ecodes.EV_KEY, ecodes.KEY_RIGHTSHIFT, 1)])
    assert desk.tap(after_s=0.0) == rejected("expected hex digits, character 1 is none")
    assert desk.tap(after_s=0.0) == [CARD]


def test_events_that_the_kernel_lost_refuse_the_frame(desk):
    feed(desk, [(ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)])
    assert desk.heard() == rejected("keys were lost on the way")
    assert desk.tap(after_s=0.0) == []  # the rest of the frame that was lost
    assert desk.tap(after_s=0.0) == [CARD]


def test_an_unplugged_reader_is_lost_once_and_found_once(desk):
    desk.keyboard.absent = True
    desk.reader.poll()
    assert desk.heard() == [ReaderLost("entry", "unplugged (errno 19)")]
    assert not desk.reader.reopen()
    assert desk.tap() == []
    desk.keyboard.absent = False
    assert desk.reader.reopen()
    assert desk.heard() == [ReaderFound("entry")]
    assert desk.tap() == [CARD]


def test_a_frame_does_not_outlive_the_plug(desk):
    desk.tap("04A1")
    desk.keyboard.absent = True
    desk.keyboard.absent = False
    desk.heard()
    assert desk.tap(after_s=0.0) == [CARD]


def test_a_garbled_card_is_refused(desk):
    desk.keyboard.corrupt = True
    assert desk.tap() == rejected("expected hex digits, character 1 is none")
    desk.keyboard.corrupt = False
    assert desk.tap() == [CARD]


def test_a_stuck_key_is_told_once_a_tap_and_forgotten_when_it_comes_free(desk):
    desk.keyboard.stuck = True
    assert desk.tap() == rejected("a key is stuck")
    assert desk.tap() == rejected("a key is stuck")
    assert desk.tap(after_s=0.1) == []
    desk.keyboard.stuck = False
    assert desk.tap() == [CARD]


def test_a_finger_that_rests_on_a_key_types_it_once():
    desk = Desk(role="code")
    held = [(ecodes.EV_KEY, ecodes.KEY_7, 1), *[(ecodes.EV_KEY, ecodes.KEY_7, 2)] * (HELD_LIMIT - 1)]
    feed(desk, [*held, (ecodes.EV_KEY, ecodes.KEY_7, 0), (ecodes.EV_KEY, ecodes.KEY_ENTER, 1)])
    assert desk.heard() == [CodeRead("7")]


def test_every_other_tap_of_an_intermittent_reader_is_lost(desk):
    desk.keyboard.intermittent = True
    assert [bool(desk.tap()) for _ in range(4)] == [False, True, False, True]


def test_a_slow_reader_is_late_but_read(desk):
    desk.keyboard.slow = True
    before_s = desk.now_s
    assert desk.tap(after_s=0.0) == [CARD]
    assert desk.now_s - before_s > 2.0


def test_a_reader_slower_than_the_timeout_never_delivers_a_part_of_a_card(desk):
    desk.keyboard.slow, desk.keyboard.slow_s = True, 1.1
    assert desk.tap() == []
    desk.keyboard.slow = False
    assert desk.tap() == [CARD]


def test_more_events_than_fit_at_once_wait_for_the_next_look(desk):
    stroke = [(ecodes.EV_KEY, ecodes.KEY_ENTER, 1), (ecodes.EV_KEY, ecodes.KEY_ENTER, 0)]
    feed(desk, stroke * EVENTS_AT_ONCE)
    assert len(desk.keyboard._events) == EVENTS_AT_ONCE
    desk.reader.poll()
    assert not desk.keyboard._events


def test_a_keyboard_that_is_not_read_overflows_as_the_kernels_does(desk):
    desk.keyboard.readable = lambda: None
    for _ in range(200):
        desk.tap(after_s=0.0)
    desk.keyboard.readable = desk.reader.poll
    assert ReadingRejected("entry", "keys were lost on the way") in desk.tap(after_s=0.0)
    assert desk.tap() == [CARD]


garbage = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 1, 4]),
        st.one_of(st.sampled_from([*keyboard.PLAIN, *keyboard.TERMINATORS, 42, 54, 3]), st.integers(0, 0x2FF)),
        st.one_of(st.sampled_from([0, 1, 2]), st.integers(-(2**31), 2**31 - 1)),
        st.sampled_from([0.0, 0.0, 0.001, 0.5, 1.5, -2.0]),
    ),
    max_size=80,
)


@given(garbage=garbage, text=st.sampled_from(["hex", "decimal"]), size=st.sampled_from([None, *SIZES]))
def test_after_any_garbage_and_a_pause_the_next_card_is_read_whole(garbage, text, size):
    form = CardForm(text, "normal", size)
    desk = Desk(form=form)
    latest_s = desk.now_s
    for kind, code, value, after_s in garbage:
        desk.now_s += after_s
        latest_s = max(latest_s, desk.now_s)
        feed(desk, [(kind, code, value)])
    desk.now_s = latest_s  # a clock that went back while no key came has shown the reader no pause
    for fact in desk.heard():
        assert isinstance(fact, CardRead | ReadingRejected)
        if isinstance(fact, CardRead):
            assert len(fact.uid) in [2 * known for known in ((size,) if size else SIZES)]
    uid = "04" + "A1" * ((size or 4) - 1)
    assert desk.tap(form.write(uid) + "\n", after_s=1.1) == [CardRead(uid, "entry")]


def test_a_closed_reader_gives_the_device_back_and_stays_closed(desk):
    desk.reader.close()
    assert not desk.keyboard.grabbed
    assert not desk.reader.reopen()
    assert desk.tap() == []
    desk.reader.close()


def test_a_real_device_is_grabbed_and_stamps_events_with_a_clock_that_nobody_sets(monkeypatch):
    calls = []
    device = FakeKeyboard(lambda: 0.0)
    monkeypatch.setattr(evdev, "InputDevice", lambda path: calls.append(path) or device)
    monkeypatch.setattr(fcntl, "ioctl", lambda fd, request, value: calls.append((fd, request, value)))
    assert open_hid("/dev/input/by-id/reader") is device
    assert device.grabbed
    assert calls == ["/dev/input/by-id/reader", (device.fd, 0x400445A0, struct.pack("i", time.CLOCK_MONOTONIC))]
    device.close()


def test_a_device_that_somebody_else_has_is_not_left_open(monkeypatch):
    device = FakeKeyboard(lambda: 0.0)
    device.grab()
    monkeypatch.setattr(evdev, "InputDevice", lambda path: device)
    with pytest.raises(OSError, match=str(errno.EBUSY)):
        open_hid("/dev/input/by-id/reader")
    with pytest.raises(OSError, match=str(errno.EBADF)):
        next(device.read())
