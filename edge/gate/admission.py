"""May this card come in? Every reason for a no stands here, in the order in which it is given.

`RULES` holds what can be known without measuring; it is said at once. A booking's holder is refused by
the first rule that holds. A pass (staff, visitors) needs no booking, no session and no place, and lets in
by itself: whatever is booked on its card beside it does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, Literal

from edge.site.contract import BUILDING, Booking, Mode, Pass, Reason

PassbackPolicy = Literal["off", "soft", "hard"]

FULL: Final = (Reason.ZONE_FULL, Reason.BUILDING_FULL)
"""Reasons that a neighbour's right takes away."""


def full(lacking: Collection[str]) -> Reason | None:
    """Which of `FULL` it is where rights are lacking in these zones; None where none is."""
    if not lacking:
        return None
    return Reason.BUILDING_FULL if set(lacking) == {BUILDING} else Reason.ZONE_FULL


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a decision rests on.

    Attributes:
        mode: the lane's mode.
        held: the card is held at every gate until a contact thermometer clears it.
        clock_set: whether the date can be trusted.
        caps_known: caps received, and for a booking the keeper's grants too.
        booked_today: the card has a booking today, whatever its session.
        session_open: a session is open, or opens within the early-entry time.
        booking: the booking for that session.
        pass_: a pass that holds now.
        zone_closed: the booking's zone is closed; of a pass for some zones only, all of them are.
        refused_health: values of the booking's health that the site refuses.
        code: token of the code that was shown with the tap; None for none.
        codes_used_up: the card was tried with too many wrong ones lately.
        inside: the card is already inside in this session.
        passback: what the site does about that.
        lacking: zones in which this gate holds no right, `BUILDING` among them.
    """

    mode: Mode
    held: bool
    clock_set: bool
    caps_known: bool
    booked_today: bool
    session_open: bool
    booking: Booking | None
    pass_: Pass | None
    zone_closed: bool
    refused_health: frozenset[str]
    code: str | None
    codes_used_up: bool
    inside: bool
    passback: PassbackPolicy
    lacking: tuple[str, ...]

    @property
    def by_pass(self) -> bool:
        """Whether a pass lets in, and no booking has to."""
        return self.pass_ is not None

    @property
    def code_needed(self) -> bool:
        """Whether the booking carries a code."""
        return self.booking is not None and self.booking.code is not None

    @property
    def code_right(self) -> bool:
        """Whether the booking's code was shown."""
        return self.booking is not None and self.code is not None and compare_digest(self.booking.code or "", self.code)


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason and when it holds; ``for_pass``: it also refuses the holder of a pass."""

    reason: Reason
    holds: Callable[[Question], bool]
    for_pass: bool = False


RULES: tuple[Rule, ...] = (
    Rule(Reason.LOCKDOWN, lambda q: q.mode is Mode.LOCKDOWN, for_pass=True),
    Rule(Reason.HELD, lambda q: q.mode is Mode.HELD or q.held, for_pass=True),
    Rule(Reason.CLOCK_UNSET, lambda q: not q.clock_set, for_pass=True),
    Rule(Reason.CAPS_UNKNOWN, lambda q: not q.caps_known),
    Rule(Reason.UNKNOWN_CARD, lambda q: not q.booked_today),
    Rule(Reason.CLOSED, lambda q: not q.session_open),
    Rule(Reason.WRONG_SESSION, lambda q: q.booking is None),
    Rule(Reason.ZONE_CLOSED, lambda q: q.zone_closed, for_pass=True),
    Rule(Reason.HEALTH, lambda q: q.booking is not None and q.booking.health in q.refused_health),
    Rule(Reason.WRONG_CODE, lambda q: q.code_needed and (q.codes_used_up or not q.code_right)),
    Rule(Reason.ALREADY_INSIDE, lambda q: q.inside and q.passback == "hard", for_pass=True),
    Rule(Reason.ZONE_FULL, lambda q: full(q.lacking) is Reason.ZONE_FULL),
    Rule(Reason.BUILDING_FULL, lambda q: full(q.lacking) is Reason.BUILDING_FULL),
)


def decide(question: Question) -> Reason | None:
    """Apply the rules in their order: the first that holds, or None where nothing speaks against the card."""
    return next(
        (rule.reason for rule in RULES if (rule.for_pass or not question.by_pass) and rule.holds(question)), None
    )
