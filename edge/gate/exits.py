"""The way out. Nobody is ever asked, delayed or refused here; leaving is only counted.

A card at the exit reader says who leaves, the beam that somebody does. Where there is no beam, or it
does not work, the card alone counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge.gate.occupancy import PASSES
from edge.gate.passage import BEAM_GAP_S, Passage
from edge.gate.state import GateState
from edge.gate.vocabulary import BeamBroken, BeamCleared
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, SetTimer
from edge.site.contract import BUILDING, AlertKind

CARD_S = 10.0
"""A card tapped at the exit belongs to the next person through the beam for so long, seconds."""
BLOCKED = "exit beam blocked"
AT_ONCE = 8
"""Cards that may wait for the beam; the ninth displaces the first."""


@dataclass(slots=True)
class Exits:
    """Counts who leaves through one lane."""

    gate: GateState
    passage: Passage
    has_beam: bool
    blocked: bool = False
    _cards: deque[tuple[str, float]] = field(default_factory=lambda: deque[tuple[str, float]](maxlen=AT_ONCE))
    _cleared_s: float = -1e9

    def start(self, step: Step) -> None:
        """After a start: whoever stands in the beam now was counted before."""
        self._cleared_s = step.now.mono_s

    def card(self, step: Step, card: str) -> None:
        """A card was tapped at the exit reader."""
        if not self.has_beam or self.blocked:
            self._leave(step, card)
        elif card not in [waiting for waiting, _ in self._cards]:
            self._cards.append((card, step.now.mono_s))

    def beam_broken(self, step: Step, _: BeamBroken) -> None:
        """Somebody walks out."""
        step.do(SetTimer(BLOCKED, self.gate.policy.held_open_s))
        if step.now.mono_s - self._cleared_s >= BEAM_GAP_S:
            while self._cards and step.now.mono_s - self._cards[0][1] > CARD_S:
                self._cards.popleft()
            self._leave(step, self._cards.popleft()[0] if self._cards else None)

    def beam_cleared(self, step: Step, _: BeamCleared) -> None:
        """The exit beam is free."""
        self._cleared_s = step.now.mono_s
        self.blocked = False
        step.do(CancelTimer(BLOCKED))
        self.gate.alerts.condition(step, AlertKind.LANE_FAULT, False, "exit-beam")

    def timer(self, step: Step, name: str) -> bool:
        """The beam does not clear; False if the timer is not ours."""
        if name == BLOCKED:
            self.blocked = True
            self.gate.alerts.condition(step, AlertKind.LANE_FAULT, True, "exit-beam", lane=self.gate.device)
            for card, _ in self._cards:
                self._leave(step, card)
            self._cards.clear()
        return name == BLOCKED

    def _leave(self, step: Step, card: str | None) -> None:
        visit, zone, places = self._who(step, card)
        counted = [place for place in places if place == PASSES or self._anybody(place)]
        self.gate.occupancy.leave(counted)
        if len(counted) < len(places):
            self.gate.alerts.incident(step, AlertKind.COUNT_DOUBT, "exit", lane=self.gate.device, zone=zone)
        step.event("visit.exited", {"visit": visit, "card": card, "zone": zone, "lane": self.gate.device})
        self.gate.exchange.pass_on(up=self.gate.synced)

    def _anybody(self, place: str) -> bool:
        """Whether the count allows that somebody leaves; cut off from the others we cannot tell, and believe it."""
        return not self.gate.synced or self.gate.occupancy.inside(place) > 0

    def _who(self, step: Step, card: str | None) -> tuple[str | None, str | None, tuple[str, ...]]:
        """Visit, zone and counters of whoever leaves."""
        if card is None:
            return None, None, (BUILDING,)
        gate = self.gate
        own = gate.visits.of_card(card)
        if own is not None:
            gate.visits.forget(own)
            gate.inside_changed = True
            return own.visit, own.zone, self.passage.places(own)
        elsewhere = gate.visits.elsewhere(card)
        if elsewhere is not None:
            gate.visits.saw_leaving(card)
            gate.inside_changed = True
            visit, zone = elsewhere
            if zone is not None:
                return visit, zone, (zone, BUILDING)
            by_pass = step.now.wall is not None and gate.register.pass_(card, step.now.wall) is not None
            return visit, None, (PASSES,) if by_pass else (BUILDING,)
        return self._by_the_books(step, card)

    def _by_the_books(self, step: Step, card: str) -> tuple[str | None, str | None, tuple[str, ...]]:
        """No gate told of a visit: the card's bookings or pass of today may say where it was."""
        wall, register = step.now.wall, self.gate.register
        if wall is not None:
            for booking in register.booked(card, wall).values():
                if self._anybody(booking.zone):
                    return None, booking.zone, (booking.zone, BUILDING)
            if register.pass_(card, wall) is not None:
                return None, None, (PASSES,)
        return None, None, (BUILDING,)
