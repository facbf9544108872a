"""This gate's part of the bounded counter: who is inside, and whether one more may come.

A shared count breaks when the network does; rights do not (escrow: O'Neil 1986; Balegas et al. 2015).
The keeper splits each zone's cap into grants; a gate admits only from what it holds:

    available = granted + exits + received − entries − released − sent

All numbers are cumulative and merged by ``max``, so lost, doubled or reordered messages do no harm.
The building is the zone ``*``. Readers with a pass are counted apart and need no right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PASSES = "@passes"
"""Key under which holders of a pass are counted; not a zone: zone names of the contract hold no ``@``."""


@dataclass(slots=True)
class Tally:
    """One zone's cumulative numbers in one journal."""

    granted: int = 0
    entries: int = 0
    exits: int = 0
    released: int = 0
    received: int = 0
    sent: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def inside(self) -> int:
        """People this row says are inside: came in here minus left here. Negative at an exit."""
        return self.entries - self.exits

    @property
    def available(self) -> int:
        """Rights that this row holds."""
        spent = self.entries + self.released + sum(self.sent.values())
        return self.granted + self.exits + self.received - spent

    def merge(self, row: Mapping[str, Any]) -> bool:
        """Take what is newer; True if anything was."""
        before = self._sum()
        self.granted = max(self.granted, row["granted"])
        self.entries = max(self.entries, row["entries"])
        self.exits = max(self.exits, row["exits"])
        self.released = max(self.released, row["released"])
        self.received = max(self.received, row["received"])
        for peer, count in row["sent"].items():
            self.sent[peer] = max(self.sent.get(peer, 0), count)
        return before != self._sum()

    def _sum(self) -> int:
        """Every number only grows, so the sum tells whether any did."""
        numbers = (self.granted, self.entries, self.exits, self.released, self.received)
        return sum(numbers) + sum(self.sent.values())

    def row(self) -> dict[str, Any]:
        """As the topic ``occupancy`` and the journal hold it."""
        return {
            "granted": self.granted,
            "entries": self.entries,
            "exits": self.exits,
            "released": self.released,
            "received": self.received,
            "sent": dict(self.sent),
        }


def _tallies(zones: Mapping[str, Mapping[str, Any]]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for zone, row in zones.items():
        tallies[zone] = Tally()
        tallies[zone].merge(row)
    return tallies


class Occupancy:
    """The counter of one gate.

    Args:
        device: the gate's name; rights that peers sent to it are found under it.
        saved: the journal's keys under ``count/``, as `changes` gave them.
    """

    def __init__(self, device: str, saved: Mapping[str, Any]) -> None:
        self.device = device
        self.unlimited: frozenset[str] = frozenset()
        self.reserved: frozenset[str] = frozenset()
        self._own = _tallies({key[10:]: row for key, row in saved.items() if key.startswith("count/own/")})
        self._others: dict[tuple[str, str], dict[str, Tally]] = {}
        for key, zones in saved.items():
            if key.startswith("count/row/"):
                _, _, peer, journal = key.split("/", 3)  # a journal's id may be any text
                self._others[peer, journal] = _tallies(zones)
        self._received_before: dict[str, int] | None = saved.get("count/received_before")
        for zone in list(self._own):
            self._receive(zone)
        self._release_wanted: dict[str, int] = dict(saved.get("count/release_wanted", {}))
        self._changed: dict[str, Any] = {}

    # --- what holds -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether this journal knows what its predecessors had received; before that it holds no rights."""
        return self._received_before is not None

    def own(self, zone: str) -> Tally:
        """This journal's row of a zone."""
        return self._own.setdefault(zone, Tally())

    def zones(self) -> set[str]:
        """Every zone any row speaks of, without the pass holders."""
        known = set(self._own)
        for rows in self._others.values():
            known |= set(rows)
        return known - {PASSES}

    def available(self, zone: str) -> int:
        """How many more may enter here by the rights held; below zero after a tailgater."""
        return self._own.get(zone, Tally()).available

    def missing(self, zones: Iterable[str], people: int = 1) -> list[str]:
        """Which of these zones lack rights for so many people."""
        free = self.unlimited | {PASSES}
        return [zone for zone in zones if zone not in free and self.available(zone) < people]

    def inside(self, zone: str) -> int:
        """People inside by all rows known here; below zero when exits were seen and entries were not."""
        return self.own(zone).inside + sum(rows[zone].inside for rows in self._others.values() if zone in rows)

    def peers(self, zone: str) -> dict[str, int]:
        """What each peer holds of a zone by the rows known here, and what is on its way there.

        Without the latter a gate that is off would look poor for ever and attract every right.
        """
        held: dict[str, int] = {}
        gifts = dict(self._own[zone].sent) if zone in self._own else {}
        for (peer, _), rows in self._others.items():
            if zone in rows:
                if peer != self.device:
                    held[peer] = held.get(peer, 0) + rows[zone].available
                    gifts[peer] = gifts.get(peer, 0) - rows[zone].received
                for other, count in rows[zone].sent.items():
                    gifts[other] = gifts.get(other, 0) + count
        for peer, under_way in gifts.items():
            if peer != self.device:
                held[peer] = held.get(peer, 0) + max(0, under_way)
        return held

    def former(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Rows of journals this device had before, by journal: their people are still inside."""
        return {
            journal: {zone: tally.row() for zone, tally in rows.items()}
            for (peer, journal), rows in self._others.items()
            if peer == self.device
        }

    def rows(self) -> dict[str, dict[str, Any]]:
        """This journal's rows, as the topic ``occupancy`` holds them."""
        return {zone: tally.row() for zone, tally in self._own.items() if zone != PASSES}

    # --- what happens ---------------------------------------------------------------------------

    def enter(self, zones: Iterable[str], people: int = 1) -> None:
        """People came in."""
        for zone in zones:
            self.own(zone).entries += people
            self._touch(zone)

    def leave(self, zones: Iterable[str], people: int = 1) -> None:
        """People left, or a place that was taken is given back."""
        for zone in zones:
            self.own(zone).exits += people
            self._touch(zone)

    def grant(self, zone: str, granted: int, release_wanted: int) -> None:
        """The keeper's word for this journal, both numbers cumulative."""
        tally = self.own(zone)
        if granted > tally.granted:
            tally.granted = granted
            self._touch(zone)
        if release_wanted > self._release_wanted.get(zone, 0):
            self._release_wanted[zone] = release_wanted
            self._changed["count/release_wanted"] = self._release_wanted

    def release(self) -> None:
        """Give back what the keeper wants, as far as it is free now; the rest as it becomes free."""
        for zone, wanted in self._release_wanted.items():
            tally = self.own(zone)
            if wanted > tally.released:
                free = self.available(zone) - (zone in self.reserved)
                count = max(0, min(wanted - tally.released, free))
                if count:
                    tally.released += count
                    self._touch(zone)

    def send(self, peer: str, zone: str, wanted: int) -> int:
        """Pass rights to a peer, never the one that somebody here is about to use; how many were passed."""
        free = self.available(zone) - (zone in self.reserved)
        count = max(0, min(wanted, free))
        if count:
            tally = self.own(zone)
            tally.sent[peer] = tally.sent.get(peer, 0) + count
            self._touch(zone)
        return count

    def merge(self, device: str, journal: str, zones: Mapping[str, Mapping[str, Any]]) -> bool:
        """Take another journal's row (or one of our former ones); True if it told something new."""
        rows = self._others.setdefault((device, journal), {})
        sent_before = sum(tally.sent.get(self.device, 0) for tally in rows.values())
        changed = False
        for zone, row in zones.items():
            changed = rows.setdefault(zone, Tally()).merge(row) or changed
        # Peers keep their own rows; here a row is kept only for the rights in it, and for the dead.
        sent_now = sum(tally.sent.get(self.device, 0) for tally in rows.values())
        if sent_now != sent_before or (changed and device == self.device):
            self._changed[f"count/row/{device}/{journal}"] = {zone: t.row() for zone, t in rows.items()}
        if sent_now != sent_before:
            for zone in zones:
                self._receive(zone)
        return changed

    def know_predecessors(self) -> None:
        """All retained rows have arrived: what peers sent to this device before was never ours."""
        if self._received_before is None:
            self._received_before = {zone: self._sent_to_us(zone) for zone in self.zones()}
            self._changed["count/received_before"] = self._received_before

    def changes(self) -> dict[str, Any]:
        """What the journal must hold, since last asked."""
        changed, self._changed = self._changed, {}
        return changed

    def _receive(self, zone: str) -> None:
        """Count what peers sent; what they sent to a journal that this device had before is not ours."""
        if self._received_before is not None:
            received = self._sent_to_us(zone) - self._received_before.get(zone, 0)
            if received > self.own(zone).received:
                self.own(zone).received = received
                self._touch(zone)

    def _touch(self, zone: str) -> None:
        self._changed[f"count/own/{zone}"] = self.own(zone).row()

    def _sent_to_us(self, zone: str) -> int:
        return sum(
            rows[zone].sent.get(self.device, 0)
            for (peer, _), rows in self._others.items()
            if zone in rows and peer != self.device
        )
