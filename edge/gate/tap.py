"""A tap, and everything that the decision about it rests on, gathered from what the gate knows."""

from __future__ import annotations

from dataclasses import dataclass

from edge.gate.admission import Question
from edge.gate.occupancy import PASSES
from edge.gate.state import GateState
from edge.gate.visits import By, Visit
from edge.runtime.step import Step
from edge.site.contract import BUILDING, Booking


@dataclass(slots=True)
class Tap:
    """A card on its way through the checks; from `by` on it is filled in by `question` and by the reception.

    Attributes:
        code: token of the code shown with it.
        phone: the UID is one of those that phones make up.
        booking: what it is admitted by; None with a pass.
        session: until whose end it would count as inside.
        zones: where a right is needed.
        rights_until_s: neighbours are asked for rights until then (monotonic).
        reopens: an unused visit of this card.
    """

    card: str
    at_s: float
    code: str | None = None
    phone: bool = False
    by: By = "booking"
    booking: Booking | None = None
    session: str | None = None
    zones: tuple[str, ...] = ()
    people: int = 1
    rechecking: bool = False
    rights_until_s: float | None = None
    reopens: Visit | None = None


def question(gate: GateState, step: Step, tap: Tap) -> Question:
    """Everything that the decision rests on; notes in the tap what it is admitted by."""
    wall, register = step.now.wall, gate.register
    sessions = () if wall is None else register.sessions(wall)
    pass_ = None if wall is None else register.pass_(tap.card, wall)
    booking, session = (None, None) if pass_ is not None else register.booking_now(tap.card, sessions)
    tap.booking, tap.session = booking, session or gate.stay(step)
    if pass_ is not None:
        tap.by, tap.zones = "pass", (PASSES,)
    elif booking is not None:
        tap.by, tap.zones, tap.people = "booking", (booking.zone, BUILDING), booking.people
    counted = tap.reopens is not None and gate.visits.known(tap.reopens)
    return Question(
        mode=gate.lane.mode,
        held=tap.card in register.holds,
        clock_set=wall is not None,
        caps_known=register.caps is not None and not gate.exchange.unknown(tap.zones),
        booked_today=wall is not None and bool(register.booked(tap.card, wall)),
        session_open=bool(sessions),
        booking=booking,
        pass_=pass_,
        zone_closed=_nowhere_to_go(gate, booking.zone if booking else None, pass_.zones if pass_ else None),
        refused_health=gate.policy.refuse_health,
        code=tap.code,
        inside=not counted and gate.visits.inside(tap.card, tap.session),
        passback=gate.policy.anti_passback,
        lacking=() if counted else tuple(gate.occupancy.missing(tap.zones, tap.people)),
    )


def _nowhere_to_go(gate: GateState, booked: str | None, passed: tuple[str, ...] | None) -> bool:
    """Whether every zone that the card is for is closed; a pass for all zones is for the house."""
    zones = passed if booked is None else (booked,)
    return zones is not None and all(zone in gate.register.closed for zone in zones)
