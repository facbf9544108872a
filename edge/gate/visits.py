"""Who is inside, as far as cards tell: for anti-passback, and to find a visit when its reader leaves.

Each gate keeps the visits it admitted and tells the others (topic ``inside``); a gate that sees a
foreign visit leave says so in its own ``left``, and the admitting gate forgets it; where it had not heard
of the visit yet, it says in ``gone`` which card left, and when. Best effort while a gate is cut off.

A card counts as inside until it is seen leaving, and at the longest to the end of the session it was
admitted in: of the next one that day for who came before it opens, of the day for who came after the last.
Each card is told with its own session, so that nobody depends on when it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from edge.gate.occupancy import PASSES
from edge.site import contract
from edge.site.contract import BUILDING

MAX_GONE: Final = 500
"""Cards that left unknown and are told of, until the day ends; the newest of more."""

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
        at: time of the admission in ISO 8601, where it was admitted here and the clock was set.
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
    at: str | None = None
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


@dataclass(frozen=True, slots=True)
class _Left:
    """A neighbour's visit that was seen leaving here: whose it is, its card, and when."""

    owner: str
    card: str
    at: str | None


class Told:
    """What a gate told of its visits, less those whose card was seen leaving here since."""

    def __init__(self, inside: contract.Inside) -> None:
        self._zones = inside.visits
        self._inside = frozenset(inside.cards)
        self._session = inside.session
        self._sessions = {card: session for session, cards in inside.sessions.items() for card in cards}
        self._groups = inside.groups
        self._apart = frozenset(inside.passes)
        self._dropped: set[str] = set()

    def inside(self, card: str, session: str | None) -> bool:
        """Whether the card was told to be inside in this session, or without saying in which."""
        return card in self._inside and card not in self._dropped and self._session_of(card) in (None, session)

    def lately(self, card: str) -> bool:
        """Whether the card came in the session that counted when this was told; of two visits this one is newer."""
        return card in self._inside and card not in self._dropped and card not in self._sessions

    def cards(self, zone: str | None = None) -> list[str]:
        """Cards with a visit, of one zone or (None) of all."""
        zones = self._zones.values() if zone is None else [self._zones.get(zone, {})]
        return [card for visits in zones for card in visits if card not in self._dropped]

    def visit_id(self, card: str) -> str | None:
        """The visit of a card; None if it has none."""
        if card in self._dropped:
            return None
        return next((visits[card] for visits in self._zones.values() if card in visits), None)

    def visit(self, card: str) -> Visit:
        """The visit of one of its cards, as far as it was told."""
        zone, visit = next((zone, visits[card]) for zone, visits in self._zones.items() if card in visits)
        people, session = self._groups.get(card, 1), self._session_of(card)
        return Visit(
            visit=visit,
            card=card,
            zone=None if zone == BUILDING else zone,
            booking=None,
            by="pass" if card in self._apart else "booking",
            apart=card in self._apart,
            people=people,
            session=session if card in self._inside else None,
            day=None if session is None else session.partition("/")[0],
            came=people,
        )

    def drop(self, card: str) -> None:
        """It was seen leaving."""
        self._dropped.add(card)

    def _session_of(self, card: str) -> str | None:
        return self._sessions.get(card, self._session)


class Visits:
    """The visits of one gate and what it knows of its neighbours'.

    Args:
        saved: the journal's keys under ``visit/``, ``left/`` and ``gone/``, as `changes` gave them.

    Attributes:
        news: the neighbours do not know all yet; whoever tells them takes it back.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._own = {key[6:]: Visit(**row) for key, row in saved.items() if key.startswith("visit/")}
        self._left = {key[5:]: _Left(**row) for key, row in saved.items() if key.startswith("left/")}
        gone = {key[5:]: str(at) for key, at in saved.items() if key.startswith("gone/")}
        self._gone = dict(sorted(gone.items(), key=lambda row: row[1]))  # the oldest goes first
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
        found = [told for told in self._elsewhere.values() if told.visit_id(card) is not None]
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

    def leave(self, card: str, wall: datetime | None) -> Visit | None:
        """The card leaves here, and with it every visit that it stands for; the newest, or None if nobody knows any.

        A visit of which this gate has not heard yet is not known by its id, but by having begun before ``wall``.
        """
        visit = self.of_card(card)
        at = None if wall is None else wall.isoformat()
        if visit is None and at is not None:
            self._note_gone(card, at)
        if card in self._by_card:
            self.forget(self._by_card[card])
        self._saw_leaving(card, at)
        return visit

    def settle(self, zone: str | None, *, but: str | None = None) -> None:
        """Nobody is in the zone (None: in the building) by a person's word: forget its visits, here and there.

        ``but``: except for those who came in this session.
        """
        for visit in list(self._own.values()):
            if zone in (None, visit.zone) and (but is None or visit.session != but):
                self.forget(visit)
        for told in self._elsewhere.values():
            for card in told.cards(zone):
                if but is None or not told.inside(card, but):
                    self._saw_leaving(card)

    def forget_days_before(self, today: str) -> None:
        """Whoever came on an earlier day and was not seen leaving has left all the same.

        Who came while nobody knew the date came today; whose day is still to come, by a clock that was set back.
        """
        for card in [card for card, at in self._gone.items() if at[:10] < today]:
            self._note_gone(card, None)
        for visit in list(self._own.values()):
            if visit.day is None:
                self.put(replace(visit, day=today))
            elif visit.day < today:
                self.forget(visit)

    # --- what gates tell each other -----------------------------------------------------------------

    def heard(self, device: str, inside: contract.Inside) -> None:
        """A neighbour's word; what was seen leaving here is not inside, whether it knows that yet or not."""
        self._elsewhere[device] = told = Told(inside)
        for visit, left in list(self._left.items()):
            if told.visit_id(left.card) == visit:
                told.drop(left.card)
            elif left.owner == device:  # it has forgotten the visit, and so may we; that need not be told
                del self._left[visit]
                self._changed[f"left/{visit}"] = None
                if left.at is not None and told.visit_id(left.card) is not None:
                    self._note_gone(left.card, left.at)  # of its next visit, which may have begun before
        for visit in inside.left:
            if visit in self._own:
                self.forget(self._own[visit])
        for card, at in inside.gone.items():
            own = self._by_card.get(card)
            if own is not None and own.at is not None and datetime.fromisoformat(own.at) < at:
                self.forget(own)

    def adopt(self, inside: contract.Inside) -> None:
        """Our own word from a journal that is lost: those visits are ours, if their cards have not come in since."""
        told = Told(inside)
        for card in told.cards():
            if card not in self._by_card:
                self.put(told.visit(card))
        for card, at in inside.gone.items():
            self._note_gone(card, at.isoformat())
        gone = set(inside.left)
        for neighbour in self._elsewhere.values():
            for card in neighbour.cards():
                if neighbour.visit_id(card) in gone:
                    self._saw_leaving(card)

    def message(self, journal: str, session: str | None) -> contract.Inside:
        """What the topic ``inside`` says; ``session``: that of most cards, which need not be told for each."""
        cards: list[str] = []
        visits: dict[str, dict[str, str]] = {}
        sessions: dict[str, list[str]] = {}
        groups: dict[str, int] = {}
        passes: list[str] = []
        for card, visit in self._by_card.items():
            visits.setdefault(visit.zone or BUILDING, {})[card] = visit.visit
            if visit.session is not None:
                cards.append(card)
                if visit.session != session:
                    sessions.setdefault(visit.session, []).append(card)
            if visit.people > 1:
                groups[card] = visit.people
            if visit.apart:
                passes.append(card)
        gone = dict(self._gone)
        for left in self._left.values():
            # its card may have come in again before it left here, of which nobody had told
            if left.at is not None:
                gone[left.card] = max(left.at, gone.get(left.card, ""))
        return contract.Inside.model_construct(
            journal=journal,
            session=session,
            sessions={other: tuple(told) for other, told in sessions.items()},
            cards=tuple(cards),
            visits=visits,
            groups=groups,
            passes=tuple(passes),
            left=tuple(self._left),
            gone={card: datetime.fromisoformat(at) for card, at in gone.items()},
        )

    def changes(self) -> dict[str, Any | None]:
        """What the journal must hold, since last asked."""
        changed, self._changed = self._changed, {}
        return changed

    def _note_gone(self, card: str, at: str | None) -> None:
        """Note when a card last left whose visit nobody had told of, or (None) that it need not be told any more."""
        before = self._gone.pop(card, "")
        if at is not None:
            at = self._gone[card] = max(at, before)
        self._changed[f"gone/{card}"] = at
        self.news = True
        if len(self._gone) > MAX_GONE:
            self._note_gone(next(iter(self._gone)), None)

    def _saw_leaving(self, card: str, at: str | None = None) -> None:
        """A neighbour's visit left here: tell it, until it has forgotten the visit."""
        for device, told in self._elsewhere.items():
            visit = told.visit_id(card)
            if visit is not None:
                told.drop(card)
                self._left[visit] = _Left(device, card, at)
                self._changed[f"left/{visit}"] = asdict(self._left[visit])
                self.news = True
