"""The way out. Nobody is ever asked, delayed or refused here; leaving is only counted.

A card at the exit reader says who leaves, the beam that somebody does. Where there is no beam, or it
does not work, the card alone counts. Several who came in on one card leave on it: the card is tapped
once, and whoever follows through the beam without a card of their own is of that group, up to as many
as came in. Without the beam each of them taps.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from edge.gate.occupancy import PASSES
from edge.gate.passage import BEAM_GAP_S
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.gate.vocabulary import BeamBroken, BeamCleared
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, SetTimer
from edge.site.contract import BUILDING, AlertKind

CARD_S = 10.0
"""A card tapped at the exit belongs to the next person through the beam for so long, seconds; a group that leaves
on it to the next one after each of them. Tapped again where no beam counts, it is the same person for so long."""
BLOCKED = "exit beam blocked"
AT_ONCE = 8
"""Cards that may wait for the beam, and groups that may be on their way; the ninth displaces the first."""


@dataclass(slots=True)
class Exits:
    """Counts who leaves through one lane."""

    gate: GateState
    has_beam: bool
    blocked: bool = False
    _cards: dict[str, float] = field(default_factory=dict[str, float])
    _groups: dict[str, tuple[Visit, float]] = field(default_factory=dict[str, tuple[Visit, float]])
    _last: tuple[str | None, float] = (None, -1e9)
    _cleared_s: float = -1e9

    def start(self, step: Step) -> None:
        """After a start: whoever stands in the beam now was counted before."""
        self._cleared_s = step.now.mono_s

    def card(self, step: Step, card: str) -> None:
        """A card was tapped at the exit reader."""
        self._forget_late(step)
        if self.has_beam and not self.blocked:
            self._cards.setdefault(card, step.now.mono_s)
            _limit(self._cards)
        elif not self._just_left(step, card):
            self._leave(step, card)

    def beam_broken(self, step: Step, _: BeamBroken) -> None:
        """Somebody walks out."""
        step.do(SetTimer(BLOCKED, self.gate.policy.held_open_s))
        if step.now.mono_s - self._cleared_s >= BEAM_GAP_S:
            self._forget_late(step)
            self._leave(step, next(iter([*self._cards, *self._groups]), None))

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
            for card in list(self._cards):
                self._leave(step, card)
        return name == BLOCKED

    def _forget_late(self, step: Step) -> None:
        """Whoever has not come through by now has turned back."""
        since_s = step.now.mono_s - CARD_S
        self._cards = {card: at_s for card, at_s in self._cards.items() if at_s >= since_s}
        self._groups = {card: (rest, at_s) for card, (rest, at_s) in self._groups.items() if at_s >= since_s}

    def _just_left(self, step: Step, card: str) -> bool:
        """Whether a tap that no beam confirms is that of the person before."""
        last, at_s = self._last
        known = card in self._groups or self.gate.visits.of_card(card) is not None
        return card == last and step.now.mono_s - at_s <= CARD_S and not known

    def _leave(self, step: Step, card: str | None) -> None:
        gate = self.gate
        visit = None if card is None else self._visit(step, card)
        zone, places = self._by_the_books(step, card) if visit is None else (visit.zone, visit.places)
        counted = [place for place in places if place == PASSES or self._anybody(place)]
        gate.occupancy.leave(counted)
        if len(counted) < len(places):
            gate.alerts.incident(step, AlertKind.COUNT_DOUBT, "exit", lane=gate.device, zone=zone)
        data = {"visit": None if visit is None else visit.visit, "card": card, "zone": zone, "lane": gate.device}
        step.event("visit.exited", data)
        gate.exchange.pass_on(up=gate.synced)

    def _visit(self, step: Step, card: str) -> Visit | None:
        """The visit on which somebody leaves with this card; it leaves with the first, who may follow is noted."""
        self._last = card, step.now.mono_s
        self._cards.pop(card, None)
        rest, _ = self._groups.pop(card, (None, 0.0))
        visit = self.gate.visits.leave(card) or rest
        if visit is not None and visit.people > 1:
            self._groups[card] = replace(visit, people=visit.people - 1), step.now.mono_s
            _limit(self._groups)
        return visit

    def _anybody(self, place: str) -> bool:
        """Whether the count allows that somebody leaves; cut off from the others we cannot tell, and believe it."""
        return not self.gate.synced or self.gate.occupancy.inside(place) > 0

    def _by_the_books(self, step: Step, card: str | None) -> tuple[str | None, tuple[str, ...]]:
        """Zone and counters of whoever leaves without a visit: today's pass or bookings may say where the card was."""
        wall, register = step.now.wall, self.gate.register
        if card is None or wall is None:
            return None, (BUILDING,)
        if register.pass_(card, wall) is not None:
            return None, (PASSES,)
        for booking in register.booked(card, wall).values():
            if self._anybody(booking.zone):
                return booking.zone, (booking.zone, BUILDING)
        return None, (BUILDING,)


def _limit(queue: dict[str, Any]) -> None:
    """Drop the oldest of too many."""
    if len(queue) > AT_ONCE:
        del queue[next(iter(queue))]
