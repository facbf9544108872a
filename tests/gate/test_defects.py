"""A defect of the gate's own: what it does when something holds that cannot, and what is no concern of a reader."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from edge.assembly.gate import policy_of
from edge.gate.controller import Gate
from edge.gate.lane import State
from edge.gate.screening import ScreeningPolicy
from edge.gate.vocabulary import Lock, ReleasePressed, Unlock
from edge.runtime.station import Identity
from edge.runtime.vocabulary import CommitFailed, Delivered, Fact, Intent, LinkUp, Now, Publish, Started, TimerFired
from edge.site.contract import Mode
from tests.gate.stories.story import building

ZONE = timezone(timedelta(hours=8))
NINE = datetime(2026, 3, 9, 9, 0, tzinfo=ZONE)


@pytest.fixture
def gate() -> Gate:
    gate = Gate(
        Identity("demo", "north", "new", 1, 0, True, {}),
        key=b"key",
        zone=ZONE,
        policy=policy_of(building()),
        screening=ScreeningPolicy(),
        entrances=(),
        exit_beam=True,
        network_sizes=(),
        retention=timedelta(days=30),
        low_mb=200,
        new_id=lambda: "id",
    )
    take(gate, Started())
    return gate


def take(gate: Gate, fact: Fact) -> list[Intent]:
    return gate.handle(fact, Now(0.0, NINE))


def test_a_lane_that_does_not_know_what_it_does_is_shut(gate: Gate) -> None:
    gate.state.lane.state = State.CHECKING
    intents = take(gate, LinkUp(resumed=True))
    assert Lock() in intents
    assert gate.state.lane.state is State.IDLE
    assert "invariant_broken" in gate.state.alerts.active


def test_unless_it_is_released_then_it_opens(gate: Gate) -> None:
    gate.state.lane.causes["fire"] = Mode.RELEASED
    take(gate, LinkUp(resumed=True))
    gate.state.lane.state = State.IDLE
    intents = take(gate, LinkUp(resumed=True))
    assert any(isinstance(intent, Unlock) for intent in intents)
    assert Lock() not in intents
    assert gate.state.lane.state is State.RELEASED


def test_while_the_lane_is_released_the_button_opens_it_whatever_it_believes(gate: Gate) -> None:
    gate.state.lane.causes["release"] = Mode.RELEASED
    take(gate, LinkUp(resumed=True))
    assert any(isinstance(intent, Unlock) for intent in take(gate, ReleasePressed()))


def test_a_history_that_cannot_be_read_fails_no_admission(gate: Gate) -> None:
    gate.state.lane.state = State.RECORDING
    take(gate, CommitFailed(0, "the history cannot be read"))
    assert gate.state.lane.state is State.RECORDING


def test_what_only_the_wire_needs_to_know_moves_no_lane(gate: Gate) -> None:
    assert take(gate, Delivered(1)) == []


def test_but_an_alert_that_only_its_timer_raises_is_shown_at_the_lane_at_once(gate: Gate) -> None:
    gate.handle(LinkUp(resumed=True), Now(1.0, None))
    shown = gate.handle(TimerFired("alert/clock_unset"), Now(6.0, None))
    lanes = [intent for intent in shown if isinstance(intent, Publish) and intent.topic == "gatehouse/demo/lanes/north"]
    assert [b"clock_unset" in lane.payload for lane in lanes] == [True]
