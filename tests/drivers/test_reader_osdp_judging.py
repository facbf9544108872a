"""What an OSDP reader makes of what libosdp says of it: without libosdp, and without time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from drivers.osdp_panel import STEP_S, Card, Channel, Done, Online, Steps, Tampered
from drivers.osdp_wire import CCRYPT, NAK, PDCAP
from drivers.reader_osdp import LOST_S, RETRY_S, OsdpReader
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReaderTampered
from tests.drivers.test_osdp_wire import framed, reply

TURN_S = 0.1
LED, BUZZER = 2, 3


class Bench:
    """One reader with a panel and a line that do as they are told."""

    def __init__(self):
        self.ask_tamper = {"command": 10}
        self.facts, self.news, self.sent = [], [], []
        self.on, self.disabled, self.room, self.abilities = False, False, True, {"LEDControl"}
        self.last, self.sessions, self.now_s = {}, Counter(), 100.0
        self.reader = OsdpReader(5, bytes(16), lambda fact: not self.facts.append(fact))

    def heard(self, _):
        news, self.news = self.news, []
        return iter(news)

    def secure(self, _):
        return self.on

    def enabled(self, _):
        return not self.disabled

    def disable(self, _):
        self.disabled = True

    def enable(self, _):
        self.disabled = False

    def can(self, _, capability):
        return capability in self.abilities

    def submit(self, _, command):
        if self.room:
            self.sent.append(command)
        return self.room

    def turn(self, *news, replies=0, times=1):
        self.news += news
        this: Any = self
        for _ in range(times):
            self.sessions[5] += replies
            self.now_s += TURN_S
            self.reader.turn(this, this, self.now_s, TURN_S)
        heard, self.facts[:] = list(self.facts), []
        return heard

    def online(self):
        self.on = True
        return self.turn(Online(True), replies=1)

    def offline(self, code=None, **more):
        """libosdp gives up after a reply."""
        self.on = False
        if code is not None:
            self.last[5] = framed(reply(5, code, **more))
        return self.turn(Online(False))


@pytest.fixture
def bench():
    return Bench()


LONG = round(LOST_S / TURN_S) + 2


def test_that_libosdp_counts_it_as_online_is_no_proof(bench):
    assert bench.online() == []
    assert bench.turn(times=LONG) == [
        ReaderLost("entry", "no reply from address 5: check power, A and B, address and baud")
    ]
    assert bench.turn(times=LONG) == []
    assert bench.turn(replies=1) == [ReaderFound("entry")]
    assert bench.turn(replies=1, times=LONG) == []


def test_replies_in_a_session_that_libosdp_denies_are_no_proof(bench):
    bench.turn(replies=1, times=LONG - 4)
    assert [type(fact) for fact in bench.turn(replies=1, times=4)] == [ReaderLost]


def test_a_reader_that_is_back_in_time_was_never_lost(bench):
    assert bench.online() == []
    assert bench.turn(times=LONG - 4) == []
    assert bench.turn(replies=1) == []
    assert bench.turn(times=LONG - 4) == []


@pytest.mark.parametrize(
    ("code", "abilities", "why"),
    [
        (None, set(), "no reply from address 5: check power, A and B, address and baud"),
        (CCRYPT, set(), "refused: the reader has another key, or none yet"),
        (NAK, set(), "refused: the reader wants no secure channel"),
        (PDCAP, set(), "refused: the reader speaks in plain text only"),
        (PDCAP, {"CommunicationSecurity"}, "address 5 falls silent while a secure channel is made: check cable "
         "and termination"),
    ],
)  # fmt: skip
def test_why_there_is_no_channel_is_said(bench, code, abilities, why):
    bench.abilities = abilities
    assert bench.offline(code) == []
    heard = [fact for _ in range(LONG) for fact in bench.offline(code)]
    assert heard == [ReaderLost("entry", why)]


def test_a_reader_that_begins_to_answer_and_stops_is_said_to(bench):
    bench.turn()
    bench.last[5] = framed(reply(5, PDCAP))
    assert bench.turn(times=LONG) == [
        ReaderLost("entry", "address 5 falls silent while a secure channel is made: check cable and termination")
    ]


def test_a_channel_that_ended_is_no_refusal(bench):
    bench.online()
    bench.offline(NAK)
    assert bench.turn(times=LONG)[0].error.startswith("no reply")


def test_it_is_taken_up_again_at_once_but_not_all_the_time(bench):
    taken_up = []
    for _ in range(100):
        bench.offline(CCRYPT)
        if bench.disabled:
            taken_up.append(bench.now_s)
            bench.turn()
            assert not bench.disabled
    assert taken_up[0] == pytest.approx(100.0 + TURN_S)
    gaps = {round(later - sooner, 3) for sooner, later in pairwise(taken_up)}
    assert min(gaps) >= RETRY_S
    assert max(gaps) <= RETRY_S + 2 * TURN_S


def test_a_case_that_was_open_before_is_told_at_the_start_and_not_at_each_channel(bench):
    for told in ([ReaderTampered("entry", True)], []):
        bench.online()
        assert bench.sent == [bench.ask_tamper]
        bench.sent.clear()
        assert bench.turn(Tampered(True), replies=1) == told
        bench.offline()
    bench.online()
    assert bench.turn(Tampered(False), replies=1) == [ReaderTampered("entry", False)]


def test_a_sign_waits_for_room_but_not_for_the_reader(bench):
    bench.online()
    bench.sent.clear()
    bench.room = False
    bench.reader.accepted(1.0)
    bench.turn(replies=1)
    assert bench.sent == []
    bench.room = True
    bench.turn(replies=1)
    assert len(bench.sent) == 1
    bench.sent.clear()
    bench.offline()
    bench.reader.accepted(1.0)
    bench.turn()
    bench.online()
    assert bench.sent == [bench.ask_tamper]


def test_a_sign_takes_the_place_of_the_one_before_but_not_of_a_question(bench):
    bench.room = False
    bench.online()
    bench.reader.accepted(1.0)
    bench.turn(replies=1)
    bench.reader.refused(1.0)
    bench.turn(replies=1)
    bench.room = True
    bench.turn(replies=1)
    assert bench.sent[0] == bench.ask_tamper
    assert len(bench.sent) == 2


def test_a_lane_that_stays_open_does_not_beep_all_the_time(bench):
    bench.abilities |= {"AudibleControl"}
    bench.online()
    bench.sent.clear()
    for beeps in (1, 1, 1, 1):
        bench.reader.accepted(10 * TURN_S)
        bench.turn(replies=1, times=3)
        assert sum(command["command"] == BUZZER for command in bench.sent) == beeps
    bench.turn(replies=1, times=20)
    bench.reader.accepted(10 * TURN_S)
    bench.turn(replies=1)
    assert sum(command["command"] == BUZZER for command in bench.sent) == 2
    assert sum(command["command"] == LED for command in bench.sent) == 5


def test_a_command_that_was_lost_is_not_one_that_was_refused(bench):
    bench.online()
    bench.turn(Done(2, False))
    bench.offline(NAK)  # it has forgotten the channel
    bench.turn(Done(2, False))
    assert bench.reader.declined == set()
    bench.last[5] = framed(reply(5, NAK, block=b"\x02\x18"))
    bench.turn(Done(2, True))
    assert bench.reader.declined == set()
    bench.turn(Done(2, False))
    assert bench.reader.declined == {2}


def test_what_means_nothing_changes_nothing(bench):
    bench.online()
    assert bench.turn(Channel(True, False), replies=1) == []
    assert bench.turn(Card(32, bytes(4)), replies=1) == [CardRead("00000000", "entry")]


# --- the system's clock --------------------------------------------------------------------------


class Clocks:
    """Two clocks; ``busy_s`` passes between two looks at them."""

    def __init__(self):
        self.mono_s, self.wall_s, self.busy_s = 0.0, 1e9, 0.0

    def monotonic(self):
        return self.mono_s

    def system(self):
        self.pass_(self.busy_s)
        return self.wall_s

    def pass_(self, seconds, *, drift=0.0):
        self.mono_s += seconds
        self.wall_s += seconds * (1 + drift)


@pytest.mark.parametrize("step_s", [STEP_S + 0.1, -STEP_S - 0.1, 3600.0, -3600.0])
def test_a_step_is_noticed_once(step_s):
    clocks = Clocks()
    steps = Steps(clocks.monotonic, clocks.system)
    assert not steps.stepped()
    clocks.wall_s += step_s
    assert [steps.stepped(), steps.stepped()] == [True, False]


def test_a_clock_that_is_turned_gently_is_no_step():
    clocks = Clocks()
    steps = Steps(clocks.monotonic, clocks.system)
    for _ in range(1000):
        clocks.pass_(10.0, drift=500e-6)
        assert not steps.stepped()


def test_a_machine_that_is_too_busy_to_look_is_no_step_and_hides_none():
    clocks = Clocks()
    steps = Steps(clocks.monotonic, clocks.system)
    clocks.busy_s = 5.0
    assert not steps.stepped()
    clocks.wall_s += 3600.0
    assert not steps.stepped()
    clocks.busy_s = 0.0
    assert steps.stepped()
