"""Who is inside, as far as cards tell: for anti-passback, and to find a visit when its reader leaves.

Each gate keeps the visits it admitted and tells the others (topic ``inside``); a gate that sees a
foreign visit leave says so in its own ``left``, and the admitting gate forgets it. Best effort while
a gate is cut off. A visit counts against its card only in the session it was admitted in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

By = Literal["booking", "pass", "hand"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One admission, from the tap to the exit.

    Attributes:
        visit: random id.
        session: date and session in which it was admitted, ``2026-03-09/am``; None outside all sessions,
            where nobody counts as inside: no session's end would ever take it back.
        day: date of the admission, ``2026-03-09``; None while the clock was unset.
        used: whether somebody has walked through on it.
        measured: skin, ambient and estimate in Celsius as recorded, for a reopening.
    """

    visit: str
    card: str | None
    zone: str | None
    booking: str | None
    by: By
    people: int = 1
    session: str | None = None
    day: str | None = None
    used: bool = False
    measured: Mapping[str, float | None] = field(default_factory=dict[str, float | None])


class Visits:
    """The visits of one gate and what it knows of its neighbours'.

    Args:
        saved: the journal's keys under ``visit/`` and ``left/``, as `changes` gave them.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._own = {key[6:]: Visit(**row) for key, row in saved.items() if key.startswith("visit/")}
        self._left = {key[5:]: str(owner) for key, owner in saved.items() if key.startswith("left/")}
        self._by_card = {visit.card: visit for visit in self._own.values() if visit.card}
        self._elsewhere: dict[str, dict[str, tuple[str, str | None]]] = {}
        self._cards_elsewhere: dict[str, frozenset[str]] = {}
        self._changed: dict[str, Any | None] = {}

    def unused(self) -> list[Visit]:
        """Admitted, and nobody seen walking through yet."""
        return [visit for visit in self._own.values() if not visit.used]

    def known(self, visit: Visit) -> bool:
        """Whether this very admission still stands."""
        return visit.visit in self._own

    def of_card(self, card: str) -> Visit | None:
        """The visit admitted here for this card, if it is not seen leaving."""
        return self._by_card.get(card)

    def inside(self, card: str, session: str | None) -> bool:
        """Whether the card is inside in this session, here or at a neighbour."""
        own = self._by_card.get(card)
        if own is not None and session is not None and own.session == session:
            return True
        return any(card in cards for cards in self._cards_elsewhere.values())

    def elsewhere(self, card: str) -> tuple[str, str | None] | None:
        """(visit, zone) of a card that a neighbour admitted."""
        for cards in self._elsewhere.values():
            if card in cards:
                return cards[card]
        return None

    def put(self, visit: Visit) -> None:
        """Remember an admission, or what became of it; an earlier visit of the card has ended unseen."""
        before = self._by_card.get(visit.card or "")
        if before is not None and before.visit != visit.visit:
            self.forget(before)
        self._own[visit.visit] = visit
        if visit.card:
            self._by_card[visit.card] = visit
        # flat, so `asdict`, which copies all depths, would only take ten times as long
        self._changed[f"visit/{visit.visit}"] = {name: getattr(visit, name) for name in visit.__slots__}

    def forget(self, visit: Visit) -> None:
        """It left, or was never used."""
        self._own.pop(visit.visit, None)
        if visit.card and self._by_card.get(visit.card) is visit:
            del self._by_card[visit.card]
        self._changed[f"visit/{visit.visit}"] = None

    def saw_leaving(self, card: str) -> None:
        """A neighbour's visit left here: tell it, until it has forgotten the visit."""
        for device, cards in self._elsewhere.items():
            if card in cards:
                visit, _ = cards.pop(card)
                self._cards_elsewhere[device] -= {card}
                self._left[visit] = device
                self._changed[f"left/{visit}"] = device

    def settle(self, zone: str | None) -> None:
        """Nobody is in the zone (None: in the building) by a person's word: forget its visits, here and there."""
        for visit in list(self._own.values()):
            if zone in (None, visit.zone):
                self.forget(visit)
        for cards in list(self._elsewhere.values()):
            for card, (_, where) in list(cards.items()):
                if zone in (None, where):
                    self.saw_leaving(card)

    def heard(
        self,
        device: str,
        cards: frozenset[str],
        visits: Mapping[str, tuple[str, str | None]],
        left: frozenset[str],
    ) -> bool:
        """A neighbour's ``inside`` message; True if visits of ours were seen leaving there."""
        left_here = {card: visit for card, (visit, _) in visits.items() if visit in self._left} if self._left else {}
        self._elsewhere[device] = dict(visits)
        for card in left_here:
            del self._elsewhere[device][card]
        self._cards_elsewhere[device] = cards - left_here.keys()
        listed = set(left_here.values())
        for visit in [v for v, owner in self._left.items() if owner == device and v not in listed]:
            del self._left[visit]
            self._changed[f"left/{visit}"] = None
        ours = [self._own[visit] for visit in left if visit in self._own]
        for visit in ours:
            self.forget(visit)
        return bool(ours)

    def forget_days_before(self, today: str) -> None:
        """Whoever came on an earlier day and was not seen leaving has left all the same."""
        for visit in [visit for visit in self._own.values() if visit.day != today]:
            self.forget(visit)

    def message(self, session: str | None) -> dict[str, Any]:
        """The content of the topic ``inside``, without the journal."""
        carded = [visit for visit in self._own.values() if visit.card]
        return {
            "cards": tuple(visit.card for visit in carded if session is not None and visit.session == session),
            "visits": {visit.card: (visit.visit, visit.zone) for visit in carded},
            "left": tuple(self._left),
        }

    def changes(self) -> dict[str, Any | None]:
        """What the journal must hold, since last asked."""
        changed, self._changed = self._changed, {}
        return changed
