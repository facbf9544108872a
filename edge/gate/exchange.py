"""Rights on their way between gates: asked for before they are missed, passed on where they are made.

An exit mints a right at the gate where it happens; the usual building has one way in and another way
out, so rights must flow all day. A gate that runs low asks; its neighbours pass on half of what they
hold (all of it where nobody comes in). What a gate owes (`occupancy`) is paid unasked. Where nobody is
there to use rights, none are sent. The keeper only mints and collects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from edge.gate.occupancy import PASSES, Occupancy
from edge.runtime import jsontext
from edge.runtime.station import Identity
from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish
from edge.site import contract
from edge.site.contract import BUILDING
from edge.site.tally import Tally

ASK_AGAIN_S = 1.0
"""A gate does not ask for the same zone more often."""


class Exchange:
    """One gate's dealings with the keeper and the other gates.

    Args:
        identity: who we are.
        occupancy: our counter.
        entrances: names of the other gates where people come in.
        entrance: whether people come in here.
        rights_low: fewer rights than this are too few.

    Attributes:
        online: the other gates that are there, as far as is known.
    """

    def __init__(
        self,
        identity: Identity,
        occupancy: Occupancy,
        *,
        entrances: Iterable[str],
        entrance: bool,
        rights_low: int,
    ) -> None:
        self._identity = identity
        self._occupancy = occupancy
        self._entrances = tuple(sorted(entrances))
        self._entrance = entrance
        self._rights_low = rights_low
        self._asked_s: dict[str, float] = {}
        self._asked = 0
        self._named: frozenset[str] = frozenset()
        self.online: set[str] = set()
        self.term = int(identity.state.get("term", 0))
        self.granted: set[str] = set(identity.state.get("granted_zones", ()))

    @property
    def has_peers(self) -> bool:
        """Whether there is another gate that could hold rights."""
        return bool(self._entrances) or bool(self._occupancy.peers(BUILDING))

    def use_caps(self, caps: contract.Caps | None) -> None:
        """What the caps name is limited; a building without a cap of its own needs no rights."""
        open_building = caps is not None and caps.building is None
        self._named = frozenset() if caps is None else frozenset({BUILDING, *caps.zones})
        self._occupancy.unlimited = frozenset({BUILDING}) if open_building else frozenset()
        self._occupancy.moved = True

    def unknown(self, zones: Iterable[str]) -> set[str]:
        """Those of these zones that the caps do not name, or of which the keeper has not spoken yet."""
        return set(zones) - (self.granted & self._named) - self._occupancy.unlimited - {PASSES}

    def ask(self, step: Step, zones: Iterable[str], *, urgent: bool, people: int = 1) -> None:
        """Ask the neighbours for rights in each zone; ``urgent``: so many people are waiting."""
        now_s = step.now.mono_s
        wanted = [z for z in zones if urgent or now_s - self._asked_s.get(z, -ASK_AGAIN_S) >= ASK_AGAIN_S]
        if not wanted:
            return
        self._asked += 1
        for zone in wanted:
            self._asked_s[zone] = now_s
        request = contract.Request(
            id=f"{self._identity.journal}-{self._identity.boot}-{self._asked}",
            zones=dict.fromkeys(wanted, people),
            urgent=urgent,
        )
        step.do(Publish(self._identity.topic("requests"), contract.encode(request)))

    def ask_if_low(self, step: Step, zones: Collection[str]) -> None:
        """After an admission: ask before anybody has to wait."""
        no_rights = self._occupancy.unlimited | self.unknown(zones)
        low = [zone for zone in zones if zone not in no_rights and self._occupancy.available(zone) < self._rights_low]
        if self.has_peers:
            self.ask(step, low, urgent=False)

    def answer(self, peer: str, request: contract.Request) -> None:
        """A neighbour asks: pass on half of what is free (as many as it needs where somebody waits)."""
        for zone, people in request.zones.items():
            free = self._occupancy.available(zone)
            share = free if not self._entrance else max(free // 2, people if request.urgent else 0)
            self._occupancy.send(peer, zone, share)

    def pass_on(self, *, up: bool) -> None:
        """Send what is free to where it is missed, while the others can hear.

        First what neighbours owe. Then, at an exit, the rest: nobody needs it here, so it goes to the entrance
        that holds the fewest, of those that are there.
        """
        if not up:
            return
        self._occupancy.pay()
        there = [] if self._entrance else [name for name in self._entrances if name in self.online]
        if there and self._occupancy.moved:
            self._occupancy.moved = False
            for zone, free in sorted(self._occupancy.free().items()):
                held = self._occupancy.peers(zone)
                poorest = min(there, key=lambda name: (held.get(name, 0), name))
                self._occupancy.send(poorest, zone, free)

    def granted_by_keeper(self, step: Step, grants: contract.Grants) -> None:
        """The keeper's word; one for another journal, or from a keeper of the past, is not for us.

        Raises:
            ContractError: with its zones there would be more than anybody can tell; none is taken.
        """
        if grants.journal not in (None, self._identity.journal) or grants.term < self.term:
            return
        self._occupancy.check_zones(grants.zones)
        if grants.term != self.term:
            self.term = grants.term
            step.put("term", self.term)
        for zone, grant in grants.zones.items():
            self._occupancy.grant(zone, grant.granted, grant.release_wanted)
        if not self.granted >= set(grants.zones):
            self.granted |= set(grants.zones)
            step.put("granted_zones", sorted(self.granted))

    def heard(self, device: str, message: contract.Occupancy) -> bool:
        """Another gate's rows, or our own of a journal we lost; True if something was new.

        Raises:
            ContractError: with them there would be more than anybody can tell; none is taken.
        """
        told = {
            journal: {zone: vars(row) for zone, row in zones.items()}
            for journal, zones in {**message.former, message.journal: message.zones}.items()
            if journal != self._identity.journal
        }
        self._occupancy.check(device, told)
        if message.journal in told and message.passes is not None:
            told[message.journal][PASSES] = {**Tally().row(), **vars(message.passes)}
        changed = False
        for journal, rows in told.items():
            former = journal != message.journal
            changed = self._occupancy.merge(device, journal, rows, former=former) or changed
        return changed

    def save(self, step: Step, *, tell: bool) -> None:
        """Put what changed into the step, and tell the others once it is on disk."""
        self._occupancy.release()
        changes: Mapping[str, Any] = self._occupancy.changes()
        for key, value in changes.items():
            step.put(key, value)
        if (changes or tell) and self._occupancy.ready:
            step.then(Publish(self._identity.topic("occupancy"), self._message(), retain=True))

    def _message(self) -> bytes:
        """A `contract.Occupancy`. Not validated: what came in was, and a gate must not die of its own report."""
        passes = self._occupancy.own(PASSES)
        return jsontext.encode(
            {
                "journal": self._identity.journal,
                "term": self.term,
                "zones": self._occupancy.rows(),
                "passes": {"entries": passes.entries, "exits": passes.exits},
                "former": self._occupancy.former(),
            }
        )
