"""Whether there is a place for somebody: the rights that this gate holds, and what a card that comes again gives back.

Nobody is inside twice: whoever stands at the lane with a card whose visit still stands had left unseen. Their own
former place must not keep them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.site.contract import BUILDING


def outlived(gate: GateState, card: str | None, session: str | None, *, by_hand: bool) -> Visit | None:
    """The visit of this card that has ended unseen if its holder now comes in, by a guard's word or in this session.

    Under soft anti-passback its owner may be inside in this session, and somebody else is coming.
    """
    if card is None or (not by_hand and gate.visits.inside(card, session)):
        return None
    return gate.visits.of_card(card)


def given_back(gate: GateState, former: Visit) -> Mapping[str, int]:
    """The places that become free when a former visit ends, by counter.

    Whoever was not seen walking in stands outside: all their places. Else that in the zone, and not that in the
    building: whoever leaves without a card is counted there by the beam.
    """
    if former.to_come:
        return dict.fromkeys(former.places, former.to_come)
    return {place: 1 for place in former.places if place != BUILDING and gate.occupancy.inside(place) > 0}


def lacking(gate: GateState, places: Iterable[str], people: int, *, card: str | None, session: str | None) -> list[str]:
    """The counters in which there is no place for so many, even where their card's former visit ends with it."""
    former = outlived(gate, card, session, by_hand=False)
    back: Mapping[str, int] = {} if former is None else given_back(gate, former)
    short = gate.occupancy.missing(places, people)
    return [place for place in short if place not in back or not _theirs(gate, place, people - back[place])]


def _theirs(gate: GateState, place: str, more: int) -> bool:
    """Whether somebody who makes so many more can use the place that they give back.

    Not while any gate is cut off, for it may have seen the card leave, and the place be taken again; nor where a
    neighbour is owed a right, for debts come first; nor beyond the cap, which may have been lowered.
    """
    caps, peers = gate.register.caps, gate.occupancy.peers(place)
    if caps is None or not gate.synced or not gate.occupancy.neighbours <= gate.exchange.online:
        return False
    fits = gate.occupancy.inside(place) + more <= caps.zones.get(place, 0)
    return fits and min(peers.values(), default=0) >= 0 and not gate.occupancy.missing([place], more)
