"""What a lane's contacts mean, whatever their voltage, and what they do when nobody holds them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from gpiozero import GPIOPinInUse, PinInvalidPin
from hypothesis import given
from hypothesis import strategies as st

from drivers.lane_io import INPUTS, OUTPUTS, Input, LaneIO, LanePins, LockKind, Output
from edge.gate.vocabulary import BeamBroken, BeamCleared, FireChanged, PresenceChanged, ReleasePressed
from simulators.wires.pins import FakePins

LOCK, GREEN, RED, BUZZER = 17, 22, 23, 24
ENTRY, EXIT, FIRE, BUTTON, PRESENCE = 25, 26, 16, 20, 21

LANE = LanePins(
    lock=Output(LOCK),
    lamp_green=Output(GREEN),
    lamp_red=Output(RED),
    buzzer=Output(BUZZER),
    entry_beam=Input(ENTRY),
    exit_beam=Input(EXIT),
    fire=Input(FIRE, active_low=False),
    release_button=Input(BUTTON),
    presence=Input(PRESENCE),
)
QUIET = {ENTRY: True, EXIT: True, FIRE: False, BUTTON: True, PRESENCE: True}
"""Levels while nothing happens: contacts to ground open, the fire loop closed."""


class Hall:
    """A lane wired up, what it told, and what its outputs did in the world."""

    def __init__(self, pins=LANE, levels=QUIET, rest=()):
        self.header = FakePins()
        for pin in rest:
            self.header[pin].rest = True
        for pin, level in levels.items():
            self.header.drive(pin, level)
        self.facts = []
        self.changes = []
        self.header.on_output(lambda pin, level: self.changes.append((pin, level)))
        self.lane = self.open(pins)

    def open(self, pins):
        return LaneIO(pins, self.post, pin_factory=self.header.factory)

    def post(self, fact):
        self.facts.append(fact)
        return True

    def heard(self):
        facts, self.facts = self.facts, []
        return facts

    def seen(self):
        changes, self.changes = self.changes, []
        return changes


@pytest.fixture
def hall():
    hall = Hall()
    yield hall
    hall.lane.close()


@pytest.mark.parametrize("kind", LockKind)
@pytest.mark.parametrize("active_high", [True, False])
def test_open_locked_and_safe_for_every_lock_and_relay(kind, active_high):
    energised_open = kind is LockKind.FAIL_SECURE
    hall = Hall(LanePins(lock=Output(LOCK, active_high), lock_kind=kind), {}, rest=[] if active_high else [LOCK])
    without_power = not active_high
    open_level = active_high if energised_open else not active_high

    assert hall.seen() == [(LOCK, without_power)]
    assert hall.lane.read("lock") is (kind is LockKind.FAIL_SAFE)
    hall.lane.write("lock", True)
    assert (hall.header.level(LOCK), hall.lane.read("lock")) == (open_level, True)
    hall.lane.write("lock", False)
    assert (hall.header.level(LOCK), hall.lane.read("lock")) == (not open_level, False)
    for last in (True, False):
        hall.lane.write("lock", last)
        hall.lane.close()
        assert hall.header.level(LOCK) is without_power
        hall.lane = hall.open(LanePins(lock=Output(LOCK, active_high), lock_kind=kind))
    hall.lane.close()


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize("name", ["lamp_green", "lamp_red", "buzzer"])
def test_lamps_and_buzzer_start_and_end_off_without_a_pulse(name, active_high):
    rest = [] if active_high else [GREEN]
    hall = Hall(replace(LanePins(lock_kind=LockKind.FAIL_SAFE), **{name: Output(GREEN, active_high)}), {}, rest)
    assert hall.seen() == [(GREEN, not active_high)]
    hall.lane.write(name, True)
    assert hall.lane.read(name) is True
    hall.lane.close()
    assert hall.seen() == [(GREEN, active_high), (GREEN, not active_high)]


def test_before_off_is_written_at_closing_no_pin_is_let_go(hall):
    # external resistors that pull the wrong way must not matter while we still hold the pins
    for pin in (LOCK, GREEN, RED, BUZZER):
        hall.header[pin].rest = True
    for name in OUTPUTS:
        hall.lane.write(name, True)
    hall.seen()
    hall.lane.close()
    for pin in (LOCK, GREEN, RED, BUZZER):
        assert [level for at, level in hall.changes if at == pin] == [False, True]


def test_the_state_at_the_start_is_told_once_in_a_fixed_order(hall):
    assert hall.heard() == [FireChanged(False), PresenceChanged(False)]
    busy = Hall(levels={pin: not level for pin, level in QUIET.items()})
    assert busy.heard() == [FireChanged(True), BeamBroken("entry"), BeamBroken("exit"), PresenceChanged(True)]
    assert busy.lane.state() == dict.fromkeys(INPUTS, True)
    busy.lane.close()


@pytest.mark.parametrize(
    ("pin", "there", "back"),
    [
        (ENTRY, [BeamBroken("entry")], [BeamCleared("entry")]),
        (EXIT, [BeamBroken("exit")], [BeamCleared("exit")]),
        (FIRE, [FireChanged(True)], [FireChanged(False)]),
        (BUTTON, [ReleasePressed()], []),
        (PRESENCE, [PresenceChanged(True)], [PresenceChanged(False)]),
    ],
)
def test_each_edge_is_one_fact(hall, pin, there, back):
    hall.heard()
    for _ in range(3):
        hall.header.drive(pin, not QUIET[pin])
        hall.header.drive(pin, not QUIET[pin])
        assert hall.heard() == there
        hall.header.drive(pin, QUIET[pin])
        assert hall.heard() == back


@given(
    active_low=st.booleans(),
    pull=st.sampled_from(["up", "down", "none"]),
    levels=st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_the_facts_follow_the_contact_for_every_polarity_and_pull(active_low, pull, levels):
    hall = Hall(LanePins(presence=Input(PRESENCE, active_low, pull)), {PRESENCE: levels[0]})
    expected = [levels[0] != active_low]
    for level in levels:
        hall.header.drive(PRESENCE, level)
        active = level != active_low
        assert hall.lane.state() == {"presence": active}
        if active != expected[-1]:
            expected.append(active)
    assert hall.facts == [PresenceChanged(active) for active in expected]
    hall.lane.close()


def test_a_cut_fire_loop_is_an_alarm(hall):
    hall.heard()
    hall.header[FIRE].absent = True
    assert hall.heard() == [FireChanged(True)]


def test_a_lane_without_a_contact_does_without_it():
    west = LanePins(exit_beam=Input(EXIT), fire=Input(FIRE, active_low=False), lamp_green=Output(GREEN))
    hall = Hall(west)
    hall.lane.write("lock", True)
    assert hall.lane.read("lock") is None
    assert hall.lane.state() == {"fire": False, "exit_beam": False}
    assert hall.seen() == [(GREEN, False)]
    hall.lane.close()


def test_no_thread_is_made_and_none_is_left(hall):
    before = set(threading.enumerate())
    other = Hall()
    for name in OUTPUTS:
        other.lane.write(name, True)
    for pin, level in QUIET.items():
        other.header.drive(pin, not level)
    assert set(threading.enumerate()) == before
    other.lane.close()
    assert set(threading.enumerate()) == before


def test_after_closing_nothing_is_told_and_nothing_moves(hall):
    hall.lane.close()
    hall.heard()
    hall.seen()
    for pin, level in QUIET.items():
        hall.header.drive(pin, not level)
    hall.lane.write("lock", True)
    hall.lane.close()
    assert (hall.heard(), hall.seen(), hall.lane.state()) == ([], [], {})


@pytest.mark.parametrize(
    ("pins", "error"),
    [
        (LanePins(lock=Output(LOCK), fire=Input(LOCK)), GPIOPinInUse),
        (LanePins(lock=Output(LOCK), fire=Input(99)), PinInvalidPin),
    ],
)
def test_a_lane_that_cannot_be_opened_keeps_no_pin(pins, error):
    header = FakePins()
    with pytest.raises(error):
        LaneIO(pins, lambda fact: True, pin_factory=header.factory)
    assert header[LOCK].driven is None
    LaneIO(LanePins(lock=Output(LOCK)), lambda fact: True, pin_factory=header.factory).close()


# --- the wires


def test_a_stuck_output_does_not_reach_the_world(hall):
    hall.seen()
    hall.header[LOCK].stuck = True
    hall.lane.write("lock", True)
    assert (hall.lane.read("lock"), hall.header.level(LOCK), hall.seen()) == (True, False, [])
    hall.header[LOCK].stuck = False
    assert hall.seen() == [(LOCK, True)]


def test_an_output_that_is_stuck_from_the_start_stays_where_its_resistor_holds_it():
    header = FakePins()
    header[LOCK].rest = header[LOCK].stuck = True
    told = []
    header.on_output(lambda pin, level: told.append(level))
    lane = LaneIO(LanePins(lock=Output(LOCK)), lambda fact: True, pin_factory=header.factory)
    lane.write("lock", True)
    assert told == [True]
    lane.close()


def test_an_absent_output_falls_to_its_resistor(hall):
    hall.lane.write("lock", True)
    hall.seen()
    hall.header[LOCK].absent = True
    assert hall.seen() == [(LOCK, False)]
    hall.lane.write("lock", False)
    hall.lane.write("lock", True)
    assert hall.seen() == []
    hall.header[LOCK].absent = False
    assert hall.seen() == [(LOCK, True)]


def test_a_stuck_beam_says_what_it_said_and_catches_up(hall):
    hall.heard()
    hall.header[ENTRY].stuck = True
    hall.header.drive(ENTRY, False)
    assert hall.heard() == []
    hall.header[ENTRY].stuck = False
    assert hall.heard() == [BeamBroken("entry")]


def test_an_intermittent_wire_loses_every_other_change(hall):
    hall.heard()
    hall.header[ENTRY].intermittent = True
    passages = []
    for _ in range(4):
        hall.header.drive(ENTRY, False)
        hall.header.drive(ENTRY, True)
        passages.append(hall.heard())
    assert passages == [[], [BeamBroken("entry")], [BeamCleared("entry")], []]
    hall.header[LOCK].intermittent = True
    hall.seen()
    for on in (True, False, True, False):
        hall.lane.write("lock", on)
    assert hall.seen() == [(LOCK, True)]
    hall.header[LOCK].intermittent = False
    assert hall.seen() == [(LOCK, False)]


def test_a_power_cut_drops_every_output_and_the_dead_lane_touches_nothing(hall):
    hall.lane.write("lock", True)
    hall.lane.write("lamp_green", True)
    hall.seen()
    hall.heard()
    hall.header.power_cut()
    assert sorted(hall.seen()) == [(LOCK, False), (GREEN, False)]
    hall.header.drive(FIRE, True)
    hall.lane.write("lock", True)
    hall.lane.close()
    assert (hall.seen(), hall.heard()) == ([], [])
    hall.lane = hall.open(LANE)
    assert hall.heard() == [FireChanged(True), PresenceChanged(False)]


def test_who_listens_late_is_told_what_is_driven(hall):
    hall.lane.write("lock", True)
    told = {}
    hall.header.on_output(told.__setitem__)
    assert told == {LOCK: True, GREEN: False, RED: False, BUZZER: False}


def test_no_history_grows(hall):
    pin = hall.header.factory.pin(LOCK)
    for _ in range(1000):
        hall.lane.write("lock", True)
        hall.lane.write("lock", False)
    assert len(getattr(pin, "states", ())) <= 1
