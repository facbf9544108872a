"""What the keeper knows of each gate: a book for each journal it had, with a share of each zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from edge.site.contract import Occupancy, ZoneRow
from edge.site.tally import Tally

UNKNOWN: Final = ""
"""Stands for the journal of a gate that has not been heard of yet: its rights go to whichever it has."""


@dataclass(slots=True)
class Share(Tally):
    """One journal's part of one zone: what the gate's row says, and how many rights the keeper wants back.

    Attributes:
        wanted: cumulative as the others; ``granted`` may be ahead of the gate, which has not heard of it yet.
    """

    wanted: int = 0

    @property
    def outstanding(self) -> int:
        """Rights that were given and are not back."""
        return self.granted - self.released

    @property
    def kept_by_people(self) -> int:
        """The part of the outstanding rights that is not lost with the journal: people inside, and rights passed on."""
        used = self.outstanding - self.available
        return used if self.received else min(used, self.outstanding)

    @property
    def weight(self) -> tuple[int, int]:
        """Grows with every change: of what must be on disk at once, and of what a living journal will repeat."""
        repeated = self.entries + self.exits + sum(self.sent.values()) + self.received
        return self.granted + self.wanted + self.released, repeated

    def merge(self, row: Mapping[str, Any]) -> bool:
        """Take what is newer; True if anything was. What was given back was wanted."""
        changed = Tally.merge(self, row)  # a class with slots is made twice, and super() knows the first
        self.wanted = max(self.wanted, self.released)
        return changed


@dataclass(slots=True)
class Book:
    """One journal of a gate: its shares by zone, and whether it was replaced or written off."""

    zones: dict[str, Share] = field(default_factory=dict[str, Share])
    replaced: bool = False
    written_off: bool = False

    def share(self, zone: str) -> Share:
        """Its part of a zone."""
        return self.zones.setdefault(zone, Share())

    @property
    def weight(self) -> tuple[int, int]:
        """Of all its shares."""
        weights = [share.weight for share in self.zones.values()]
        return sum(weight[0] for weight in weights), sum(weight[1] for weight in weights)

    def merge(self, rows: Mapping[str, ZoneRow]) -> bool:
        """Take its rows; True if they told something new."""
        news = [self.share(zone).merge(vars(row)) for zone, row in rows.items()]
        return any(news)


@dataclass(slots=True)
class Gate:
    """All journals of one gate; ``current`` is the one that takes grants."""

    current: str = UNKNOWN
    books: dict[str, Book] = field(default_factory=lambda: {UNKNOWN: Book()})

    @classmethod
    def restored(cls, row: Mapping[str, Any]) -> Gate:
        """As `saved` gave it."""
        books = {
            journal: Book(
                {zone: Share(**share) for zone, share in book["zones"].items()}, book["replaced"], book["written_off"]
            )
            for journal, book in row["books"].items()
        }
        return cls(row["current"], books)

    def saved(self) -> dict[str, Any]:
        """As the keeper's journal holds it."""
        return asdict(self)

    @property
    def book(self) -> Book:
        """The current journal's."""
        return self.books[self.current]

    @property
    def weight(self) -> tuple[Any, ...]:
        """Changes with all that must not be forgotten."""
        books = [
            (journal, book.replaced, book.written_off, book.weight[0], journal != self.current and book.weight[1])
            for journal, book in self.books.items()
        ]
        return self.current, books

    def take(self, row: Occupancy) -> None:
        """A message of the gate: the rows of its journals, new or old."""
        for journal, zones in row.former.items():
            book = self.books.setdefault(journal, Book())
            book.replaced = True
            book.merge(zones)
        known = self.books.get(row.journal)
        if self.current == UNKNOWN and not (known is not None and known.replaced):
            # rights that were given to whichever journal it has: it has this one
            unnamed = self.books.pop(UNKNOWN)
            known = self.books.setdefault(row.journal, Book())
            for zone, share in unnamed.zones.items():
                known.share(zone).granted = max(known.share(zone).granted, share.granted)
            self.current = row.journal
        book = self.books.setdefault(row.journal, Book())
        if (book.merge(row.zones) or known is None) and not book.replaced:
            # a journal that goes on is alive, whatever anybody said; an old message tells nothing new
            self.current = row.journal
            book.written_off = False
