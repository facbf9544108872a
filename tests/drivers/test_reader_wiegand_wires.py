"""Whatever a reader's wires do, it is told in a few facts, costs the loop next to nothing, and ends by itself."""

from __future__ import annotations

import queue
import threading
from datetime import UTC

import pytest

from drivers.later import Later
from drivers.reader_wiegand import LOCKOUT_S, STORM_EDGES, TIMEOUT_S, WiegandReader
from drivers.wiegand import WIEGAND_26, encode
from edge.gate.vocabulary import ReaderLost, ReadingRejected
from edge.runtime.clock import WallClock
from simulators.wires.pins import FakePins
from tests.drivers.wiegand_door import CARD, D0, D1, FOUND, LOW, STORM, Door, short


@pytest.fixture
def door():
    door = Door()
    yield door
    door.reader.close()


def test_a_wire_that_stays_low_loses_the_reader_once_until_it_rests(door):
    door.wires.stuck = True
    assert door.wait(10.0) == [LOW]
    assert door.reader.lost
    assert door.tap() == []
    door.wires.stuck = False
    assert door.wait(2.0) == [FOUND]
    assert not door.reader.lost
    assert door.tap() == [CARD]


def test_wires_that_are_low_at_the_start_are_said_at_once():
    door = Door(low=(D0, D1))
    assert door.wait(0.0) == [ReaderLost("entry", "D0 and D1 low at rest: check for a short circuit and pull-ups")]
    door.pins.drive(D0, True)
    assert door.wait(5.0) == []
    door.pins.drive(D1, True)
    assert door.wait(2.0) == [FOUND]
    assert door.tap() == [CARD]


def test_the_first_pulse_of_the_next_frame_is_no_stuck_wire(door):
    pin = door.pins.factory.pin(D1)

    def pull_low_with_the_edge_still_on_its_way():
        heard, pin.when_changed = pin.when_changed, None
        door.pins.drive(D1, False)
        pin.when_changed = heard

    door.wires.short = True
    door.wires.present("A1B2C3")
    ends_s = 3 * door.wires.interval_s + TIMEOUT_S
    door.later(ends_s - 10e-6, pull_low_with_the_edge_still_on_its_way)
    door.later(ends_s + 40e-6, lambda: door.pins.drive(D1, True))
    assert door.wait(1.0) == [short(1)]
    door.wires.short = False
    assert door.tap() == [CARD]


def test_a_wire_that_is_cut_shows_as_short_frames(door):
    door.pins[D1].absent = True
    ones = sum(encode(bytes.fromhex("A1B2C3"), WIEGAND_26))
    assert door.tap() == [short(1, bits=26 - ones)]


def test_an_unplugged_reader_is_silent_and_reads_again_when_it_is_back(door):
    door.wires.absent = True
    assert door.tap() == []
    assert door.calls == 0
    door.wires.absent = False
    assert door.tap() == [CARD]


def test_every_other_card_of_an_intermittent_reader_is_lost(door):
    door.wires.intermittent = True
    assert [bool(door.tap()) for _ in range(4)] == [False, True, False, True]


def test_a_loose_wire_never_makes_a_card(door):
    door.pins[D1].intermittent = True
    assert all(isinstance(fact, ReadingRejected) for _ in range(10) for fact in door.tap())


def test_noise_between_cards_is_told_now_and_then_and_cards_are_read(door):
    door.wires.noise = True
    heard = door.wait(60.0)
    assert heard == [short(told.short, bits=1) for told in heard]
    assert heard[-1].short > 2 * len(heard), "those that were not told are counted, too"
    assert 100 < len(heard) <= 60.0 / LOCKOUT_S + 1
    assert not door.reader.lost
    door.wires.noise = False
    door.wait(1.0)
    assert door.tap() == [CARD]


def test_a_storm_loses_the_reader_once_and_costs_next_to_nothing(door):
    door.wires.storm = True
    assert door.wait(1.0) == [STORM]
    assert door.bounces() == [1.0, 1.0]
    door.calls = 0
    most = 0
    for _ in range(600):
        assert door.wait(0.1) == []
        most = max(most, len(door.reader._bits))
    assert most <= STORM_EDGES
    # each second: one look, one proof, a few looks at the frame that never ends
    assert door.calls <= 60 * 12
    door.wires.storm = False
    assert door.wait(3.0) == [FOUND]
    assert door.bounces() == [None, None]
    assert door.wait(10.0) == []
    assert door.tap() == [CARD]


def test_a_storm_that_pauses_as_often_as_cards_do_is_still_found_out(door):
    door.wires.storm_s = 0.9 * TIMEOUT_S
    door.wires.storm = True
    assert door.wait(60.0) == [STORM]
    door.wires.storm = False
    assert door.wait(3.0) == [FOUND]


def test_what_ends_a_storm_is_not_believed(door):
    door.wires.storm = True
    assert door.wait(1.0) == [STORM]
    door.wires.storm = False
    assert door.wait(0.3) == []
    heard = []
    for _ in range(40):  # cards all along while the wires are let go and tried
        heard += door.tap("A1B2C3", for_s=0.1)
        if heard:
            break
    assert heard == [FOUND]
    assert door.wait(1.0) == []
    assert door.tap() == [CARD]


def test_a_second_storm_is_told_again(door):
    for _ in range(2):
        door.wires.storm = True
        assert door.wait(2.0) == [STORM]
        door.wires.storm = False
        assert door.wait(3.0) == [FOUND]


def test_edges_only_keep_a_bit_and_ask_once_a_frame(door):
    for number in range(10 * STORM_EDGES):
        door.pins.drive(D1 if number % 3 else D0, False)
        door.pins.drive(D1 if number % 3 else D0, True)
    assert len(door.reader._bits) == STORM_EDGES
    assert door.calls == 1
    assert door.facts == []


def test_a_reader_closed_while_it_is_lost_leaves_its_pins_as_they_were_and_alone(door):
    door.wires.storm = True
    assert door.wait(0.5) == [STORM]
    door.reader.close()
    door.wires.storm = False
    assert door.bounces() == [None, None]
    door.pins.factory.pin(D0).bounce = 0.3  # whoever has it next
    door.reader.close()
    assert door.wait(5.0) == []
    assert door.bounces() == [0.3, None]


def test_a_pulse_that_is_pending_when_the_reader_is_lost_does_not_keep_it_lost(door):
    door.wires.stuck = True
    door.wait(2 * TIMEOUT_S - 0.005)
    door.wires.pulse(True)
    assert door.wait(1.0) == [LOW]
    door.wires.stuck = False
    assert door.wait(2.0) == [FOUND]
    assert door.tap() == [CARD]


def test_a_storm_on_a_thread_of_its_own_is_bounded_and_over_when_it_is_over():
    facts, clock, pins = queue.Queue(), WallClock(UTC), FakePins()
    calm = threading.Event()
    pins.drive(D0, True)
    pins.drive(D1, True)
    later = Later(clock)
    reader = WiegandReader(
        D0,
        D1,
        lambda fact: facts.put(fact) or True,
        clock=clock.monotonic,
        call_later=later.call,
        pin_factory=pins.factory,
        lockout_s=0.0,
    )

    def rage():
        while not calm.is_set():
            pins.drive(D0, False)
            pins.drive(D0, True)

    storm = threading.Thread(target=rage)
    storm.start()
    first = facts.get(timeout=30)
    kept = len(reader._bits)
    calm.set()
    storm.join()
    assert first == STORM
    assert kept <= STORM_EDGES
    assert facts.get(timeout=30) == FOUND
    for bit in encode(bytes.fromhex("A1B2C3"), WIEGAND_26):
        pins.drive(D1 if bit else D0, False)
        pins.drive(D1 if bit else D0, True)
    assert facts.get(timeout=30) == CARD
    later.close()
    reader.close()
