"""Who is inside, as far as cards tell: for anti-passback, and to find a visit when its reader leaves.

Each gate keeps the visits it admitted and tells the others (topic ``inside``); a gate that sees a
foreign visit leave says so in its own ``left``, and the admitting gate forgets it. Best effort while
a gate is cut off.

A card counts as inside until it is seen leaving, and at the longest to the end of the session it was
admitted in: of the next one that day for who came before it opens, of the day for who came after the last.
Each card is told with its own session, so that nobody depends on when it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edge.gate.occupancy import PASSES
from edge.site import contract
from edge.site.contract import BUILDING

By = Literal["booking", "pass", "hand"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One admission, from the tap to the exit.

    Attributes:
        visit: random id.
        apart: counted apart, as holders of a pass are: it takes no reader's place.
        people: how many it takes places for.
        session: until whose end its card counts as inside, ``2026-03-09/am``, or the date where no session is to
            come; None while the clock was unset, which nothing would ever end.
        day: date of the admission, ``2026-03-09``; None while the clock was unset.
        came: how many of them were seen walking in, or are believed to have.
        measured: skin, ambient and estimate in Celsius as recorded, for a reopening.
    """

    visit: str
    card: str | None
    zone: str | None
    booking: str | None
    by: By
    apart: bool = False
    people: int = 1
    session: str | None = None
    day: str | None = None
    came: int = 0
    measured: Mapping[str, float | None] = field(default_factory=dict[str, float | None])

    @property
    def places(self) -> tuple[str, ...]:
        """The counters that it stands in."""
        if self.apart:
            return (PASSES,)
        return (BUILDING,) if self.zone is None else (self.zone, BUILDING)

    @property
    def to_come(self) -> int:
        """How many of them may still walk in."""
        return self.people - self.came


class Told:
    """What a gate told of its visits, less those whose card was seen leaving here since."""

    def __init__(self, inside: contract.Inside) -> None:
        self.cards = set(inside.cards)
        self.visits = dict(inside.visits)
        self._session = inside.session
        self._sessions = {card: session for session, cards in inside.sessions.items() for card in cards}
        self._groups = inside.groups
        self._apart = frozenset(inside.passes)

    def inside(self, card: str, session: str | None) -> bool:
        """Whether the card was told to be inside in this session, or without saying in which."""
        return card in self.cards and self._session_of(card) in (None, session)

    def lately(self, card: str) -> bool:
        """Whether the card came in the session that counted when this was told; of two visits this one is newer."""
        return card in self.cards and card not in self._sessions

    def visit(self, card: str) -> Visit:
        """The visit of one of its cards, as far as it was told."""
        visit, zone = self.visits[card]
        people, session = self._groups.get(card, 1), self._session_of(card)
        return Visit(
            visit=visit,
            card=card,
            zone=zone,
            booking=None,
            by="pass" if card in self._apart else "booking",
            apart=card in self._apart,
            people=people,
            session=session if card in self.cards else None,
            day=None if session is None else session.partition("/")[0],
            came=people,
        )

    def drop(self, card: str) -> None:
        """It was seen leaving."""
        del self.visits[card]
        self.cards.discard(card)

    def _session_of(self, card: str) -> str | None:
        return self._sessions.get(card, self._session)


class Visits:
    """The visits of one gate and what it knows of its neighbours'.

    Args:
        saved: the journal's keys under ``visit/`` and ``left/``, as `changes` gave them.

    Attributes:
        news: the neighbours do not know all yet; whoever tells them takes it back.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._own = {key[6:]: Visit(**row) for key, row in saved.items() if key.startswith("visit/")}
        self._left = {key[5:]: str(owner) for key, owner in saved.items() if key.startswith("left/")}
        self._by_card = {visit.card: visit for visit in self._own.values() if visit.card}
        self._elsewhere: dict[str, Told] = {}
        self._changed: dict[str, Any | None] = {}
        self.news = False

    # --- what is known ------------------------------------------------------------------------------

    def unfinished(self) -> list[Visit]:
        """Admitted, and not all of them seen walking through yet."""
        return [visit for visit in self._own.values() if visit.to_come > 0]

    def known(self, visit: Visit) -> bool:
        """Whether this very admission still stands, here."""
        return visit.visit in self._own

    def of_card(self, card: str) -> Visit | None:
        """The visit of this card that has not left, admitted here or else at a neighbour."""
        if card in self._by_card:
            return self._by_card[card]
        found = [told for told in self._elsewhere.values() if card in told.visits]
        best = max(found, key=lambda told: told.lately(card), default=None)
        return None if best is None else best.visit(card)

    def inside(self, card: str, session: str | None) -> bool:
        """Whether the card is inside in this session, here or at a neighbour."""
        own = self._by_card.get(card)
        if own is not None and session is not None and own.session == session:
            return True
        return any(told.inside(card, session) for told in self._elsewhere.values())

    # --- what happens -------------------------------------------------------------------------------

    def put(self, visit: Visit) -> None:
        """Remember an admission, or what became of it; an earlier visit of the card has ended unseen."""
        before = self._by_card.get(visit.card or "")
        if before is not None and before.visit != visit.visit:
            self.forget(before)
        known = self._own.get(visit.visit)
        # who walked in is nobody else's business
        self.news = self.news or known is None or replace(known, came=visit.came) != visit
        self._own[visit.visit] = visit
        if visit.card:
            self._by_card[visit.card] = visit
        # flat, so `asdict`, which copies all depths, would only take ten times as long
        self._changed[f"visit/{visit.visit}"] = {name: getattr(visit, name) for name in visit.__slots__}

    def forget(self, visit: Visit) -> None:
        """It left, or was never used."""
        self._own.pop(visit.visit, None)
        last = self._by_card.get(visit.card or "")
        if last is not None and last.visit == visit.visit:
            del self._by_card[last.card or ""]
        self._changed[f"visit/{visit.visit}"] = None
        self.news = True

    def withdraw(self, visit: Visit, people: int) -> None:
        """So many of a visit did not come in."""
        known = self._own.get(visit.visit)
        if known is not None and known.people > people:
            self.put(replace(known, people=known.people - people))
        elif known is not None:
            self.forget(known)

    def leave(self, card: str) -> Visit | None:
        """The card leaves here, and with it every visit that it stands for; the newest, or None if nobody knows any."""
        visit = self.of_card(card)
        if card in self._by_card:
            self.forget(self._by_card[card])
        self._saw_leaving(card)
        return visit

    def settle(self, zone: str | None, *, but: str | None = None) -> None:
        """Nobody is in the zone (None: in the building) by a person's word: forget its visits, here and there.

        ``but``: except for those who came in this session.
        """
        for visit in list(self._own.values()):
            if zone in (None, visit.zone) and (but is None or visit.session != but):
                self.forget(visit)
        for told in self._elsewhere.values():
            for card, (_, where) in list(told.visits.items()):
                if zone in (None, where) and (but is None or not told.inside(card, but)):
                    self._saw_leaving(card)

    def forget_days_before(self, today: str) -> None:
        """Whoever came on an earlier day and was not seen leaving has left all the same.

        Who came while nobody knew the date came today; whose day is still to come, by a clock that was set back.
        """
        for visit in list(self._own.values()):
            if visit.day is None:
                self.put(replace(visit, day=today))
            elif visit.day < today:
                self.forget(visit)

    # --- what gates tell each other -----------------------------------------------------------------

    def heard(self, device: str, inside: contract.Inside) -> None:
        """A neighbour's word; what was seen leaving here is not inside, whether it knows that yet or not."""
        self._elsewhere[device] = told = Told(inside)
        gone = {card: visit for card, (visit, _) in told.visits.items() if visit in self._left} if self._left else {}
        for card in gone:
            told.drop(card)
        listed = set(gone.values())
        for visit in [v for v, owner in self._left.items() if owner == device and v not in listed]:
            del self._left[visit]
            self._changed[f"left/{visit}"] = None
            self.news = True
        for visit in inside.left:
            if visit in self._own:
                self.forget(self._own[visit])

    def adopt(self, inside: contract.Inside) -> None:
        """Our own word from a journal that is lost: those visits are ours, if their cards have not come in since."""
        told = Told(inside)
        for card in told.visits:
            if card not in self._by_card:
                self.put(told.visit(card))
        gone = set(inside.left)
        for neighbour in self._elsewhere.values():
            for card in [card for card, (visit, _) in neighbour.visits.items() if visit in gone]:
                self._saw_leaving(card)

    def message(self, journal: str, session: str | None) -> contract.Inside:
        """What the topic ``inside`` says; ``session``: that of most cards, which need not be told for each."""
        carded = {visit.card: visit for visit in self._own.values() if visit.card}
        others: dict[str, list[str]] = {}
        for card, visit in carded.items():
            if visit.session not in (None, session):
                others.setdefault(visit.session, []).append(card)
        return contract.Inside.model_construct(
            journal=journal,
            session=session,
            sessions={other: tuple(cards) for other, cards in others.items()},
            cards=tuple(card for card, visit in carded.items() if visit.session is not None),
            visits={card: (visit.visit, visit.zone) for card, visit in carded.items()},
            groups={card: visit.people for card, visit in carded.items() if visit.people > 1},
            passes=tuple(card for card, visit in carded.items() if visit.apart),
            left=tuple(self._left),
        )

    def changes(self) -> dict[str, Any | None]:
        """What the journal must hold, since last asked."""
        changed, self._changed = self._changed, {}
        return changed

    def _saw_leaving(self, card: str) -> None:
        """A neighbour's visit left here: tell it, until it has forgotten the visit."""
        for device, told in self._elsewhere.items():
            if card in told.visits:
                visit, _ = told.visits[card]
                told.drop(card)
                self._left[visit] = device
                self._changed[f"left/{visit}"] = device
                self.news = True
