"""May this card come in: the contract's reasons, in the contract's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.admission import RULES, Question, decide
from edge.site.contract import Booking, Mode, Pass, Reason

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
CARD = "a" * 26
CODE, OTHER_CODE = "b" * 26, "c" * 26
BOOKING = Booking(booking="B-1", card=CARD, zone="stacks-3")
PASS = Pass(card=CARD, role="staff", from_=NINE, until=NINE + timedelta(hours=9))

FINE = Question(
    mode=Mode.NORMAL,
    held=False,
    clock_set=True,
    caps_known=True,
    booked_today=True,
    session_open=True,
    booking=BOOKING,
    pass_=None,
    zone_closed=False,
    refused_health=frozenset({"missing", "blocked"}),
    code=None,
    codes_used_up=False,
    inside=False,
    passback="hard",
    lacking=(),
)
"""A booked reader against whom nothing speaks; each cause below changes one thing."""

NO_BOOKING = {Reason.UNKNOWN_CARD, Reason.CLOSED, Reason.WRONG_SESSION}
ALL = {reason: index for index, reason in enumerate(Reason)}


def with_booking(question: Question, **changes: object) -> Question:
    return replace(question, booking=(question.booking or BOOKING).model_copy(update=changes))


CAUSES: dict[Reason, Callable[[Question], Question]] = {
    Reason.LOCKDOWN: lambda q: replace(q, mode=Mode.LOCKDOWN),
    Reason.HELD: lambda q: replace(q, held=True),
    Reason.CLOCK_UNSET: lambda q: replace(q, clock_set=False),
    Reason.CAPS_UNKNOWN: lambda q: replace(q, caps_known=False),
    Reason.UNKNOWN_CARD: lambda q: replace(q, booked_today=False, booking=None),
    Reason.CLOSED: lambda q: replace(q, session_open=False, booking=None),
    Reason.WRONG_SESSION: lambda q: replace(q, booking=None),
    Reason.ZONE_CLOSED: lambda q: replace(q, zone_closed=True),
    Reason.HEALTH: lambda q: with_booking(q, health="missing"),
    Reason.WRONG_CODE: lambda q: with_booking(q, code=CODE),
    Reason.ALREADY_INSIDE: lambda q: replace(q, inside=True),
    Reason.ZONE_FULL: lambda q: replace(q, lacking=("stacks-3", *q.lacking)),
    Reason.BUILDING_FULL: lambda q: replace(q, lacking=(*q.lacking, "*")),
}


def because(question: Question, reason: Reason) -> Question:
    """The same question with a cause to refuse it for this reason."""
    return CAUSES[reason](question)


KNOWN = [rule.reason for rule in RULES]
"""Every reason that is known without measuring."""


# --- bookings -----------------------------------------------------------------------------------------


def test_a_booked_reader_against_whom_nothing_speaks_is_admitted() -> None:
    assert decide(FINE) is None


def test_the_rules_stand_in_the_order_of_the_contract() -> None:
    """All but the first (the queue's) and the last three (the measurement's, the camera's) are rules."""
    outside = {Reason.BUSY, Reason.TEMPERATURE_INVALID, Reason.FEVER, Reason.NO_MASK}
    assert [reason for reason in Reason if reason not in outside] == KNOWN


@pytest.mark.parametrize("reason", KNOWN)
def test_each_reason_refuses(reason: Reason) -> None:
    assert decide(because(FINE, reason)) == reason


@pytest.mark.parametrize(("earlier", "later"), list(combinations(KNOWN, 2)))
def test_of_two_reasons_the_earlier_is_said(earlier: Reason, later: Reason) -> None:
    """Built in both orders, so that neither cause hides the other by the way the question is made."""
    if earlier in NO_BOOKING and later in (Reason.HEALTH, Reason.WRONG_CODE):
        both = because(FINE, earlier)  # what speaks against a booking needs one
    else:
        both = because(because(FINE, later), earlier)
    assert decide(both) == earlier


@given(st.sets(st.sampled_from([reason for reason in KNOWN if reason not in NO_BOOKING]), min_size=1))
def test_of_many_reasons_the_first_is_said(reasons: set[Reason]) -> None:
    question = FINE
    for reason in reasons:
        question = because(question, reason)
    assert decide(question) == min(reasons, key=ALL.__getitem__)


def test_a_held_lane_refuses_like_a_held_card() -> None:
    assert decide(replace(FINE, mode=Mode.HELD)) == Reason.HELD


@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.MANUAL])
def test_a_manual_lane_still_looks_at_the_booking(mode: Mode) -> None:
    """The guard measures and admits, but whom is said by the same rules."""
    assert decide(replace(FINE, mode=mode)) is None
    assert decide(because(replace(FINE, mode=mode), Reason.UNKNOWN_CARD)) == Reason.UNKNOWN_CARD


@pytest.mark.parametrize("health", ["missing", "blocked"])
def test_the_site_says_which_health_it_refuses(health: str) -> None:
    ill = replace(FINE, booking=BOOKING.model_copy(update={"health": health}))
    assert decide(ill) == Reason.HEALTH
    assert decide(replace(ill, refused_health=frozenset({"missing", "blocked"}) - {health})) is None


@pytest.mark.parametrize(
    ("booked", "shown", "said"),
    [
        (None, None, None),
        (None, OTHER_CODE, None),
        (CODE, CODE, None),
        (CODE, None, Reason.WRONG_CODE),
        (CODE, OTHER_CODE, Reason.WRONG_CODE),
    ],
)
def test_a_booking_with_a_code_needs_that_code(booked: str | None, shown: str | None, said: Reason | None) -> None:
    question = replace(FINE, booking=BOOKING.model_copy(update={"code": booked}), code=shown)
    assert decide(question) == said


@pytest.mark.parametrize(("passback", "said"), [("off", None), ("soft", None), ("hard", Reason.ALREADY_INSIDE)])
def test_only_hard_passback_refuses(passback: Any, said: Reason | None) -> None:
    assert decide(replace(FINE, inside=True, passback=passback)) == said


def test_a_full_zone_is_said_before_a_full_building_in_whatever_order_they_lack() -> None:
    assert decide(replace(FINE, lacking=("*", "stacks-3"))) == Reason.ZONE_FULL
    assert decide(replace(FINE, lacking=("*",))) == Reason.BUILDING_FULL


# --- passes -------------------------------------------------------------------------------------------

STAFF = replace(FINE, booking=None, booked_today=False, pass_=PASS)
BOOKED_STAFF = replace(FINE, pass_=PASS)

SAID_TO_A_PASS = {
    Reason.LOCKDOWN: True,
    Reason.HELD: True,  # a hold is about the person
    Reason.CLOCK_UNSET: True,  # without a date nobody knows whether the pass holds
    Reason.CAPS_UNKNOWN: False,
    Reason.UNKNOWN_CARD: False,
    Reason.CLOSED: False,
    Reason.WRONG_SESSION: False,
    Reason.ZONE_CLOSED: True,
    Reason.HEALTH: False,  # of a booking, as is the code
    Reason.WRONG_CODE: False,
    Reason.ALREADY_INSIDE: True,
    Reason.ZONE_FULL: False,
    Reason.BUILDING_FULL: False,
}
"""Booking, session and cap do not apply to a pass; all else does."""

passes = pytest.mark.parametrize("holder", [STAFF, BOOKED_STAFF], ids=["no booking", "a booking too"])


@passes
def test_a_pass_lets_in_by_itself(holder: Question) -> None:
    """Counted apart, whatever is booked on the card beside it."""
    assert decide(holder) is None


@passes
@pytest.mark.parametrize("reason", KNOWN)
def test_what_is_said_to_the_holder_of_a_pass(holder: Question, reason: Reason) -> None:
    assert decide(because(holder, reason)) == (reason if SAID_TO_A_PASS[reason] else None)


@given(st.sets(st.sampled_from([reason for reason in KNOWN if reason not in NO_BOOKING])), st.booleans())
def test_the_holder_of_a_pass_too_is_told_the_first_reason(reasons: set[Reason], booked: bool) -> None:
    question = BOOKED_STAFF if booked else STAFF
    for reason in reasons:
        question = because(question, reason)
    said = [reason for reason in KNOWN if reason in reasons and SAID_TO_A_PASS[reason]]
    assert decide(question) == (said[0] if said else None)


def test_a_held_lane_refuses_a_pass_like_a_held_card() -> None:
    assert decide(replace(STAFF, mode=Mode.HELD)) == Reason.HELD


@pytest.mark.parametrize(("passback", "said"), [("off", None), ("soft", None), ("hard", Reason.ALREADY_INSIDE)])
def test_only_hard_passback_refuses_a_pass(passback: Any, said: Reason | None) -> None:
    assert decide(replace(STAFF, inside=True, passback=passback)) == said


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_CARD, Reason.CLOSED, Reason.WRONG_SESSION])
def test_without_booking_or_pass_nobody_is_admitted(reason: Reason) -> None:
    assert decide(replace(because(FINE, reason), pass_=None)) is not None


# --- whatever is asked ----------------------------------------------------------------------------------

questions = st.builds(
    Question,
    mode=st.sampled_from(Mode),
    held=st.booleans(),
    clock_set=st.booleans(),
    caps_known=st.booleans(),
    booked_today=st.booleans(),
    session_open=st.booleans(),
    booking=st.none() | st.builds(BOOKING.model_copy, update=st.just({})),
    pass_=st.none() | st.just(PASS),
    zone_closed=st.booleans(),
    refused_health=st.just(frozenset({"missing"})),
    code=st.none() | st.just(CODE),
    inside=st.booleans(),
    passback=st.sampled_from(["off", "soft", "hard"]),
    lacking=st.sampled_from([(), ("*",), ("stacks-3",), ("stacks-3", "*")]),
)


@given(questions)
def test_nobody_is_admitted_without_a_right_to_be_there(question: Question) -> None:
    """Whoever is admitted has a booking and a place, or a pass, on a day that is known and a lane that serves."""
    if decide(question) is None:
        assert question.clock_set
        assert not question.held
        assert not question.zone_closed
        assert question.mode not in (Mode.LOCKDOWN, Mode.HELD)
        if question.pass_ is None:
            assert question.booking is not None
            assert question.caps_known
            assert not question.lacking


@given(questions)
def test_a_refusal_names_a_rule_that_holds_and_none_before_it_does(question: Question) -> None:
    applying = [rule for rule in RULES if rule.for_pass or not question.by_pass]
    holding = [rule.reason for rule in applying if rule.holds(question)]
    assert decide(question) == next(iter(holding), None)
