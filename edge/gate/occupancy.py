"""This gate's part of the bounded counter: who is inside, and whether one more may come.

A shared count breaks when the network does; rights do not (escrow: O'Neil 1986; Balegas et al. 2015).
The keeper splits each zone's cap into grants; a gate admits only from what it holds:

    available = granted + exits + received − entries − released − sent

All numbers are cumulative and merged by ``max``, so lost, doubled or reordered messages do no harm.
The building is the zone ``*``. Readers with a pass are counted apart and need no right.

People who come in without a right (a tailgater, by force, by a guard's count) take a gate below zero. That
is a debt of the whole building: whichever gate sees it pays it with the rights that it has, before anybody
else uses them, and with those that become free later. Two gates that pay the same debt leave a surplus at
the debtor, where it can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from edge.site.contract import BUILDING, ContractError
from edge.site.tally import Tally, tallies

PASSES = "*passes"
"""Key under which holders of a pass are counted; not a zone: zone names of the contract hold no ``*``."""
MAX_ZONES: Final = 500
MAX_FORMER: Final = 50
"""Journals that a device had before its present one."""
MAX_PEERS: Final = 100
"""Gates to which one journal passed rights of one zone."""
MAX_COUNT: Final = 1_000_000_000
"""What a message of the contract can tell, each of these."""


class Occupancy:
    """The counter of one gate.

    Args:
        device: the gate's name; rights that peers sent to it are found under it.
        saved: the journal's keys under ``count/``, as `changes` gave them.

    Attributes:
        moved: our numbers changed; whoever passes on what is free takes it back.
    """

    def __init__(self, device: str, saved: Mapping[str, Any]) -> None:
        self.device = device
        self.unlimited: frozenset[str] = frozenset()
        self.reserved: frozenset[str] = frozenset()
        self._own = tallies({key[10:]: row for key, row in saved.items() if key.startswith("count/own/")})
        self._others: dict[tuple[str, str], dict[str, Tally]] = {}
        self._former: set[tuple[str, str]] = set()
        self._news: set[str] = set()
        self._indebted: set[str] = set()
        self._changed: dict[str, Any] = {}
        self.moved = True
        for key, zones in saved.items():
            if key.startswith("count/row/"):
                _, _, peer, journal = key.split("/", 3)  # a journal's id may be any text
                self._others[peer, journal] = tallies(zones)
        self._received_before: dict[str, int] | None = saved.get("count/received_before")
        for zone in list(self._own):
            self._receive(zone)
        self._release_wanted: dict[str, int] = dict(saved.get("count/release_wanted", {}))

    # --- what holds -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether this journal knows what its predecessors had received; before that it holds no rights."""
        return self._received_before is not None

    @property
    def neighbours(self) -> set[str]:
        """The other gates of which rows are known."""
        return {peer for peer, _ in self._others} - {self.device}

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
        """How many more may enter here by the rights held; below zero after a tailgater.

        Rights that were in a lost journal are lost; what it owed is owed still.
        """
        owed = sum(
            min(0, rows[zone].available)
            for (peer, _), rows in self._others.items()
            if peer == self.device and zone in rows
        )
        return self._own.get(zone, Tally()).available + owed

    def free(self) -> dict[str, int]:
        """Rights held and not used, by zone, where there are any; those of a building without a cap mean nothing."""
        held = {zone: self.available(zone) for zone in self._own if zone not in self.unlimited | {PASSES}}
        return {zone: count for zone, count in held.items() if count > 0}

    def missing(self, zones: Iterable[str], people: int = 1) -> list[str]:
        """Which of these zones lack rights for so many people."""
        free = self.unlimited | {PASSES}
        return [zone for zone in zones if zone not in free and self.available(zone) < people]

    def inside(self, zone: str) -> int:
        """People inside by all rows known here; below zero when exits were seen and entries were not."""
        return self.own(zone).inside + sum(rows[zone].inside for rows in self._others.values() if zone in rows)

    def peers(self, zone: str) -> dict[str, int]:
        """What each peer holds of a zone by the rows known here, and what is on its way there; below zero: it owes.

        Without what is on its way a gate that is off would look poor for ever and attract every right.
        """
        held: dict[str, int] = {}
        gifts = dict(self._own[zone].sent) if zone in self._own else {}
        for (peer, journal), rows in self._others.items():
            if zone in rows:
                if peer != self.device:
                    usable = rows[zone].available
                    if (peer, journal) in self._former:
                        usable = min(0, usable)
                    held[peer] = held.get(peer, 0) + usable
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
            journal: {zone: tally.row() for zone, tally in rows.items() if zone != PASSES}
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
            self._freed(zone)

    def grant(self, zone: str, granted: int, release_wanted: int) -> None:
        """The keeper's word for this journal, both numbers cumulative."""
        tally = self.own(zone)
        if granted > tally.granted:
            tally.granted = granted
            self._freed(zone)
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
        return self._send(peer, zone, wanted, self.available(zone) - (zone in self.reserved))

    def pay(self) -> None:
        """Look at what was heard since the last time: pay what neighbours owe, as far as rights are free here.

        What is not paid yet is paid of whatever becomes free. This comes before the keeper's wish, and before
        the reader who is being served: with every right in use, nobody may come in.
        """
        if not self._news:
            return
        for zone in sorted(self._news - {PASSES}):
            if any(held < 0 for held in self.peers(zone).values()):
                self._indebted.add(zone)
                self._pay(zone)
            else:
                self._indebted.discard(zone)
        self._news.clear()

    def check(self, device: str, told: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """See that a device's rows, by journal and zone, can be held beside the others.

        Raises:
            ContractError: there would be more than a message of the contract can tell.
        """
        if any((device, journal) not in self._others for journal in told):
            journals = {journal for peer, journal in self._others if peer == device}.union(told)
            _limit(device, "journals", len(journals), MAX_FORMER + (device != self.device))  # the present one is known
        self.check_zones(zone for zones in told.values() for zone in zones)
        more: dict[str, int] = {}
        for journal, zones in told.items():
            rows = self._others.get((device, journal), {})
            for zone, row in zones.items():
                if row["sent"]:
                    sent = rows[zone].sent if zone in rows else {}
                    _limit(device, "peers in sent", len(sent.keys() | row["sent"].keys()), MAX_PEERS)
                    gift = row["sent"].get(self.device, 0) - sent.get(self.device, 0)
                    if gift > 0 and device != self.device:
                        more[zone] = more.get(zone, 0) + gift
        for zone, gift in more.items():
            _limit(device, "rights sent to us", self._sent_to_us(zone) + gift, MAX_COUNT)

    def check_zones(self, zones: Iterable[str]) -> None:
        """See that there is room for these zones.

        Raises:
            ContractError: there would be more than a message of the contract can tell.
        """
        new = {zone for zone in zones if zone not in self._own}
        if new:
            _limit("occupancy", "zones", len((self.zones() | new) - {BUILDING}), MAX_ZONES)

    def merge(self, device: str, journal: str, zones: Mapping[str, Mapping[str, Any]], *, former: bool = False) -> bool:
        """Take another journal's row (or one of our former ones); True if it told something new.

        ``former``: its device has another journal now.
        """
        rows = self._others.setdefault((device, journal), {})
        gifts: list[str] = []
        changed = former and (device, journal) not in self._former
        if changed:
            self._former.add((device, journal))
            self._news.update(rows)
        for zone, row in zones.items():
            tally = rows.setdefault(zone, Tally())
            had = tally.sent.get(self.device, 0)
            if tally.merge(row):
                self._news.add(zone)
                changed = True
                if tally.sent.get(self.device, 0) != had:
                    gifts.append(zone)
        # Peers keep their own rows; here a row is kept only for the rights in it, and for the dead.
        if gifts or (changed and device == self.device):
            self._changed[f"count/row/{device}/{journal}"] = {zone: t.row() for zone, t in rows.items()}
        self.moved = self.moved or (changed and device == self.device)  # what a lost journal owed, it may owe no more
        for zone in gifts:
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
                self._freed(zone)

    def _freed(self, zone: str) -> None:
        """There may be rights to use now: for debts first."""
        self._touch(zone)
        if zone in self._indebted:
            self._pay(zone)

    def _pay(self, zone: str) -> None:
        if zone not in self.unlimited:
            for peer, held in sorted(self.peers(zone).items()):
                self._send(peer, zone, -held, self.available(zone))

    def _send(self, peer: str, zone: str, wanted: int, free: int) -> int:
        count = max(0, min(wanted, free))
        if count:
            tally = self.own(zone)
            tally.sent[peer] = tally.sent.get(peer, 0) + count
            self._touch(zone)
        return count

    def _touch(self, zone: str) -> None:
        self.moved = True
        self._changed[f"count/own/{zone}"] = self.own(zone).row()

    def _sent_to_us(self, zone: str) -> int:
        return sum(
            rows[zone].sent.get(self.device, 0)
            for (peer, _), rows in self._others.items()
            if zone in rows and peer != self.device
        )


def _limit(where: str, what: str, count: int, limit: int) -> None:
    if count > limit:
        raise ContractError(f"{where}: {count} {what}, expected at most {limit}")
