"""The way out. Nobody is ever asked, delayed or refused here; leaving is only counted.

A card at the exit reader says who leaves, the beam that somebody does. Where there is no beam, or it is
blind, the card alone counts. Several who came in on one card leave on it: the card is tapped once, and
whoever follows through the beam without a card of their own is of that group, up to as many as came in.
Without the beam each of them taps.

A beam is blind while it is broken for too long, and after it was silent for card after card. The card of
a visit that no beam answers has left all the same; a break that no card explains was somebody only if it
ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.gate.occupancy import PASSES
from edge.gate.part import Part
from edge.gate.passage import BEAM_GAP_S
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.gate.vocabulary import BeamBroken, BeamCleared
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, Fact, SetTimer
from edge.site.contract import BUILDING, AlertKind

CARD_S = 10.0
"""A card tapped at the exit belongs to the next person through the beam for so long, seconds; a group that leaves
on it to the next one after each of them. Whoever was counted without a beam may still break it for so long."""
UNANSWERED = 3
"""So many visits' cards in a row that no beam answered: it is blind until it breaks."""
AT_ONCE = 8
"""Cards that may wait for the beam, groups that may be on their way, people without a beam who are remembered: the
ninth displaces the first."""
BLOCKED, UNANSWERED_CARD = "exit beam blocked", "exit card"


@dataclass(slots=True)
class Exits(Part):
    """Counts who leaves through one lane."""

    gate: GateState
    has_beam: bool
    _blocked: bool = False
    _unanswered: int = 0
    _in_beam: bool = False
    _cards: list[str] = field(default_factory=list[str])
    _groups: dict[str, tuple[Visit, float]] = field(default_factory=dict[str, tuple[Visit, float]])
    _unseen: list[tuple[str | None, float]] = field(default_factory=list[tuple[str | None, float]])
    _cleared_s: float = -1e9

    @property
    def blind(self) -> bool:
        """Whether the card alone counts."""
        return not self.has_beam or self._blocked or self._unanswered >= UNANSWERED

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """The exit beam."""
        return {BeamBroken: self.beam_broken, BeamCleared: self.beam_cleared}

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """The beam does not clear, or does not break."""
        return {BLOCKED: self._stays_broken, UNANSWERED_CARD: self._no_answer}

    def start(self, step: Step) -> None:
        """After a start: whoever stands in the beam now was counted before."""
        self._cleared_s = step.now.mono_s

    # --- facts ----------------------------------------------------------------------------------------

    def card(self, step: Step, card: str) -> None:
        """A card was tapped at the exit reader."""
        self._forget_late(step)
        if self.blind:
            self._leave_unseen(step, card)
        elif self._in_beam:
            self._in_beam = False
            self._leave(step, card)
        elif card not in self._cards:
            self._cards.append(card)
            step.do(SetTimer(f"{UNANSWERED_CARD}/{card}", CARD_S))
            if len(self._cards) > AT_ONCE:
                self._no_answer(step, self._cards[0])

    def beam_broken(self, step: Step, fact: BeamBroken) -> None:
        """Somebody walks out, or the wire is cut."""
        if fact.side != "exit":
            return
        step.do(SetTimer(BLOCKED, self.gate.policy.held_open_s))
        self._unanswered = 0
        self._judge(step)
        if step.now.mono_s - self._cleared_s < BEAM_GAP_S:
            return
        self._forget_late(step)
        card = next(iter([*sorted(self._cards, key=lambda card: not self._known(card)), *self._groups]), None)
        if card is not None:
            self._leave(step, card)
        else:
            self._in_beam = not self._was_counted(step)

    def beam_cleared(self, step: Step, fact: BeamCleared) -> None:
        """The exit beam is free: whoever broke it without a card is out."""
        if fact.side != "exit":
            return
        if self._in_beam:
            self._in_beam = False
            self._leave(step, None)
        self._cleared_s = step.now.mono_s
        self._blocked = False
        step.do(CancelTimer(BLOCKED))
        self._judge(step)

    # --- a beam that does not work ----------------------------------------------------------------------

    def _stays_broken(self, step: Step, _: str) -> None:
        """The beam does not clear."""
        self._blocked, self._in_beam = True, False
        self._judge(step)

    def _no_answer(self, step: Step, card: str) -> None:
        """No beam answers a card. That of a visit has left all the same; whose it else is, nobody can know."""
        if card not in self._cards:
            return
        if self._known(card):
            self._unanswered += 1
            self._leave_unseen(step, card, assumed=True)
        else:
            self._cards.remove(card)
        self._judge(step)

    def _judge(self, step: Step) -> None:
        """Where the beam is blind, nobody need wait for it."""
        faulty = self.has_beam and self.blind
        self.gate.alerts.condition(step, AlertKind.LANE_FAULT, faulty, "exit-beam", lane=self.gate.device)
        while faulty and self._cards:
            self._leave_unseen(step, self._cards[0])

    def _leave_unseen(self, step: Step, card: str, *, assumed: bool = False) -> None:
        """Somebody leaves by the card alone; they may still break the beam, or turn back and tap again."""
        self._leave(step, card, assumed=assumed)
        self._unseen = [*self._unseen, (None if card in self._groups else card, step.now.mono_s)][-AT_ONCE:]

    def _was_counted(self, step: Step) -> bool:
        """Whether it is somebody's beam who was counted without it a moment ago."""
        for person in self._unseen:
            if step.now.mono_s - person[1] <= CARD_S:
                self._unseen.remove(person)
                return True
        return False

    # --- leaving ----------------------------------------------------------------------------------------

    def _known(self, card: str) -> bool:
        """Whether somebody inside would leave on this card."""
        return card in self._groups or self.gate.visits.of_card(card) is not None

    def _forget_late(self, step: Step) -> None:
        """Whoever of a group has not come through by now stays."""
        since_s = step.now.mono_s - CARD_S
        self._groups = {card: (rest, at_s) for card, (rest, at_s) in self._groups.items() if at_s >= since_s}

    def _leave(self, step: Step, card: str | None, *, assumed: bool = False) -> None:
        gate = self.gate
        visit = None if card is None else self._visit(step, card)
        if card is not None:
            counted_before = any(card == before for before, _ in self._unseen)
            self._unseen = [person for person in self._unseen if person[0] != card]
            if visit is None and counted_before:
                return
        zone, places = self._by_the_books(step, card) if visit is None else (visit.zone, visit.places)
        counted = [place for place in places if place == PASSES or self._anybody(place)]
        gate.occupancy.leave(counted)
        if len(counted) < len(places):
            gate.alerts.incident(step, AlertKind.COUNT_DOUBT, "exit", lane=gate.device, zone=zone)
        data = {"visit": None if visit is None else visit.visit, "card": card, "zone": zone, "lane": gate.device}
        step.event("visit.exited", {**data, "assumed": True} if assumed else data)

    def _visit(self, step: Step, card: str) -> Visit | None:
        """The visit on which somebody leaves with this card; it leaves with the first, who may follow is noted."""
        if card in self._cards:
            self._cards.remove(card)
            step.do(CancelTimer(f"{UNANSWERED_CARD}/{card}"))
        rest, _ = self._groups.pop(card, (None, 0.0))
        visit = self.gate.visits.leave(card, step.now.wall) or rest
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
        if card is not None and register.had_pass(card, wall):
            return None, (PASSES,)
        if card is None or wall is None:
            return None, (BUILDING,)
        for booking in register.booked(card, wall).values():
            if self._anybody(booking.zone):
                return booking.zone, (booking.zone, BUILDING)
        return None, (BUILDING,)


def _limit(queue: dict[str, Any]) -> None:
    """Drop the oldest of too many."""
    if len(queue) > AT_ONCE:
        del queue[next(iter(queue))]
