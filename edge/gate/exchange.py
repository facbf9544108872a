"""Rights on their way between gates: asked for before they are missed, passed on where they are made.

An exit mints a right at the gate where it happens; the usual building has one way in and another way
out, so rights must flow all day. A gate that runs low asks; its neighbours pass on half of what they
hold (all of it where nobody comes in). The keeper only mints and collects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge.gate.occupancy import PASSES, Occupancy
from edge.runtime.station import Identity
from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish
from edge.site import contract
from edge.site.contract import BUILDING

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
        self.term = int(identity.state.get("term", 0))
        self.granted: set[str] = set(identity.state.get("granted_zones", ()))

    @property
    def has_peers(self) -> bool:
        """Whether there is another gate that could hold rights."""
        return bool(self._entrances) or bool(self._occupancy.peers(BUILDING))

    def knows(self, zones: Iterable[str]) -> bool:
        """Whether the keeper has spoken of all these zones (as far as they are limited)."""
        return set(zones) <= self.granted | self._occupancy.unlimited | {PASSES}

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

    def ask_if_low(self, step: Step, zones: Iterable[str]) -> None:
        """After an admission: ask before anybody has to wait."""
        low = [
            zone
            for zone in zones
            if zone not in self._occupancy.unlimited and self._occupancy.available(zone) < self._rights_low
        ]
        if self.has_peers:
            self.ask(step, low, urgent=False)

    def answer(self, peer: str, request: contract.Request) -> None:
        """A neighbour asks: pass on half of what is free (as many as it needs where somebody waits)."""
        for zone, people in request.zones.items():
            free = self._occupancy.available(zone)
            share = free if not self._entrance else max(free // 2, people if request.urgent else 0)
            self._occupancy.send(peer, zone, share)

    def pass_on(self, *, up: bool) -> None:
        """At an exit nobody needs rights: send them to the entrance that holds the fewest, while it can hear."""
        if self._entrance or not self._entrances or not up:
            return
        for zone in sorted(self._occupancy.zones() - self._occupancy.unlimited):
            free = self._occupancy.available(zone)
            if free > 0:
                held = self._occupancy.peers(zone)
                poorest = min(self._entrances, key=lambda name: (held.get(name, 0), name))
                self._occupancy.send(poorest, zone, free)

    def granted_by_keeper(self, step: Step, grants: contract.Grants) -> None:
        """The keeper's word; one for another journal, or from a keeper of the past, is not for us."""
        if grants.journal not in (None, self._identity.journal) or grants.term < self.term:
            return
        if grants.term != self.term:
            self.term = grants.term
            step.put("term", self.term)
        for zone, grant in grants.zones.items():
            self._occupancy.grant(zone, grant.granted, grant.release_wanted)
        if not self.granted >= set(grants.zones):
            self.granted |= set(grants.zones)
            step.put("granted_zones", sorted(self.granted))

    def heard(self, device: str, message: contract.Occupancy) -> bool:
        """Another gate's rows, or our own of a journal we lost; True if something was new."""
        rows = {message.journal: message.zones, **message.former}
        changed = False
        for journal, zones in rows.items():
            if journal != self._identity.journal:
                plain = {zone: vars(row) for zone, row in zones.items()}
                changed = self._occupancy.merge(device, journal, plain) or changed
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
        passes = self._occupancy.own(PASSES)
        return contract.encode(
            contract.Occupancy.model_validate(
                {
                    "journal": self._identity.journal,
                    "term": self.term,
                    "zones": self._occupancy.rows(),
                    "passes": {"entries": passes.entries, "exits": passes.exits},
                    "former": self._occupancy.former(),
                }
            )
        )
