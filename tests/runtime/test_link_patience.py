"""When a link tries again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.link.patience import Patience
from edge.runtime.link.terms import How


def patient(chance: float = 1.0) -> Patience:
    return Patience(0.5, 30.0, lambda: chance)


def test_pauses_double_up_to_the_longest() -> None:
    patience = patient()
    pauses: list[float] = []
    for _ in range(9):
        patience.failed()
        pauses.append(patience.pause_s())
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@given(st.integers(0, 2000), st.floats(0.0, 1.0))
def test_a_pause_is_spread_and_bounded(failures: int, chance: float) -> None:
    patience = patient(chance)
    for _ in range(failures):
        patience.failed()
    assert 0.25 <= patience.pause_s() <= 30.0


def test_a_good_connection_makes_the_next_pause_short() -> None:
    patience = patient()
    for _ in range(5):
        patience.failed()
    patience.ended(100.0, up_for_s=3600.0, how=How.HUNG_UP)
    assert patience.pause_s() == 0.5
    assert not patience.contested


def test_a_connection_that_falls_at_once_does_not() -> None:
    patience = patient()
    for moment in range(4):
        patience.ended(float(moment), up_for_s=0.1, how=How.FAILED)
    assert patience.pause_s() == 4.0
    assert not patience.contested  # the network fails, the broker does not throw us out


def test_three_ends_by_the_broker_within_half_a_minute_are_a_contest() -> None:
    patience = patient()
    patience.ended(0.0, up_for_s=0.5, how=How.HUNG_UP)
    patience.ended(20.0, up_for_s=0.5, how=How.HUNG_UP)
    assert not patience.contested
    patience.ended(30.0, up_for_s=0.5, how=How.HUNG_UP)
    assert patience.contested


@pytest.mark.parametrize("up_for_s", [0.5, 3600.0])
def test_a_broker_that_says_so_needs_to_say_so_only_once(up_for_s: float) -> None:
    patience = patient()
    patience.ended(10_000.0, up_for_s, How.TAKEN_OVER)
    assert patience.contested
    assert patience.pause_s() == 0.5
    patience.ended(10_030.0, up_for_s=29.0, how=How.FAILED)
    assert patience.contested
    patience.ended(10_100.0, up_for_s=60.0, how=How.FAILED)
    assert not patience.contested


def test_ends_far_apart_are_none() -> None:
    patience = patient()
    for moment in (0.0, 16.0, 32.0, 48.0):
        patience.ended(moment, up_for_s=10.0, how=How.HUNG_UP)
    assert not patience.contested


def test_a_contest_lasts_until_a_connection_outlives_the_rivals_longest_pause() -> None:
    patience = patient()
    for moment in range(3):
        patience.ended(float(moment), up_for_s=0.5, how=How.HUNG_UP)
    patience.ended(60.0, up_for_s=45.0, how=How.HUNG_UP)  # the rival was in its pause
    assert patience.contested
    assert patience.pause_s() == 4.0
    patience.ended(200.0, up_for_s=60.0, how=How.HUNG_UP)
    assert not patience.contested
    assert patience.pause_s() == 0.5
