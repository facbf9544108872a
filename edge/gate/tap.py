"""A tap, and everything that the decision about it rests on, gathered from what the gate knows."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.gate.admission import Question
from edge.gate.entitlement import Entitlement, entitlement
from edge.gate.places import lacking
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.runtime.step import Step


@dataclass(slots=True)
class Tap:
    """A card on its way through the checks.

    Attributes:
        code: token of the code shown with it.
        phone: the UID is one of those that phones make up.
        entitled: what lets it in; filled in by `question`.
        asked_in: the step in which nothing spoke against it.
        rechecking: the first measurement was suspect.
        rights_until_s: neighbours are asked for rights until then (monotonic).
        reopens: an unused visit of this card.
    """

    card: str
    code: str | None = None
    phone: bool = False
    entitled: Entitlement = field(default_factory=Entitlement)
    asked_in: Step | None = None
    rechecking: bool = False
    rights_until_s: float | None = None
    reopens: Visit | None = None


def question(gate: GateState, step: Step, tap: Tap) -> Question:
    """Everything that the decision rests on; notes in the tap what lets it in."""
    wall, register = step.now.wall, gate.register
    tap.entitled = entitled = entitlement(gate, step, tap.card)
    return Question(
        mode=gate.lane.mode,
        held=tap.card in register.holds,
        clock_set=wall is not None,
        caps_known=register.caps is not None and not gate.exchange.unknown(entitled.places),
        booked_today=wall is not None and bool(register.booked(tap.card, wall)),
        session_open=entitled.session_open,
        booking=entitled.booking,
        pass_=entitled.pass_,
        zone_closed=_nowhere_to_go(gate, entitled),
        refused_health=gate.policy.refuse_health,
        code=tap.code,
        codes_used_up=gate.codes.used_up(tap.card, step.now.mono_s),
        inside=not counted(gate, tap) and gate.visits.inside(tap.card, entitled.session),
        passback=gate.policy.anti_passback,
        lacking=tuple(lacks(gate, tap)),
    )


def counted(gate: GateState, tap: Tap) -> bool:
    """Whether it reopens a visit whose places are still taken."""
    return tap.reopens is not None and gate.visits.known(tap.reopens)


def lacks(gate: GateState, tap: Tap) -> list[str]:
    """Where there is no place for it now."""
    if counted(gate, tap):
        return []
    entitled = tap.entitled
    return lacking(gate, entitled.places, entitled.people, card=tap.card, session=entitled.session)


def _nowhere_to_go(gate: GateState, entitled: Entitlement) -> bool:
    """Whether every zone that the card is for is closed; a pass for all zones is for the house."""
    zones = None if entitled.pass_ is None else entitled.pass_.zones
    if entitled.zone is not None:
        zones = (entitled.zone,)
    return zones is not None and all(zone in gate.register.closed for zone in zones)
