"""What lets a card in now: looked up here, for a tap and for a guard's word alike."""

from __future__ import annotations

from dataclasses import dataclass

from edge.gate.occupancy import PASSES
from edge.gate.state import GateState
from edge.gate.visits import By
from edge.runtime.step import Step
from edge.site.contract import BUILDING, Booking, Pass


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A pass, else a booking, else neither.

    Attributes:
        pass_: a pass that holds now; whatever is booked beside it does not matter.
        booking: the booking of a session whose readers may enter.
        session: until whose end the card would count as inside.
        session_open: whether readers of any session may enter.
    """

    pass_: Pass | None = None
    booking: Booking | None = None
    session: str | None = None
    session_open: bool = False

    @property
    def by(self) -> By:
        """What is recorded as the reason to admit."""
        return "booking" if self.pass_ is None else "pass"

    @property
    def zone(self) -> str | None:
        """The zone that is booked."""
        return None if self.booking is None else self.booking.zone

    @property
    def places(self) -> tuple[str, ...]:
        """The counters in which it takes a place; none where nothing lets in."""
        if self.pass_ is not None:
            return (PASSES,)
        return () if self.booking is None else (self.booking.zone, BUILDING)

    @property
    def people(self) -> int:
        """How many it lets in."""
        return 1 if self.booking is None else self.booking.people


def entitlement(gate: GateState, step: Step, card: str | None) -> Entitlement:
    """What lets this card in now; nothing does while the clock is unset, nor does no card."""
    wall, register = step.now.wall, gate.register
    if wall is None or card is None:
        return Entitlement(session=gate.stay(step))
    sessions = register.sessions(wall)
    pass_ = register.pass_(card, wall)
    booking, session = (None, None) if pass_ is not None else register.booking_now(card, sessions)
    return Entitlement(pass_, booking, session or gate.stay(step), bool(sessions))
