"""The bounded counter: one zone's numbers in one journal, and the law by which they give a right.

    available = granted + exits + received − entries − released − sent

All numbers are cumulative, so two accounts of the same journal are merged by ``max``. Gates and the keeper
count by this one law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
        """People this row says are inside: who came in here less who left here; below zero at a way out."""
        return self.entries - self.exits

    @property
    def available(self) -> int:
        """Rights that this row holds; below zero: it owes them."""
        spent = self.entries + self.released + sum(self.sent.values())
        return self.granted + self.exits + self.received - spent

    def merge(self, row: Mapping[str, Any]) -> bool:
        """Take what is newer; True if anything was."""
        before = self.row()
        if row == before:
            return False  # as most rows of a message are
        self.granted = max(self.granted, row["granted"])
        self.entries = max(self.entries, row["entries"])
        self.exits = max(self.exits, row["exits"])
        self.released = max(self.released, row["released"])
        self.received = max(self.received, row["received"])
        for peer, count in row["sent"].items():
            self.sent[peer] = max(self.sent.get(peer, 0), count)
        return before != self.row()

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


def tallies(zones: Mapping[str, Mapping[str, Any]]) -> dict[str, Tally]:
    """A whole journal's, as `Tally.row` gave them."""
    found: dict[str, Tally] = {}
    for zone, row in zones.items():
        found[zone] = Tally()
        found[zone].merge(row)
    return found
