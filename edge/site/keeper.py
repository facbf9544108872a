"""The keeper of the caps: splits each into rights, and asks for them back when a cap is lowered.

The law, per zone, in every order of messages, with loss and repetition: what the gates together may
still let in, plus who is inside, never passes the cap (after a lowered cap: the highest cap whose
rights are not yet back). The keeper only needs to see to one sum for that,

    outstanding = Σ (granted − released)  over every journal of every gate

because entries and exits only move rights between "free" and "in use", and what gates send each other
only moves them between gates. Minting raises the sum at once; only a *seen* release lowers it.

Pure: it is told what happened, and answers what to write to disk and, once that is there, what to
publish. All numbers are cumulative and merged by ``max``.

A disk that is replaced begins a new journal, and the rights that were in the old one stay counted until
a person writes it off: then only the people it let in do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.site.books import UNKNOWN, Book, Gate, Share
from edge.site.contract import BUILDING, Caps, Grants, Occupancy, Status, ZoneGrant, encode

_TERM, _CAPS, _GATE = "keeper/term", "keeper/caps", "keeper/gate/"


class KeeperError(ValueError):
    """A person asked for what cannot be; the text is one line."""


@dataclass(slots=True)
class Change:
    """What follows from a message: write ``puts``, and when they are on disk publish ``grants``."""

    puts: dict[str, Any | None] = field(default_factory=dict[str, Any])
    grants: dict[str, Grants] = field(default_factory=dict[str, Grants])


class Keeper:
    """Hands out the shares of one site's caps.

    It decides nothing before `synced`: until the broker has told all it kept, a keeper whose disk is
    new does not know what another before it gave.

    Args:
        entrances: gates that let people in, in the order in which a remainder goes to them.
        saved: the journal's keys under ``keeper/``, as earlier changes put them.
    """

    def __init__(self, entrances: Sequence[str], saved: Mapping[str, Any]) -> None:
        self.entrances = tuple(entrances)
        self.term: int = saved.get(_TERM, 0)
        self.caps = Caps.model_validate_json(saved[_CAPS]) if _CAPS in saved else None
        self._gates: dict[str, Gate] = {name: Gate() for name in self.entrances}
        for key, row in saved.items():
            if key.startswith(_GATE):
                self._gates[key.removeprefix(_GATE)] = Gate.restored(row)
        self._online: dict[str, str] = {}
        self._fresh = _TERM not in saved
        self._synced = False
        self._highest_term = self.term

    # --- what is known ------------------------------------------------------------------------------

    def inside(self, zone: str) -> int:
        """People in a zone by all rows."""
        return sum(share.inside for _, share in self._shares(zone))

    def cap(self, zone: str) -> int | None:
        """The cap of a zone, 0 if the caps do not name it; None where nothing limits it, or no caps are known."""
        if self.caps is None:
            return None
        return self.caps.building if zone == BUILDING else self.caps.zones.get(zone, 0)

    def exceeded(self) -> dict[str, tuple[int, int]]:
        """Zones with more people inside than the cap allows: (people, cap)."""
        people = {zone: (self.inside(zone), self.cap(zone)) for zone in sorted(self._zones())}
        return {zone: (count, cap) for zone, (count, cap) in people.items() if cap is not None and count > cap}

    def below_zero(self) -> dict[str, int]:
        """Zones that more people left than came into, by all rows: a gate that is cut off believes every exit."""
        return {zone: count for zone in sorted(self._zones()) if (count := self.inside(zone)) < 0}

    def outstanding(self, zone: str) -> int:
        """Rights given and not back, with the people that written-off journals let in."""
        return sum(
            share.kept_by_people if book.written_off else share.outstanding for book, share in self._shares(zone)
        )

    def available(self, device: str, zone: str) -> int:
        """Rights that a gate's current journal still has to use, as far as is known here.

        Until it says what it received, that is what was sent to it; but what was sent to a journal before it is lost.
        """
        gate = self._gates[device]
        share = gate.book.zones.get(zone)
        if share is None:
            return 0
        under_way = 0
        if not share.received and len(gate.books) == 1:
            under_way = sum(other.sent.get(device, 0) for _, other in self._shares(zone))
        return share.available + under_way

    def grants(self, device: str) -> Grants:
        """The message for one gate: every zone that is limited, or that it ever had rights of."""
        gate = self._gates[device]
        zones = {zone for zone in self._zones() if self.cap(zone) is not None} | {*gate.book.zones}
        shares = {zone: gate.book.zones.get(zone, Share()) for zone in sorted(zones)}
        rows = {zone: ZoneGrant(granted=share.granted, release_wanted=share.wanted) for zone, share in shares.items()}
        return Grants(term=self.term, journal=gate.current or None, zones=rows)

    # --- what happens -------------------------------------------------------------------------------

    def on_caps(self, caps: Caps) -> Change:
        """New caps; a lower or equal revision is ignored."""
        change = Change()
        if self.caps is None or caps.revision > self.caps.revision:
            self.caps = caps
            change.puts[_CAPS] = encode(caps).decode()
            # to all, also where no number changed: a gate must hear of a zone that has room for nobody
            self._settle(change, set(self.entrances), self._zones())
        return change

    def on_row(self, device: str, row: Occupancy) -> Change:
        """A gate's rows, new or old, once or twice."""
        change, told = Change(), set[str]()
        gate = self._gates.setdefault(device, Gate())
        before, journal = gate.weight, gate.current
        gate.take(row)
        if gate.weight != before:
            change.puts[_GATE + device] = gate.saved()
        if gate.current != journal and device in self.entrances:
            told.add(device)
        zones = {*row.zones, *(zone for zones in row.former.values() for zone in zones)}
        if UNKNOWN in (journal, gate.current):
            zones |= self._zones()  # heard for the first time: what was kept for it is given
        self._highest_term = max(self._highest_term, row.term)
        if self._active and self._fresh and row.term > self.term:
            # a gate that was away heard the keeper before this one, and would not listen to an older term
            self.term = row.term + 1
            change.puts[_TERM] = self.term
            told.update(self.entrances)
        self._settle(change, told, zones)
        return change

    def on_request(self, device: str, zones: Mapping[str, int]) -> Change:
        """A gate asks for rights: of what is kept for gates that were never heard, it gets as many as it asks for."""
        change = Change()
        if not self._active or device not in self.entrances or not self._heard(device):
            return change
        for zone, asked in zones.items():
            cap = self.cap(zone)
            part = 0 if cap is None else min(asked, cap - self.outstanding(zone))
            if part > 0:
                self._gates[device].book.share(zone).granted += part
                change.puts[_GATE + device] = self._gates[device].saved()
                change.grants[device] = self.grants(device)
        return change

    def on_status(self, device: str, status: Status) -> Change:
        """A gate came or went. A journal that is back holds its rights again, whatever anybody said."""
        self._online.pop(device, None)
        change = Change()
        gate = self._gates.get(device)
        if status.state == "offline":
            if gate is not None:
                change.puts[_GATE + device] = gate.saved()  # perhaps its last word
        else:
            self._online[device] = status.journal
            if gate is not None and status.journal in gate.books and gate.books[status.journal].written_off:
                gate.books[status.journal].written_off = False
                change.puts[_GATE + device] = gate.saved()
            self._settle(change, set(), self._zones())
        return change

    def on_grants(self, device: str, grants: Grants) -> None:
        """What the broker keeps under our name: with an empty disk, the only memory of what was given."""
        if self._fresh and not self._synced:
            self._highest_term = max(self._highest_term, grants.term)
            gate = self._gates.setdefault(device, Gate())
            journal = grants.journal or UNKNOWN
            book = gate.books.setdefault(journal, Book())
            if gate.current == UNKNOWN and journal != UNKNOWN:
                del gate.books[UNKNOWN]
                gate.current = journal
            for zone, grant in grants.zones.items():
                book.share(zone).granted = max(book.share(zone).granted, grant.granted)

    def synced(self) -> Change:
        """The broker has told all that it kept; it may have forgotten our word, which is said again."""
        change = Change()
        if not self._synced:
            self._synced = True
            if self._fresh:
                self.term = self._highest_term + 1
                change.puts[_TERM] = self.term
                change.puts.update({_GATE + name: gate.saved() for name, gate in self._gates.items()})
        asked = {name for name, gate in self._gates.items() if any(share.wanted for share in gate.book.zones.values())}
        self._settle(change, asked.union(self.entrances), self._zones())
        return change

    def write_off(self, device: str) -> Change:
        """A person's word that a journal of this gate will not come back: its unused rights are free.

        Means the journals it had before, or where there are none the one it has.

        Raises:
            KeeperError: there is none, or the gate is online with its only journal.
        """
        gate = self._gates.get(device, Gate())
        kept = {journal for journal, book in gate.books.items() if not book.written_off} - {UNKNOWN}
        gone = kept - {gate.current, self._online.get(device)} or kept
        if not gone:
            raise KeeperError(f"{device} has no journal that could be written off")
        if self._online.get(device) in gone:
            raise KeeperError(f"{device} is online with its only journal")
        for journal in gone:
            gate.books[journal].written_off = True
        change = Change({_GATE + device: gate.saved()})
        self._settle(change, set(), self._zones())
        return change

    # --- deciding -----------------------------------------------------------------------------------

    @property
    def _active(self) -> bool:
        return self._synced and self.caps is not None

    def _shares(self, zone: str) -> list[tuple[Book, Share]]:
        books = (book for gate in self._gates.values() for book in gate.books.values())
        return [(book, book.zones[zone]) for book in books if zone in book.zones]

    def _zones(self) -> set[str]:
        named = set[str]() if self.caps is None else {BUILDING, *self.caps.zones}
        return named.union(*(book.zones for gate in self._gates.values() for book in gate.books.values()))

    def _settle(self, change: Change, told: set[str], zones: Iterable[str]) -> None:
        """Bring what is outstanding to the caps, as far as rights are there; put what changed into the change."""
        if not self._active:
            return
        changed = set[str]()
        for zone in sorted(zones):
            cap = self.cap(zone)
            if cap is not None:
                free = cap - self.outstanding(zone)
                if free < 0:
                    changed |= self._collect(zone, -free)
                else:
                    changed |= self._mint(zone, free - self._kept(cap))
        for device in changed:
            change.puts[_GATE + device] = self._gates[device].saved()
        for device in sorted(changed | told):
            change.grants[device] = self.grants(device)

    def _heard(self, device: str) -> bool:
        """Whether this gate was ever there."""
        return device in self._online or self._gates[device].current != UNKNOWN

    def _kept(self, cap: int) -> int:
        """Rights that are kept for entrances that were never heard: nobody else could use what is given to them."""
        unheard = sum(not self._heard(name) for name in self.entrances)
        return cap // len(self.entrances) * unheard if unheard else 0

    def _mint(self, zone: str, count: int) -> set[str]:
        alive = [name for name in self.entrances if self._heard(name) and not self._gates[name].book.written_off]
        if not alive or count <= 0:
            return set()
        if any(share.granted for _, share in self._shares(zone)):
            parts = {min(alive, key=lambda name: self._wealth(name, zone)): count}
        else:
            parts = dict.fromkeys(alive, count // len(alive))
            parts[alive[0]] += count % len(alive)
        for name, part in parts.items():
            self._gates[name].book.share(zone).granted += part
        return {name for name, part in parts.items() if part}

    def _wealth(self, device: str, zone: str) -> tuple[int, int, int]:
        """By which the poorest is found: rights left, rights ever given, and the order of the configuration."""
        given = self._gates[device].book.share(zone).granted
        return self.available(device, zone), given, self.entrances.index(device)

    def _collect(self, zone: str, excess: int) -> set[str]:
        """Want rights back, from whoever has most, and only what is there: the rest as it appears."""
        free: dict[str, int] = {}
        for name, gate in self._gates.items():
            if gate.current != UNKNOWN and not gate.book.written_off and zone in gate.book.zones:
                share = gate.book.zones[zone]
                available = max(0, self.available(name, zone))
                coming = min(share.wanted - share.released, available)
                excess -= coming
                free[name] = available - coming
        changed = set[str]()
        for name in sorted(free, key=lambda name: (-free[name], name)):
            part = min(excess, free[name])
            if part > 0:
                share = self._gates[name].book.zones[zone]
                share.wanted += part
                excess -= part
                changed.add(name)
        return changed
